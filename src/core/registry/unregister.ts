/** Removing devices, with all that is kept of them. */
import { type ItemResult, itemFailure, sendValidItems, unwrapOne } from '../async/item-results.js';
import { settleAll } from '../async/settled.js';
import { notFoundError } from '../model/errors.js';
import { validId } from '../model/identifiers.js';
import { type DeviceReading, readDevicesIn } from '../query/read-devices.js';
import { mapItemsByPartition } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import { retryUntilSettled } from '../store/retry.js';
import { MAX_DEVICES_PER_SCRIPT, REMOVE_FROM_TYPE, UNREGISTER } from '../store/scripts.js';
import { scanSet } from '../store/set-scan.js';

/**
 * Removes a device and all that is kept of it.
 * @throws DevstateError NOT_FOUND, USAGE, BAD_RECORD, CONNECTION
 */
export async function unregister(fleet: Fleet, id: string): Promise<void> {
  unwrapOne(await unregisterAll(fleet, [id]));
}

/**
 * The same for many devices; of each, null or why it failed.
 * @throws DevstateError CONNECTION when all are of one partition and it is lost
 */
export async function unregisterAll(fleet: Fleet, ids: readonly string[]): Promise<ItemResult<null>[]> {
  fleet.assertWritable(UNREGISTER.name);
  const removeAll = async (partition: Partition, all: readonly string[]) => {
    const results: ItemResult<null>[] = [];
    for (let from = 0; from < all.length; from += MAX_DEVICES_PER_SCRIPT) {
      const chunk = all.slice(from, from + MAX_DEVICES_PER_SCRIPT);
      const readings = await readDevicesIn(partition, chunk, ['type']);
      await leaveStaleTypes(partition, readings);
      results.push(...(await settleAll(readings.map((reading) => itemFailure(remove(partition, reading))))));
    }
    return results;
  };
  return sendValidItems(ids, validId, (all) => mapItemsByPartition(fleet, all, removeAll));
}

async function remove(partition: Partition, { id, device, error }: DeviceReading): Promise<null> {
  if (error) throw error;
  let type = device?.deviceType ?? '';
  return retryUntilSettled(partition.requestTimeoutMs, async () => {
    const [code, detail] = await partition.run(UNREGISTER, {}, [{ id, type }]);
    if (code === 0) throw notFoundError(id);
    if (code === 1) return null;
    type = String(detail);
    return undefined;
  });
}

/** Removes devices from the sets of types they no longer have: a program that registers a device again leaves it in the old set. */
async function leaveStaleTypes(partition: Partition, readings: readonly DeviceReading[]): Promise<void> {
  const readable = readings.filter(({ error }) => !error);
  const ids = readable.map(({ id }) => id);
  if (ids.length === 0) return;
  for await (const types of scanSet(partition, partition.keys.types)) {
    const answers = await partition.pipeline(
      types.map((type) => ['smismember', partition.keys.type(type), ...ids]),
    );
    const stale = types.flatMap((type, i) => {
      const members = answers[i];
      if (!Array.isArray(members)) return []; // the key is no set: the script of the device in it reports that
      return readable.flatMap(({ id, device }, place) =>
        members[place] === 1 && device?.deviceType !== type ? [{ id, type }] : [],
      );
    });
    await Promise.all(stale.map((member) => partition.run(REMOVE_FROM_TYPE, {}, [member])));
  }
}
