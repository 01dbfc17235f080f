/**
 * Corrects the sets and the index of a partition, so that they agree with its records and heartbeat keys. They may
 * differ, because other programs write records and heartbeat keys without updating the index. Queries of an exclusive
 * fleet use the index alone, so it must be correct before a fleet is declared exclusive.
 */
import { sendValidItems } from '../async/send-batches.js';
import { DevstateError, isConnectionError } from '../model/errors.js';
import { settle } from '../presence/settle.js';
import { readDevicesIn } from '../query/read-devices.js';
import { registeredIdsIn } from '../query/registered-ids.js';
import { registerAllIn, validRegistrant } from '../registry/register.js';
import type { Partition } from '../store/partition.js';
import type { RedisRequest } from '../store/replies.js';
import { REMOVE_FROM_TYPE } from '../store/scripts.js';
import { scanSet, scanSortedSet } from '../store/set-scan.js';

/**
 * Corrects the sets and the index of one partition.
 * @param onProgress called after each chunk of registered devices, with the number of devices in the chunk
 * @throws DevstateError BAD_RECORD if devices cannot be indexed: all other devices have been corrected; CONNECTION
 */
export async function alignIndex(partition: Partition, onProgress: (count: number) => void): Promise<void> {
  const { keys } = partition;
  let failureCount = 0;
  let first: DevstateError | undefined;
  const note = (failures: readonly DevstateError[]) => {
    failureCount += failures.length;
    first ??= failures[0];
  };
  for await (const ids of registeredIdsIn(partition)) {
    note(await alignDevices(partition, ids));
    onProgress(ids.length);
  }
  for await (const ids of scanSet(partition, keys.online)) note(await alignUnregistered(partition, ids));
  for await (const ids of scanSortedSet(partition, keys.activity))
    note(await alignUnregistered(partition, ids));
  for await (const types of scanSet(partition, keys.types)) {
    for (const type of types) {
      for await (const ids of registeredIdsIn(partition, type))
        await removeFromWrongType(partition, type, ids);
    }
  }
  if (first) {
    throw new DevstateError('BAD_RECORD', `${failureCount} devices cannot be indexed: ${first.message}`, {
      reason: 'BROKEN_RECORDS',
      cause: first,
    });
  }
}

/** Corrects the sets and the index for some devices. @returns the errors of the devices that cannot be indexed */
async function alignDevices(partition: Partition, ids: readonly string[]): Promise<DevstateError[]> {
  const { verdicts } = await settle(partition, ids, { areRegistered: true });
  const settled = ids.filter((_, i) => !(verdicts[i] instanceof DevstateError));
  const registrations = await registerWhereMissing(partition, settled);
  const errors = [...verdicts, ...registrations].filter((result) => result instanceof DevstateError);
  const lost = errors.find(isConnectionError);
  if (lost) throw lost;
  return errors;
}

/**
 * Registers again each device that is missing in the set of registered ids or in the set of its type, or whose type
 * is missing in the set of types. The type is taken from the device's record. The registration adds what is missing,
 * and leaves the device's state as it is. Returns the registrations, and the errors of the devices whose type cannot be
 * read.
 */
async function registerWhereMissing(partition: Partition, ids: readonly string[]) {
  const { keys } = partition;
  const readings = await readDevicesIn(partition, ids, ['type']);
  const typed = readings.flatMap(({ id, device }) =>
    device?.deviceType ? [{ id, type: device.deviceType }] : [],
  );
  const isMember = await partition.pipeline(
    typed.flatMap(({ id, type }): RedisRequest[] => [
      ['sismember', keys.type(type), id],
      ['sismember', keys.types, type],
      ['sismember', keys.registered, id],
    ]),
  );
  const missing = typed.filter((_, i) => isMember.slice(3 * i, 3 * i + 3).includes(0));
  const registrations = await sendValidItems(missing, validRegistrant, (valid) =>
    registerAllIn(partition, valid),
  );
  return [...readings.flatMap(({ error }) => error ?? []), ...registrations];
}

/**
 * Corrects devices that are in the online set or the index, but not in the set of registered ids. A device whose
 * record has a type is registered. A device without a record is removed from the index and, unless its heartbeat key
 * exists, from the online set.
 * @param ids devices from the online set or the index, registered or not
 */
async function alignUnregistered(partition: Partition, ids: readonly string[]): Promise<DevstateError[]> {
  const registered = await partition.ask('smismember', partition.keys.registered, ...ids);
  const unregistered = ids.filter((_, i) => registered[i] === 0);
  return unregistered.length > 0 ? alignDevices(partition, unregistered) : [];
}

/**
 * Removes devices from the set of a type if their record has another type.
 * @param ids members of the set of `type`
 */
async function removeFromWrongType(
  partition: Partition,
  type: string,
  ids: readonly string[],
): Promise<void> {
  const readings = await readDevicesIn(partition, ids, ['type']);
  const wrong = readings.filter(({ device, error }) => !error && device?.deviceType !== type);
  await Promise.all(wrong.map(({ id }) => partition.run(REMOVE_FROM_TYPE, {}, [{ id, type }])));
}
