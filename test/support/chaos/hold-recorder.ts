/** Looks at the pulse of every partition all the time, to learn when verdicts were held. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Partition } from '../../../src/core/store/partition.js';
import type { Hold } from './log-checker.js';
import type { Outage } from './topologies.js';

export interface PartitionHold extends Hold {
  partition: number;
}

/** It was looked at between these moments, and said that verdicts are held until then. */
interface Sample {
  asked: number;
  answered: number;
  until: number;
}

export class PulseWatch {
  readonly #samples: Sample[][];
  readonly #pause: number;
  #ended = false;
  readonly #watching: Promise<unknown>;

  constructor(partitions: readonly Partition[]) {
    this.#samples = partitions.map(() => []);
    this.#pause = partitions.length === 1 ? 50 : 200;
    this.#watching = Promise.all(partitions.map((partition, i) => this.#watch(partition, i)));
  }

  async #watch({ redis, keys }: Partition, partition: number): Promise<void> {
    for (; !this.#ended; await sleep(this.#pause)) {
      const asked = Date.now();
      const pulse = await redis.get(keys.pulse).catch(() => null); // it loads its data, or is down
      if (pulse === null) continue;
      this.#samples[partition]?.push({
        ...{ asked, answered: Date.now(), until: Number(pulse.split(' ')[2]) },
      });
    }
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#watching;
  }

  /** Each hold was opened between two samples, by the first script after an outage, if there was one between. */
  holds(outages: readonly Outage[]): PartitionHold[] {
    return this.#samples.flatMap((samples, partition) => {
      const felt = outages.filter(({ partitions }) => partitions.has(partition));
      return samples.flatMap(({ answered, until }, i) => {
        const before = samples[i - 1];
        if (before === undefined || until <= before.until) return [];
        const between = felt.filter(({ began, ended }) => began[0] <= answered && ended >= before.asked);
        const starts = between.map(({ began }) => began);
        const earliest = starts.length > 0 ? Math.min(...starts.map(([from]) => from)) : before.asked;
        const latest = starts.length > 0 ? Math.max(...starts.map(([, to]) => to)) : answered;
        return [{ partition, certain: [latest, until], possible: [earliest, until] }];
      });
    });
  }
}
