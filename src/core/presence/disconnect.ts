/** Disconnecting devices: they go offline at once, before their heartbeat key expires. */
import { type ItemResult, itemFailure, sendValidItems, unwrapOne } from '../async/item-results.js';
import { settleAll } from '../async/settled.js';
import { notFoundError } from '../model/errors.js';
import { validId } from '../model/identifiers.js';
import { mapItemsByPartition } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import { runInChunks } from '../store/script-chunks.js';
import { DISCONNECT } from '../store/scripts.js';

/**
 * Takes a device offline now: deletes its heartbeat key and, if it was online, announces it offline.
 * @returns whether it was online
 * @throws DevstateError NOT_FOUND, USAGE, BAD_RECORD, CONNECTION
 */
export async function disconnect(fleet: Fleet, id: string): Promise<boolean> {
  return unwrapOne(await disconnectAll(fleet, [id]));
}

/**
 * Takes many devices offline. The results are in the order of the ids; each one succeeds or fails alone.
 * @throws DevstateError CONNECTION when all devices are of one partition and its connection is lost
 */
export async function disconnectAll(fleet: Fleet, ids: readonly string[]): Promise<ItemResult<boolean>[]> {
  return sendValidItems(ids, validId, (valid) =>
    mapItemsByPartition(fleet, valid, (partition, group) =>
      runInChunks(group, (chunk) => settleAll(chunk.map((id) => itemFailure(disconnectOne(partition, id))))),
    ),
  );
}

async function disconnectOne(partition: Partition, id: string): Promise<boolean> {
  const { longestTtl } = await partition.settings();
  const [code, wasOnline] = await partition.run(DISCONNECT, { longestTtl }, [{ id }]);
  if (code === 0) throw notFoundError(id);
  return wasOnline === 1;
}
