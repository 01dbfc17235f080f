/**
 * Work on many devices or on all partitions: it is distributed to the partitions, and the results are put in the
 * order of the items again. A fleet that is not partitioned is the case of one partition.
 */
import type { ItemResult } from '../async/item-results.js';
import { mapConcurrently } from '../async/settled.js';
import { deviceError, isConnectionError } from '../model/errors.js';
import type { Fleet } from './fleet.js';
import type { Partition } from './partition.js';
import { partitionNumber } from './partition-number.js';

/** How many partitions work at the same time. The memory for their results grows with it. */
export const PARTITIONS_AT_ONCE = 8;

type Identified = string | { id: string };

/** The items of one partition, and their indexes in the whole list. */
interface Group<Item> {
  items: Item[];
  indexes: number[];
}

/** Returns a result for each item, in order. */
type GroupWork<Item, Result> = (partition: Partition, items: readonly Item[]) => Promise<readonly Result[]>;

/**
 * Calls `work` once for each partition that has some of the devices, and returns a result for each item, in order.
 * Rejects if one of the partitions fails.
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
 * The same for items that each succeed or fail alone: if a partition cannot be reached, only its items fail. All
 * partitions work at the same time, so that one that cannot be reached delays none.
 * @throws DevstateError CONNECTION if all items are in one partition and it cannot be reached
 */
export async function mapItemsByPartition<Item extends Identified, Result>(
  fleet: Fleet,
  items: readonly Item[],
  work: GroupWork<Item, ItemResult<Result>>,
): Promise<readonly ItemResult<Result>[]> {
  const workOrErrors: typeof work = async (partition, group) => {
    try {
      return await work(partition, group);
    } catch (error) {
      if (group.length === items.length || !isConnectionError(error)) throw error;
      return group.map((item) => deviceError(idOf(item), error));
    }
  };
  return mapByPartition(fleet, items, workOrErrors, items.length);
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

function idOf(item: Identified): string {
  return typeof item === 'string' ? item : item.id;
}

/** Returns one result for each partition, by number. Rejects if one of the partitions fails. */
export async function mapPartitions<Result>(
  fleet: Fleet,
  work: (partition: Partition) => Promise<Result>,
): Promise<Result[]> {
  return mapConcurrently(await fleet.partitions(), work, PARTITIONS_AT_ONCE);
}
