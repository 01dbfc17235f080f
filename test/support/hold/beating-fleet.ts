/** A fleet in a namespace of its own: its devices beat by a schedule that goes on whatever happens, until they die. */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { detect } from '../../../src/core/detection/detector.js';
import { DevstateError } from '../../../src/core/model/errors.js';
import type { PresenceEvent } from '../../../src/core/model/presence-event.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { registerAll } from '../../../src/core/registry/register.js';
import { Fleet } from '../../../src/core/store/fleet.js';
import type { Link } from '../../../src/core/store/link.js';
import type { Partition } from '../../../src/core/store/partition.js';
import { logOf, numberedIds, until } from '../fleet.js';

/** The request timeout of what the test itself asks, ms. */
const PATIENT_MS = 15_000;

export interface BeatingPlan {
  readonly namespace: string;
  readonly ttlMs: number;
  /** The time between two heartbeats of a device, ms. */
  readonly everyMs: number;
  /** When a device first beats, ms after the start, up to `everyMs`. */
  readonly phaseMs: () => number;
  readonly devices: number;
}

export interface Links {
  readonly devices: Link;
  readonly detector: Link;
  /** Never disturbed. */
  readonly observer: Link;
}

/** What is known of a device at the end. */
export interface DeviceStory {
  readonly id: string;
  readonly isDead: boolean;
  /** The time of its last heartbeat by its record, ms on the server's clock. */
  readonly lastSeen: number;
  readonly events: readonly PresenceEvent[];
}

export class BeatingFleet {
  /** When heartbeats were done by their replies, ms on the server's clock. */
  readonly answeredAt: number[] = [];
  readonly #plan: BeatingPlan;
  readonly #beating: Fleet;
  readonly #observed: Fleet;
  /** When devices die, ms on the clock of `performance.now()`: the first one, the second one and so on. */
  #deaths: readonly number[] = [];
  readonly #end = new AbortController();
  readonly #running: Promise<void>[] = [];

  private constructor(plan: BeatingPlan, links: Links, requestTimeout: number) {
    const options = { namespace: plan.namespace, requestTimeout };
    setMaxListeners(0, this.#end.signal); // each device waits for it
    this.#plan = plan;
    this.#beating = new Fleet(links.devices, options);
    this.#observed = new Fleet(links.observer, { namespace: plan.namespace, requestTimeout: PATIENT_MS });
    this.#run(this.#detect(new Fleet(links.detector, options)));
  }

  /**
   * Resolves when its devices have sent heartbeats, two each as a rule.
   * @param requestTimeout of devices and detector, ms
   */
  static async start(plan: BeatingPlan, links: Links, requestTimeout: number): Promise<BeatingFleet> {
    const fleet = new BeatingFleet(plan, links, requestTimeout);
    const ids = numberedIds(plan.devices);
    await registerAll(
      fleet.#observed,
      ids.map((id) => ({ id, type: 'lamp', ttl: plan.ttlMs })),
    );
    const startedAt = performance.now();
    for (const [i, id] of ids.entries()) fleet.#run(fleet.#beat(i, id, startedAt + plan.phaseMs()));
    await until(() => fleet.answeredAt.length >= 2 * ids.length);
    return fleet;
  }

  /** Makes the first devices send no more heartbeats from these times on, ms from now. */
  letDie(...inMs: number[]): void {
    this.#deaths = inMs.map((ms) => performance.now() + ms);
  }

  /** Waits until a number of timeouts are in the log; returns them. */
  async announced(count: number): Promise<PresenceEvent[]> {
    const [partition] = (await this.#observed.partitions()) as [Partition];
    let timeouts: PresenceEvent[] = [];
    await until(async () => {
      timeouts = (await logOf(partition)).filter(({ reason }) => reason === 'timeout');
      return timeouts.length >= count;
    });
    return timeouts;
  }

  /** Ends heartbeats and detector, and returns what came of each device until then. */
  async end(): Promise<DeviceStory[]> {
    const [partition] = (await this.#observed.partitions()) as [Partition];
    const events = await logOf(partition);
    this.#end.abort();
    await Promise.all(this.#running);
    const ids = numberedIds(this.#plan.devices);
    const seen = (await partition.pipeline(
      ids.map((id) => ['hget', partition.keys.state(id), 'lastSeen']),
    )) as string[];
    return ids.map((id, i) => ({
      id,
      isDead: i < this.#deaths.length,
      lastSeen: Number(seen[i]),
      events: events.filter(({ deviceId }) => deviceId === id),
    }));
  }

  #run(work: Promise<void>): void {
    work.catch(() => {}); // `end` rejects with the error
    this.#running.push(work);
  }

  async #detect(fleet: Fleet): Promise<void> {
    for await (const _event of detect(fleet, { signal: this.#end.signal }));
  }

  async #beat(index: number, id: string, firstAt: number): Promise<void> {
    const sent: Promise<void>[] = [];
    for (let at = firstAt; ; at += this.#plan.everyMs) {
      await sleep(at - performance.now(), undefined, { signal: this.#end.signal }).catch(() => {});
      const isDead = performance.now() >= (this.#deaths[index] ?? Number.POSITIVE_INFINITY);
      if (isDead || this.#end.signal.aborted) break;
      sent.push(this.#send(id));
    }
    await Promise.all(sent);
  }

  async #send(id: string): Promise<void> {
    try {
      this.answeredAt.push((await heartbeat(this.#beating, { id })).lastSeen);
    } catch (error) {
      if (!(error instanceof DevstateError && error.code === 'CONNECTION')) throw error;
    }
  }
}
