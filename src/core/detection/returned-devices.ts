/**
 * Finds devices that have come back, in a fleet whose devices have logins of their own. Such a device sets its
 * heartbeat key without announcing it. So the heartbeat keys of all offline devices are checked each second, 200 with
 * one command.
 */
import { slices } from '../async/slices.js';
import type { Partition } from '../store/partition.js';
import type { RedisRequest } from '../store/replies.js';
import type { ReturnPauses } from './return-pauses.js';
import type { Poller } from './suspect-source.js';

const INTERVAL_MS = 1000;
/** How long until the settings are looked at again, if the devices of the fleet have no logins of their own, ms. */
const IDLE_MS = 60_000;
const KEYS_PER_COMMAND = 200;
/** The most EXISTS commands in one call, so at most 2,000 devices. */
const COMMANDS_PER_CALL = 10;

export class ReturnedDevices implements Poller {
  readonly #partition: Partition;
  readonly #pauses: ReturnPauses;
  /** The rank in the index at which the next call begins. Offline devices come first in the index. */
  #rank = 0;
  /** When the round that is under way, or the next one, was due to begin, ms on the clock of `performance.now()`. */
  #roundAtMs = performance.now();
  #dueAtMs = 0;

  constructor(partition: Partition, pauses: ReturnPauses) {
    this.#partition = partition;
    this.#pauses = pauses;
  }

  /** Returns the offline devices of the next part of the index that have a heartbeat key. */
  async next(): Promise<string[]> {
    if (performance.now() < this.#dueAtMs) return [];
    if (!(await this.#partition.settings()).deviceLogins) {
      this.#dueAtMs = performance.now() + IDLE_MS;
      return [];
    }
    const { ids, isLast } = await this.#nextOffline();
    const found = await this.#alive(ids.filter((id) => !this.#pauses.isPaused(id)));
    if (isLast) this.#endRound();
    return found;
  }

  msUntilNext(): number {
    return Math.max(0, this.#dueAtMs - performance.now());
  }

  #endRound(): void {
    this.#rank = 0;
    this.#roundAtMs = Math.max(this.#roundAtMs + INTERVAL_MS, performance.now());
    this.#dueAtMs = this.#roundAtMs;
  }

  async #nextOffline(): Promise<{ ids: string[]; isLast: boolean }> {
    const count = KEYS_PER_COMMAND * COMMANDS_PER_CALL;
    const { keys } = this.#partition;
    const [from, to] = [this.#rank, this.#rank + count - 1];
    const flat = await this.#partition.ask('zrange', keys.activity, from, to, 'WITHSCORES');
    this.#rank += count;
    const ids: string[] = [];
    for (let i = 0; i < flat.length; i += 2) {
      if (Number(flat[i + 1]) > 0) return { ids, isLast: true };
      ids.push(flat[i] as string);
    }
    return { ids, isLast: flat.length < 2 * count };
  }

  /**
   * Returns the devices whose heartbeat keys exist. One EXISTS counts 200 keys; only in groups with a count above 0
   * each key is asked for.
   */
  async #alive(ids: readonly string[]): Promise<string[]> {
    const groups = [...slices(ids, KEYS_PER_COMMAND)];
    const { keys } = this.#partition;
    const exists = (...of: readonly string[]): RedisRequest => [
      'exists',
      ...of.map((id) => keys.heartbeat(id)),
    ];
    const counts = await this.#partition.pipeline(groups.map((group) => exists(...group)));
    const candidates = groups.flatMap((group, i) => (counts[i] === 0 ? [] : group));
    const replies = await this.#partition.pipeline(candidates.map((id) => exists(id)));
    return candidates.filter((_, i) => replies[i] === 1);
  }
}
