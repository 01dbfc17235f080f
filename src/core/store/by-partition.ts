/**
 * Runs work on many devices, or on all partitions of a fleet. Devices are grouped by their partition, and their
 * results are returned in the order in which the devices were given. A fleet that is not partitioned has one partition.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ItemResult } from '../async/item-results.js';
import { type Identified, idOf, sendBatches, sendUnfinished } from '../async/send-batches.js';
import { mapConcurrently } from '../async/settled.js';
import { DevstateError } from '../model/errors.js';
import type { Fleet } from './fleet.js';
import { isLayoutChanged } from './layout-changed.js';
import type { Partition } from './partition.js';
import { partitionNumber } from './partition-number.js';

/**
 * The most partitions of a fleet that are worked on at the same time. A higher number would use more memory, because
 * the replies of all these partitions are in memory together.
 */
export const PARTITIONS_AT_ONCE = 8;
/**
 * The pause before work that the former partitions refused is done in the new ones, ms: `devstate init` writes the new
 * number to each partition before it writes it to the settings.
 */
const LAYOUT_PAUSE_MS = 50;

/**
 * The items whose devices belong to one partition, and the index of each item in the caller's list, so that its
 * result can be put at the same index.
 */
interface Group<Item> {
  items: Item[];
  indexes: number[];
}

/**
 * A function that handles items whose devices belong to one partition, and returns one result for each item, in the
 * order of the items.
 */
type GroupWork<Item, Result> = (partition: Partition, items: readonly Item[]) => Promise<readonly Result[]>;

/**
 * Groups the items by the partition of their device, calls `work` once for each group, and returns one result for each
 * item, in the order of the items. Rejects if the work of one partition fails.
 * @param limit how many partitions are worked on at the same time
 */
export async function mapByPartition<Item extends Identified, Result>(
  fleet: Fleet,
  items: readonly Item[],
  work: GroupWork<Item, Result>,
  limit = PARTITIONS_AT_ONCE,
): Promise<readonly Result[]> {
  const partitions = await fleet.partitions();
  const [only] = partitions;
  if (partitions.length === 1 && only) return work(only, items);
  const results: Result[] = new Array(items.length);
  await mapConcurrently(
    [...groupByPartition(items, partitions.length)],
    async ([number, group]) => {
      const groupResults = await work(partitions[number] as Partition, group.items);
      for (const [i, index] of group.indexes.entries()) results[index] = groupResults[i] as Result;
    },
    limit,
  );
  return results;
}

/**
 * Groups the items by the partition of their device, calls `work` once for each group, and returns one result or error
 * for each item, in order. If a partition cannot be reached, only its items fail. All partitions are worked on at the
 * same time, so that a partition that cannot be reached does not delay the others. If the number of partitions was
 * changed, scripts refuse to write to the former partitions, which have no devices. The work is then done in the new
 * partitions, within the request timeout.
 * @throws DevstateError CONNECTION: no partition can be reached
 */
export function mapItemsByPartition<Item extends Identified, Result>(
  fleet: Fleet,
  items: readonly Item[],
  work: GroupWork<Item, ItemResult<Result>>,
): Promise<readonly ItemResult<Result>[]> {
  const end = performance.now() + fleet.requestTimeoutMs;
  const inLayout: GroupWork<Item, ItemResult<Result>> = async (partition, group) => {
    try {
      const results = await work(partition, group);
      await assertLayoutIfMissing(partition, results);
      return results;
    } catch (error) {
      if (!isLayoutChanged(error)) throw error;
      return group.map(() => error);
    }
  };
  const map = async (some: readonly Item[]): Promise<readonly ItemResult<Result>[]> =>
    sendUnfinished(some, await mapOnce(fleet, some, inLayout), isLayoutChanged, async (refused, errors) => {
      if (performance.now() + LAYOUT_PAUSE_MS > end) return errors;
      await sleep(LAYOUT_PAUSE_MS);
      fleet.invalidateSettings();
      return map(refused);
    });
  return map(items);
}

/**
 * Checks the number of partitions if a device was not found: it may be in another partition.
 * @throws DevstateError CONFLICT: the number was changed; CONNECTION, BAD_RECORD
 */
async function assertLayoutIfMissing(
  partition: Partition,
  results: readonly ItemResult<unknown>[],
): Promise<void> {
  const isMissing = (result: unknown) => result instanceof DevstateError && result.code === 'NOT_FOUND';
  if (results.some(isMissing)) await partition.assertLayout();
}

async function mapOnce<Item extends Identified, Result>(
  fleet: Fleet,
  items: readonly Item[],
  work: GroupWork<Item, ItemResult<Result>>,
): Promise<readonly ItemResult<Result>[]> {
  const partitions = await fleet.partitions();
  const [only] = partitions;
  if (partitions.length === 1 && only) return work(only, items);
  const groups = [...groupByPartition(items, partitions.length)];
  const numbers = new Map<readonly Item[], number>(groups.map(([number, group]) => [group.items, number]));
  const sent = await sendBatches(
    numbers.keys(),
    (group) => work(partitions[numbers.get(group) as number] as Partition, group),
    groups.length,
  );
  const results: ItemResult<Result>[] = new Array(items.length);
  const indexes = groups.flatMap(([, group]) => group.indexes);
  for (const [i, index] of indexes.entries()) results[index] = sent[i] as ItemResult<Result>;
  return results;
}

function groupByPartition<Item extends Identified>(
  items: readonly Item[],
  partitions: number,
): Map<number, Group<Item>> {
  const groups = new Map<number, Group<Item>>();
  for (const [index, item] of items.entries()) {
    const number = partitionNumber(idOf(item), partitions);
    const group = groups.get(number) ?? { items: [], indexes: [] };
    group.items.push(item);
    group.indexes.push(index);
    groups.set(number, group);
  }
  return groups;
}

/**
 * Calls `work` for every partition, and returns the results in the order of the partition numbers. Rejects if `work`
 * fails for one partition.
 */
export async function mapPartitions<Result>(
  fleet: Fleet,
  work: (partition: Partition) => Promise<Result>,
): Promise<Result[]> {
  return mapConcurrently(await fleet.partitions(), work, PARTITIONS_AT_ONCE);
}
