/**
 * Collects the heartbeats of one tick, and sends them together. Each partition has a batch of its own, so that a
 * partition that does not answer delays only the heartbeats of its own devices.
 */
import { TickBatcher } from '../core/async/tick-batcher.js';
import type { Heartbeat, HeartbeatResult } from '../core/model/heartbeat.js';
import { validId } from '../core/model/identifiers.js';
import { heartbeat, heartbeatsIn } from '../core/presence/heartbeats.js';
import type { Fleet } from '../core/store/fleet.js';
import { isLayoutChanged } from '../core/store/layout-changed.js';
import type { Partition } from '../core/store/partition.js';

export class HeartbeatBatches {
  readonly #fleet: Fleet;
  readonly #defaultTtlMs: () => number;
  readonly #batchers = new WeakMap<Partition, TickBatcher<Heartbeat, HeartbeatResult>>();

  /** @param defaultTtlMs returns the TTL of devices without a TTL of their own, ms */
  constructor(fleet: Fleet, defaultTtlMs: () => number) {
    this.#fleet = fleet;
    this.#defaultTtlMs = defaultTtlMs;
  }

  /** Sends a heartbeat with the others of this tick. @throws DevstateError as `heartbeat` of the core does */
  async send(beat: Heartbeat): Promise<HeartbeatResult> {
    const partition = await this.#fleet.partitionFor(validId(beat.id));
    try {
      return await this.#batcherOf(partition).add(beat);
    } catch (error) {
      if (!isLayoutChanged(error)) throw error;
      return heartbeat(this.#fleet, beat, this.#defaultTtlMs()); // reads the settings again
    }
  }

  #batcherOf(partition: Partition): TickBatcher<Heartbeat, HeartbeatResult> {
    const existing = this.#batchers.get(partition);
    if (existing) return existing;
    const batcher = new TickBatcher<Heartbeat, HeartbeatResult>((beats) =>
      heartbeatsIn(partition, beats, this.#defaultTtlMs()),
    );
    this.#batchers.set(partition, batcher);
    return batcher;
  }
}
