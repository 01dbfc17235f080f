/**
 * Writes of which the records show afterwards whether and when they were done: each report and each desired state holds
 * a number of its own, so the history of the device shows it, by the server's clock, which is that of this machine.
 */

import { decodeEntry } from '../../src/core/history/history-entry.js';
import { DevstateError } from '../../src/core/model/errors.js';
import { parseJsonObject } from '../../src/core/model/json.js';
import { heartbeat } from '../../src/core/presence/heartbeats.js';
import { registerAll } from '../../src/core/registry/register.js';
import { setDesired } from '../../src/core/shadow/desired.js';
import type { Fleet } from '../../src/core/store/fleet.js';

/** CONFLICT: another write to the device was done at each attempt. */
const FAILURES: ReadonlySet<string> = new Set(['CONNECTION', 'CONFLICT']);

type Kind = 'reported' | 'desired';

interface Write {
  id: string;
  kind: Kind;
  /** When the caller got the result or the error, epoch ms. */
  endedAt: number;
  outcome: 'done' | 'not done' | 'unknown';
}

export interface Verdict {
  done: number;
  notDone: number;
  unknown: number;
  /** Of those with an unknown outcome, the number that were done; in time. */
  unknownDone: number;
  /**
   * Errors: writes that were done after their callers got an error, or although the callers were told that they were
   * not.
   */
  late: string[];
  /** Writes that were done more than once. */
  doubled: number[];
  /** Writes that succeeded and are not in the records. */
  missing: string[];
  /** The longest time of a call, ms. */
  longestMs: number;
}

/** How a write is made: by the core, or by a library object. */
export interface Writer {
  report(id: string, n: number): Promise<unknown>;
  desire(id: string, n: number): Promise<unknown>;
}

export function fleetWriter(fleet: Fleet): Writer {
  return {
    report: (id, n) => heartbeat(fleet, { id, reportedJson: `{"n":${n}}` }),
    desire: (id, n) => setDesired(fleet, id, parseJsonObject(`{"n":${n}}`)),
  };
}

export class RecordedWrites {
  readonly #writer: Writer;
  readonly #ids: readonly string[];
  readonly #writes: Write[] = [];
  #pending: Promise<void>[] = [];
  #longestMs = 0;

  /** @param ids devices that are registered, and that nobody else writes to */
  constructor(writer: Writer, ids: readonly string[]) {
    this.#writer = writer;
    this.#ids = ids;
  }

  /** Registers the devices. */
  static async start(fleet: Fleet, writer: Writer, ids: readonly string[]): Promise<RecordedWrites> {
    await registerAll(
      fleet,
      ids.map((id) => ({ id, type: 'lamp' })),
    );
    return new RecordedWrites(writer, ids);
  }

  /** Begins writes at a steady rate until the work is done, and waits until all have ended. */
  async during(perSecond: number, work: Promise<unknown>): Promise<void> {
    const begun = performance.now();
    let count = 0;
    const timer = setInterval(() => {
      for (const due = ((performance.now() - begun) / 1000) * perSecond; count < due; count++) this.write();
    }, 10);
    try {
      await work;
    } finally {
      clearInterval(timer);
    }
    await this.ended();
  }

  /** Begins one write: of four, three are reports. */
  write(): void {
    const n = this.#writes.length;
    const kind = n % 4 === 3 ? 'desired' : 'reported';
    const id = this.#ids[n % this.#ids.length] as string;
    const write: Write = { id, kind, endedAt: Number.POSITIVE_INFINITY, outcome: 'unknown' };
    this.#writes.push(write);
    const begun = performance.now();
    const call = kind === 'desired' ? this.#writer.desire(id, n) : this.#writer.report(id, n);
    const end = (outcome: Write['outcome']) => {
      write.outcome = outcome;
      write.endedAt = Date.now();
      this.#longestMs = Math.max(this.#longestMs, performance.now() - begun);
    };
    this.#pending.push(
      call.then(
        () => end('done'),
        (error: unknown) => {
          if (!(error instanceof DevstateError && FAILURES.has(error.code))) throw error;
          end(error.outcome ?? 'not done');
        },
      ),
    );
  }

  async ended(): Promise<void> {
    await Promise.all(this.#pending);
    this.#pending = [];
  }

  /** Compares the records with what the callers were told. @param fleet a connection that works */
  async check(fleet: Fleet): Promise<Verdict> {
    const done = new Map<number, number[]>();
    for (const id of this.#ids) {
      const { redis, keys } = await fleet.partitionFor(id);
      for (const kind of ['reported', 'desired'] as const) {
        for (const entry of await redis.lrange(keys.history(kind, id), 0, -1)) {
          const { at, value } = decodeEntry(id, kind, entry);
          const n = Number((value as { n: unknown }).n);
          done.set(n, [...(done.get(n) ?? []), at]);
        }
      }
    }
    const of = (outcome: Write['outcome']) => this.#writes.filter((write) => write.outcome === outcome);
    const told = this.#writes.map((write, n) => ({ ...write, n, at: done.get(n)?.[0] }));
    return {
      done: of('done').length,
      notDone: of('not done').length,
      unknown: of('unknown').length,
      unknownDone: told.filter(({ outcome, at }) => outcome === 'unknown' && at !== undefined).length,
      late: told
        .filter(({ outcome, at = 0, endedAt }) => at > endedAt || (outcome === 'not done' && at > 0))
        .map(
          ({ n, id, outcome, at = 0, endedAt }) => `${n} of ${id}: ${outcome}, done ${at - endedAt} ms after`,
        ),
      doubled: [...done].filter(([, times]) => times.length > 1).map(([n]) => n),
      missing: told
        .filter(({ outcome, at }) => outcome === 'done' && at === undefined)
        .map(({ n, id }) => `${n} of ${id}`),
      longestMs: Math.round(this.#longestMs),
    };
  }
}
