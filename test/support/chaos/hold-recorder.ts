/** Polls the pulse of every partition, to record when there was a hold. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Partition } from '../../../src/core/store/partition.js';
import { parsePulse } from '../hold/pulse.js';
import { type Hold, holdsIn, type Sample } from './holds.js';
import type { ClockStep } from './times.js';

export interface PartitionHold extends Hold {
  partition: number;
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
      const { from = 0, to = 0 } = parsePulse(pulse) ?? {};
      this.#samples[partition]?.push({ sentAt, answeredAt: Date.now(), from, to });
    }
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#polling;
  }

  /** The holds of all partitions. */
  holds(steps: readonly ClockStep[], real: (ms: number) => number): PartitionHold[] {
    return this.#samples.flatMap((samples, partition) => {
      const affecting = steps.filter(({ partitions }) => partitions.has(partition));
      return holdsIn(samples, affecting, real).map((hold) => ({ partition, ...hold }));
    });
  }
}
