/** Polls the pulse of every partition, to record when there was a hold. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Partition } from '../../../src/core/store/partition.js';
import { type Pulse, parsePulse } from '../hold/pulse.js';
import type { Hold, Span } from './log-checker.js';
import type { Outage } from './topologies.js';

/** Which devices are held depends on their TTLs; the tests of the hold prove it. */
const NEVER: Span = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
/** The longest TTL of a device that expires in a run, ms. */
const LONGEST_TTL_MS = 5000;

/** Until when devices may be held after the last outage of a pulse, epoch ms; 0: there was none. */
function possibleEnd(pulse: Pulse | undefined): number {
  return pulse && pulse.to > 0 ? pulse.to + Math.min(LONGEST_TTL_MS, 4 * (pulse.to - pulse.from)) : 0;
}

export interface PartitionHold extends Hold {
  partition: number;
}

/** One read of a pulse: when it was sent and answered, and until when the hold lasts that it contains, all in ms. */
export interface Sample {
  sentAt: number;
  answeredAt: number;
  holdUntil: number;
}

export class HoldRecorder {
  readonly #samples: Sample[][];
  readonly #intervalMs: number;
  #ended = false;
  readonly #polling: Promise<unknown>;

  constructor(partitions: readonly Partition[]) {
    this.#samples = partitions.map(() => []);
    this.#intervalMs = partitions.length === 1 ? 50 : 200;
    this.#polling = Promise.all(partitions.map((partition, i) => this.#poll(partition, i)));
  }

  async #poll({ redis, keys }: Partition, partition: number): Promise<void> {
    for (; !this.#ended; await sleep(this.#intervalMs)) {
      const sentAt = Date.now();
      const pulse = await redis.get(keys.pulse).catch(() => null); // Redis is down or loads its data
      if (pulse === null) continue;
      this.#samples[partition]?.push({
        sentAt,
        answeredAt: Date.now(),
        holdUntil: possibleEnd(parsePulse(pulse)),
      });
    }
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#polling;
  }

  /** The holds of all partitions. */
  holds(outages: readonly Outage[]): PartitionHold[] {
    return this.#samples.flatMap((samples, partition) => {
      const affecting = outages.filter(({ partitions }) => partitions.has(partition));
      return holdsIn(samples, affecting).map((hold) => ({ partition, ...hold, certain: NEVER }));
    });
  }
}

/**
 * The holds that samples of one partition's pulse show. A hold begins between two samples; if an outage was
 * between them, with the first script after the outage. It is certain up to its end, or up to the last sample that
 * shows it: a failover to a replica that did not have the latest pulse ends a hold early.
 */
export function holdsIn(
  samples: readonly Sample[],
  outages: readonly Pick<Outage, 'began' | 'ended'>[],
): Hold[] {
  return samples.flatMap(({ answeredAt, holdUntil }, i) => {
    const before = samples[i - 1];
    if (before === undefined || holdUntil <= before.holdUntil) return [];
    const between = outages.filter(({ began, ended }) => began[0] <= answeredAt && ended >= before.sentAt);
    const starts = between.map(({ began }) => began);
    const earliest = starts.length > 0 ? Math.min(...starts.map(([from]) => from)) : before.sentAt;
    const latest = starts.length > 0 ? Math.max(...starts.map(([, to]) => to)) : answeredAt;
    const lostAt = samples.findIndex((later, j) => j > i && later.holdUntil < holdUntil);
    const lastShown = lostAt === -1 ? holdUntil : (samples[lostAt - 1] as Sample).sentAt;
    return [{ certain: [latest, Math.min(holdUntil, lastShown)], possible: [earliest, holdUntil] }];
  });
}
