/**
 * Unregisters devices: removes their records, histories, heartbeat keys and entries in the sets and the index. It needs no
 * readable record: a device with a login of its own may write anything there.
 */
import { type ItemResult, unwrapOne } from '../async/item-results.js';
import { sendBatches, sendEach, sendValidItems } from '../async/send-batches.js';
import { slices } from '../async/slices.js';
import { notFoundError } from '../model/errors.js';
import { validId } from '../model/identifiers.js';
import { type DeviceReading, readDevicesIn } from '../query/read-devices.js';
import { mapItemsByPartition } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import { retryUntilDone } from '../store/retry.js';
import { MAX_DEVICES_PER_SCRIPT, REMOVE_FROM_TYPE, UNREGISTER } from '../store/scripts.js';
import { scanSet } from '../store/set-scan.js';

/**
 * Unregisters a device. If the device was announced online, it is announced offline.
 * @throws DevstateError NOT_FOUND; CONFLICT: other clients changed its type during every attempt; USAGE, BAD_RECORD,
 *   CONNECTION
 */
export async function unregister(fleet: Fleet, id: string): Promise<void> {
  unwrapOne(await unregisterAll(fleet, [id]));
}

/**
 * Unregisters many devices, each of which succeeds or fails alone.
 * @returns for each id, in order: null if the device was unregistered, or its error
 * @throws DevstateError USAGE: the fleet is read-only; CONNECTION: no device was answered
 */
export async function unregisterAll(fleet: Fleet, ids: readonly string[]): Promise<ItemResult<null>[]> {
  fleet.assertWritable(UNREGISTER.name);
  const removeChunk = async (partition: Partition, chunk: readonly string[]) => {
    const readings = await readDevicesIn(partition, chunk, ['type']);
    const removable = readings.filter(({ error }) => !error || error.code === 'BAD_RECORD');
    const memberships = await findMemberships(
      partition,
      removable.map(({ id }) => id),
    );
    return sendEach(readings, (reading) => remove(partition, reading, memberships.get(reading.id) ?? []));
  };
  return sendValidItems(ids, validId, (all) =>
    mapItemsByPartition(fleet, all, (partition, group) =>
      sendBatches(slices(group, MAX_DEVICES_PER_SCRIPT), (chunk) => removeChunk(partition, chunk), 1),
    ),
  );
}

/**
 * Removes a device from the sets of types that it does not have, and then the device. It may be in such sets, because
 * other programs that register a device with a new type leave it in the set of its old type.
 * @param memberships the types whose sets the device is in. If its record cannot be read, the first is taken for its type
 */
async function remove(
  partition: Partition,
  { id, device, error }: DeviceReading,
  memberships: readonly string[],
): Promise<null> {
  if (error && error.code !== 'BAD_RECORD') throw error;
  let type = (error ? memberships[0] : device?.deviceType) ?? '';
  const former = memberships.filter((each) => each !== type);
  await Promise.all(former.map((each) => partition.run(REMOVE_FROM_TYPE, {}, [{ id, type: each }])));
  const { longestTtl, hold } = await partition.settings();
  const args = { longestTtl, holdTtls: hold };
  let anyType = 0;
  return retryUntilDone(partition.requestTimeoutMs, async () => {
    const { reply } = await partition.run(UNREGISTER, args, [{ id, type, anyType }]);
    const [code, detail] = reply;
    if (code === 0) throw notFoundError(id);
    if (code === 1) return null;
    // A type that is not UTF-8 was changed when it was decoded, so it can never be given. Any other given type is not the
    // device's, but if another program changed the type, the device is still in the set of the given one.
    if (detail === type) anyType = 1;
    else await partition.run(REMOVE_FROM_TYPE, {}, [{ id, type }]);
    type = String(detail);
    return undefined;
  });
}

/** Returns for each device, by its id, the types whose sets it is in; no entry if there are none. */
async function findMemberships(
  partition: Partition,
  ids: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, string[]>();
  if (ids.length === 0) return found;
  for await (const types of scanSet(partition, partition.keys.types)) {
    const answers = await partition.pipeline(
      types.map((type) => ['smismember', partition.keys.type(type), ...ids]),
    );
    for (const [i, type] of types.entries()) {
      const members = answers[i];
      // The key of the type holds no set. It is skipped: `remove` fails with BAD_RECORD for devices of this type.
      if (!Array.isArray(members)) continue;
      for (const [j, id] of ids.entries())
        if (members[j] === 1) found.set(id, [...(found.get(id) ?? []), type]);
    }
  }
  return found;
}
