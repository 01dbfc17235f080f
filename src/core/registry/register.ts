/** Registers devices, and changes the type, metadata and TTL of registered ones. */
import { type ItemResult, splitAtRepeats, unwrapOne } from '../async/item-results.js';
import { sendBatches, sendValidItems } from '../async/send-batches.js';
import { DevstateError, deviceError, isConnectionError } from '../model/errors.js';
import { validTtl } from '../model/heartbeat.js';
import { validId, validType } from '../model/identifiers.js';
import { mapItemsByPartition } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import { runInChunks } from '../store/script-chunks.js';
import { REGISTER } from '../store/scripts.js';
import type { RegisterOptions, Registrant, Registration } from './registration.js';
import { runRegister } from './run-register.js';

/**
 * Registers a device. If the device is registered already, its type is replaced, and also its metadata and TTL if they
 * are given; its state stays as it is.
 * @throws DevstateError CONFLICT: registered already, with `onlyIfNew`, or changed by other clients during every
 *   attempt; USAGE, BAD_RECORD, CONNECTION
 */
export async function register(
  fleet: Fleet,
  id: string,
  type: string,
  { onlyIfNew = false, ...values }: RegisterOptions = {},
): Promise<Registration> {
  return unwrapOne(await registerAll(fleet, [{ id, type, ...values }], onlyIfNew));
}

/**
 * Registers many devices. The results are in the order of the devices; each device succeeds or fails alone. Afterwards
 * the fleet's setting `longestTtl` is raised to the longest TTL given. If that fails, the devices for which a TTL was
 * given fail too, although they were registered.
 * @throws DevstateError CONNECTION: no device was answered; USAGE: the fleet may not be written to
 */
export async function registerAll(
  fleet: Fleet,
  registrants: readonly Registrant[],
  onlyIfNew = false,
): Promise<ItemResult<Registration>[]> {
  fleet.assertWritable(REGISTER.name);
  return sendValidItems(registrants, validRegistrant, async (valid) => {
    const results = await mapItemsByPartition(fleet, valid, (partition, group) =>
      registerAllIn(partition, group, onlyIfNew),
    );
    const ttls = valid.map(({ ttl = 0 }, i) => (results[i] instanceof DevstateError ? 0 : Math.round(ttl)));
    const failure = await raiseLongestTtl(fleet, ttls);
    if (!failure) return results;
    return results.map((result, i) => (ttls[i] ? deviceError((valid[i] as Registrant).id, failure) : result));
  });
}

async function raiseLongestTtl(fleet: Fleet, ttls: readonly number[]): Promise<DevstateError | undefined> {
  try {
    await fleet.raiseLongestTtl(ttls.reduce((longest, ttl) => Math.max(longest, ttl), 0));
    return undefined;
  } catch (error) {
    if (isConnectionError(error)) return error;
    throw error;
  }
}

/**
 * Registers devices of one partition. The caller must validate the devices before. Afterwards, if a device has a
 * longer TTL than the fleet's setting `longestTtl`, the caller must raise the setting.
 */
export function registerAllIn(
  partition: Partition,
  registrants: readonly Registrant[],
  onlyIfNew = false,
): Promise<ItemResult<Registration>[]> {
  const run = (chunk: readonly Registrant[]) => runRegister(partition, chunk, onlyIfNew);
  const distinct = splitAtRepeats(registrants);
  return sendBatches(distinct, (some) => runInChunks(some, run, metadataLength), 1);
}

function metadataLength({ metadataJson = '' }: Registrant): number {
  return metadataJson.length;
}

/**
 * Returns the device as it is, if its id, type and TTL are valid. @throws DevstateError USAGE: one of them is invalid
 */
export function validRegistrant(registrant: Registrant): Registrant {
  validId(registrant.id);
  validType(registrant.type);
  if (registrant.ttl !== undefined) validTtl(registrant.ttl);
  return registrant;
}
