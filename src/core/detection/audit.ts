/**
 * The audit: goes through all registered devices of a partition again and again, one slice at a time, so
 * that a device which another program changed without updating the index is found within one round. Each
 * slice is read by one SSCAN, so no request grows with the fleet. A second audit goes through the online set, for ids that
 * are not registered: other programs add them with each heartbeat, and settle removes those whose heartbeat key is gone.
 */
import type { Partition } from '../store/partition.js';
import { isDenied } from '../store/reply-errors.js';
import { MAX_DEVICES_PER_SCRIPT } from '../store/scripts.js';
import { ScanCursor } from '../store/set-scan.js';
import type { Poller } from './suspect-source.js';

/** The time in which the audit checks every device of the fleet once, if the caller gives none, ms. */
export const DEFAULT_AUDIT_ROUND_MS = 300_000;
/**
 * The longest time between two slices of the whole fleet, ms: in a fleet with n partitions, each partition reads a
 * slice after n times this time. If a partition has so many devices that its slices would not fit into a round, they
 * are read at shorter intervals.
 */
const MAX_SLICE_INTERVAL_MS = 1000;
const SLICE_SIZE = MAX_DEVICES_PER_SCRIPT;

/** The set that an audit goes through. */
type AuditedSet = 'registered' | 'online';

export class Audit implements Poller {
  readonly #partition: Partition;
  readonly #set: AuditedSet;
  readonly #roundMs: number;
  #cursor: ScanCursor;
  #roundCount = 0;
  /** Whether the slices of the present round are read without pauses. */
  #isHurried = false;
  /** The longest time between two slices of this partition, ms. */
  readonly #maxIntervalMs: number;
  #intervalMs: number;
  /** When the next slice is due, ms on the clock of `performance.now()`. */
  #dueAtMs = 0;

  /**
   * @param set `registered`: `next` returns all registered devices; `online`: the ids in the online set whose heartbeat
   * key is gone
   * @param roundMs the time in which the audit goes through the set once, ms
   * @param partitionCount the number of partitions of the fleet
   */
  constructor(partition: Partition, set: AuditedSet, roundMs: number, partitionCount: number) {
    this.#partition = partition;
    this.#set = set;
    this.#roundMs = roundMs;
    this.#cursor = cursorOver(partition, set);
    this.#maxIntervalMs = MAX_SLICE_INTERVAL_MS * partitionCount;
    this.#intervalMs = this.#maxIntervalMs;
  }

  /** How many rounds have ended. */
  get roundCount(): number {
    return this.#roundCount;
  }

  /** How many rounds will have ended when each device was read once from now on. */
  get nextWholeRound(): number {
    return this.#roundCount + (this.#cursor.isAtStart ? 1 : 2);
  }

  /** Begins a round now, and reads it without pauses. */
  startOver(): void {
    this.#cursor = cursorOver(this.#partition, this.#set);
    this.#isHurried = true;
    this.#dueAtMs = performance.now();
  }

  /** Returns the ids of the next slice; none before the slice is due. @throws DevstateError CONNECTION, BAD_RECORD */
  async next(): Promise<string[]> {
    if (performance.now() < this.#dueAtMs) return [];
    if (this.#cursor.isAtStart) await this.#planRound();
    const { found, isLast } = await this.#cursor.next(SLICE_SIZE);
    if (isLast) this.#roundCount += 1;
    if (this.#cursor.isAtStart) this.#isHurried = false;
    const intervalMs = this.#isHurried ? 0 : this.#intervalMs;
    // If slices were read late, the next ones are read at once, to make up for at most 1 s of delay: more would cause a
    // burst of requests.
    this.#dueAtMs = Math.max(this.#dueAtMs + intervalMs, performance.now() - MAX_SLICE_INTERVAL_MS);
    return this.#set === 'registered' ? found : this.#expired(found);
  }

  /**
   * Returns the ids that have no heartbeat key; all ids, if the user may not read one of the keys: settling reports
   * which.
   */
  async #expired(ids: string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const { keys } = this.#partition;
    try {
      const isAlive = await this.#partition.pipeline(ids.map((id) => ['exists', keys.heartbeat(id)]));
      return ids.filter((_, i) => isAlive[i] === 0);
    } catch (error) {
      if (isDenied(error)) return ids;
      throw error;
    }
  }

  msUntilNext(): number {
    return Math.max(0, this.#dueAtMs - performance.now());
  }

  /** Sets the time between two slices so that the slices of all ids that are in the set now fit into one round. */
  async #planRound(): Promise<void> {
    const size = await this.#partition.ask('scard', this.#partition.keys[this.#set]);
    const sliceCount = Math.max(1, Math.ceil(size / SLICE_SIZE));
    this.#intervalMs = Math.min(this.#maxIntervalMs, this.#roundMs / sliceCount);
    this.#dueAtMs = Math.max(this.#dueAtMs, performance.now());
  }
}

function cursorOver(partition: Partition, set: AuditedSet): ScanCursor {
  return new ScanCursor(partition, 'sscan', partition.keys[set]);
}
