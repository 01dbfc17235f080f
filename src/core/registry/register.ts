/** Registers devices, and changes the type, metadata and TTL of registered ones. */
import {
  type ItemResult,
  itemFailure,
  sendValidItems,
  splitAtRepeats,
  unwrapOne,
} from '../async/item-results.js';
import { settleAll } from '../async/settled.js';
import { DevstateError, deviceError, isConnectionError, quote } from '../model/errors.js';
import { validTtl } from '../model/heartbeat.js';
import { validId, validType } from '../model/identifiers.js';
import { mapItemsByPartition } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import { retryUntilSettled } from '../store/retry.js';
import { runInChunks } from '../store/script-chunks.js';
import { REGISTER } from '../store/scripts.js';

export interface Registration {
  deviceId: string;
  deviceType: string;
  /** False: the device was registered already, and was updated. */
  created: boolean;
  /** When it was first registered, epoch ms. */
  registeredAt: number;
}

export interface RegisterOptions {
  /** JSON text of an object that replaces the metadata. Not given: unchanged. */
  metadataJson?: string;
  /** The device's own heartbeat TTL, ms. Not given: unchanged. */
  ttl?: number;
  /** True: fails with CONFLICT if the device is registered already. */
  onlyIfNew?: boolean;
}

/** A device to register. */
export interface Registrant extends Omit<RegisterOptions, 'onlyIfNew'> {
  id: string;
  type: string;
}

/**
 * Registers a device. If it is registered already, its type changes to this one, and its metadata and TTL if they
 * are given; everything else stays.
 * @throws DevstateError USAGE, CONFLICT, BAD_RECORD, CONNECTION
 */
export async function register(
  fleet: Fleet,
  id: string,
  type: string,
  { onlyIfNew = false, ...given }: RegisterOptions = {},
): Promise<Registration> {
  return unwrapOne(await registerAll(fleet, [{ id, type, ...given }], onlyIfNew));
}

/**
 * Registers many devices. The results are in the order of the devices; each one succeeds or fails alone. If the
 * fleet's longest TTL cannot be raised, the devices with a TTL fail, although they were registered.
 * @throws DevstateError CONNECTION when all devices are of one partition and its connection is lost
 */
export async function registerAll(
  fleet: Fleet,
  registrants: readonly Registrant[],
  onlyIfNew = false,
): Promise<ItemResult<Registration>[]> {
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

/** Registers devices of one partition. The caller must validate them, and raise the fleet's longest TTL afterwards. */
export async function registerAllIn(
  partition: Partition,
  registrants: readonly Registrant[],
  onlyIfNew = false,
): Promise<ItemResult<Registration>[]> {
  const results: ItemResult<Registration>[] = [];
  for (const distinct of splitAtRepeats(registrants, () => true)) {
    const run = (chunk: readonly Registrant[]) => runRegister(partition, chunk, onlyIfNew);
    results.push(...(await runInChunks(distinct, run, metadataLength)));
  }
  return results;
}

function metadataLength({ metadataJson = '' }: Registrant): number {
  return metadataJson.length;
}

function validRegistrant(registrant: Registrant): Registrant {
  validId(registrant.id);
  validType(registrant.type);
  if (registrant.ttl !== undefined) validTtl(registrant.ttl);
  return registrant;
}

type Reply = [code: number, detail?: string | number, registeredAt?: number];

/**
 * Runs the script, whose keys must include the set of the device's old type. The first run passes the new type as
 * the old one: right for new devices and for an unchanged type. Otherwise the script replies with the old type,
 * and is run again for that device.
 */
async function runRegister(
  partition: Partition,
  registrants: readonly Registrant[],
  onlyIfNew: boolean,
): Promise<ItemResult<Registration>[]> {
  const attempt = (list: readonly Registrant[], oldType?: string) =>
    partition.run(
      REGISTER,
      { onlyIfNew: onlyIfNew ? 1 : 0 },
      list.map(({ id, type, metadataJson = '', ttl }) => ({
        id,
        type,
        oldType: oldType ?? type,
        metadata: metadataJson,
        ttl: ttl === undefined ? '' : validTtl(ttl),
      })),
    ) as Promise<Reply[]>;
  const replies = await attempt(registrants);
  return settleAll(
    replies.map(async (reply, i) => {
      const registrant = registrants[i] as Registrant;
      if (reply[0] !== 2) return toRegistration(partition, registrant, registrant.type, reply);
      let oldType = String(reply[1]);
      const secondRun = retryUntilSettled(partition.requestTimeoutMs, async () => {
        const [next = [4, 'no reply']] = await attempt([registrant], oldType);
        if (next[0] !== 2) return next;
        oldType = String(next[1]);
        return undefined;
      });
      const settled = await itemFailure(secondRun);
      if (settled instanceof DevstateError) return settled;
      return toRegistration(partition, registrant, oldType, settled);
    }),
  );
}

async function toRegistration(
  partition: Partition,
  { id, type }: Registrant,
  oldType: string,
  [code, detail, registeredAt]: Reply,
): Promise<ItemResult<Registration>> {
  if (code === 1)
    return { deviceId: id, deviceType: type, created: detail === 1, registeredAt: Number(registeredAt) };
  if (code === 4) return partition.itemError(REGISTER, { id, type, oldType }, String(detail));
  return new DevstateError('CONFLICT', `device ${quote(id)} is registered already`, {
    reason: 'ALREADY_REGISTERED',
  });
}
