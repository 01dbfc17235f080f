/** Disconnects devices: takes them offline at once, without waiting until their heartbeat keys expire. */
import { type ItemResult, unwrapOne } from '../async/item-results.js';
import { sendEach, sendValidItems } from '../async/send-batches.js';
import { notFoundError } from '../model/errors.js';
import { validId } from '../model/identifiers.js';
import { mapItemsByPartition } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import { runInChunks } from '../store/script-chunks.js';
import { DISCONNECT } from '../store/scripts.js';

/**
 * Takes a device offline now: deletes its heartbeat key, and announces the device offline unless that has been
 * announced already.
 * @returns whether the device was online, which means that its heartbeat key existed
 * @throws DevstateError NOT_FOUND, USAGE, BAD_RECORD, CONNECTION
 */
export async function disconnect(fleet: Fleet, id: string): Promise<boolean> {
  return unwrapOne(await disconnectAll(fleet, [id]));
}

/**
 * Takes many devices offline. The results are in the order of the ids; each device succeeds or fails alone.
 * @throws DevstateError CONNECTION: no device was answered
 */
export async function disconnectAll(fleet: Fleet, ids: readonly string[]): Promise<ItemResult<boolean>[]> {
  return sendValidItems(ids, validId, (valid) =>
    mapItemsByPartition(fleet, valid, (partition, group) =>
      runInChunks(group, (chunk) => sendEach(chunk, (id) => disconnectOne(partition, id))),
    ),
  );
}

async function disconnectOne(partition: Partition, id: string): Promise<boolean> {
  if (partition.isDeviceRole) return (await import('./plain-heartbeat.js')).plainDisconnect(partition, id);
  const { longestTtl, hold } = await partition.settings();
  const { reply } = await partition.run(DISCONNECT, { longestTtl, holdTtls: hold }, [{ id }]);
  const [code, wasOnline] = reply;
  if (code === 0) throw notFoundError(id);
  return wasOnline === 1;
}
