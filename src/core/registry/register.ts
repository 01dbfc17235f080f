/** Which devices there are: register and unregister. */

import {
  type ItemResult,
  isConnectionError,
  itemFailure,
  sendValidItems,
  settleAll,
  splitAtRepeats,
  unwrapOne,
} from '../async/item-results.js';
import { validId, validTtl, validType } from '../model/device.js';
import { DevstateError, deviceError, notFoundError, quote, usageError } from '../model/errors.js';
import { type DeviceReading, readDevices } from '../query/read-devices.js';
import { mapItemsByPartition } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import { retryUntilSettled } from '../store/retry.js';
import { runInChunks } from '../store/script-chunks.js';
import { MAX_DEVICES_PER_SCRIPT, REGISTER, REMOVE_FROM_TYPE, UNREGISTER } from '../store/scripts.js';
import { scanSet } from '../store/set-scan.js';

export interface Registration {
  deviceId: string;
  deviceType: string;
  /** False: it was there and got what was given. */
  created: boolean;
  registeredAt: number;
}

export interface RegisterOptions {
  /** JSON object text; replaces what is there. Not given: what is there stays. */
  metadataJson?: string;
  /** The device's own heartbeat TTL, ms. Not given: what is there stays. */
  ttl?: number;
  /** @throws CONFLICT on a device that is registered */
  onlyIfNew?: boolean;
}

/** A device to register, with what it is given. */
export interface Registrant extends Omit<RegisterOptions, 'onlyIfNew'> {
  id: string;
  type: string;
}

/**
 * Registers a device, or gives a registered one another type, metadata or TTL; all else of
 * it stays. @throws DevstateError USAGE, CONFLICT, BAD_RECORD, CONNECTION
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
 * The same for many devices, in order; each succeeds or fails alone. A TTL that cannot be noted is the
 * failure of those that gave one. @throws DevstateError CONNECTION when all are of one partition and it is lost
 */
export async function registerAll(
  fleet: Fleet,
  registrants: readonly Registrant[],
  onlyIfNew = false,
): Promise<ItemResult<Registration>[]> {
  const registerRuns = async (partition: Fleet, group: readonly Registrant[]) => {
    const results: ItemResult<Registration>[] = [];
    for (const run of splitAtRepeats(group, () => true)) {
      results.push(...(await runInChunks(run, (chunk) => send(partition, chunk, onlyIfNew), weigh)));
    }
    return results;
  };
  return sendValidItems(registrants, validRegistrant, async (all) => {
    const results = await mapItemsByPartition(fleet, all, registerRuns);
    const ttls = all.map(({ ttl = 0 }, i) => (results[i] instanceof DevstateError ? 0 : Math.round(ttl)));
    const noting = fleet.noteTtl(ttls.reduce((most, ttl) => Math.max(most, ttl), 0));
    const unnoted = await noting.catch((error: unknown) => {
      if (isConnectionError(error)) return error;
      throw error;
    });
    return unnoted
      ? results.map((result, i) => (ttls[i] ? deviceError((all[i] as Registrant).id, unnoted) : result))
      : results;
  });
}

function weigh({ metadataJson = '' }: Registrant): number {
  return metadataJson.length;
}

function validRegistrant(registrant: Registrant): Registrant {
  validId(registrant.id);
  validType(registrant.type);
  if (registrant.ttl !== undefined) validTtl(registrant.ttl);
  return registrant;
}

/**
 * The old type set is among a script's keys, so it has to be known before: taken to be the
 * new one (most are new, or stay what they are), else told by the script and tried again.
 */
async function send(
  fleet: Fleet,
  registrants: readonly Registrant[],
  onlyIfNew: boolean,
): Promise<ItemResult<Registration>[]> {
  const attempt = (list: readonly Registrant[], oldType?: string) =>
    fleet.run(
      REGISTER,
      { onlyIfNew: onlyIfNew ? 1 : 0 },
      list.map(({ id, type, metadataJson = '', ttl }) => ({
        ...{ id, type, oldType: oldType ?? type, metadata: metadataJson },
        ttl: ttl === undefined ? '' : validTtl(ttl),
      })),
    ) as Promise<Reply[]>;
  const replies = await attempt(registrants);
  return settleAll(
    replies.map(async (reply, i) => {
      const registrant = registrants[i] as Registrant;
      if (reply[0] !== 2) return registration(fleet, registrant, registrant.type, reply);
      let oldType = String(reply[1]);
      const again = retryUntilSettled(fleet.requestTimeout, async () => {
        const [next = [4, 'no reply']] = await attempt([registrant], oldType);
        if (next[0] !== 2) return next;
        oldType = String(next[1]);
        return undefined;
      });
      const settled = await itemFailure(again);
      return settled instanceof DevstateError ? settled : registration(fleet, registrant, oldType, settled);
    }),
  );
}

type Reply = [code: number, detail?: string | number, registeredAt?: number];

async function registration(
  fleet: Fleet,
  { id, type }: Registrant,
  oldType: string,
  [code, detail, registeredAt]: Reply,
): Promise<ItemResult<Registration>> {
  if (code === 1)
    return { deviceId: id, deviceType: type, created: detail === 1, registeredAt: Number(registeredAt) };
  if (code === 4) return fleet.itemError(REGISTER, { id, type, oldType }, String(detail));
  return new DevstateError('CONFLICT', `device ${quote(id)} is registered already`, {
    hint: 'leave out --if-new to update it',
  });
}

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
  fleet.refuseReadOnly(UNREGISTER.name);
  const removeAll = async (partition: Fleet, all: readonly string[]) => {
    const results: ItemResult<null>[] = [];
    for (let from = 0; from < all.length; from += MAX_DEVICES_PER_SCRIPT) {
      const chunk = all.slice(from, from + MAX_DEVICES_PER_SCRIPT);
      const readings = await readDevices(partition, chunk, ['type']);
      await leaveStaleTypes(partition, readings);
      results.push(...(await settleAll(readings.map((reading) => itemFailure(remove(partition, reading))))));
    }
    return results;
  };
  return sendValidItems(ids, validId, (all) => mapItemsByPartition(fleet, all, removeAll));
}

async function remove(fleet: Fleet, { id, device, error }: DeviceReading): Promise<null> {
  if (error) throw error;
  let type = device?.deviceType ?? '';
  return retryUntilSettled(fleet.requestTimeout, async () => {
    const [code, detail] = await fleet.run(UNREGISTER, {}, [{ id, type }]);
    if (code === 0) throw notFoundError(id);
    if (code === 1) return null;
    type = String(detail);
    return undefined;
  });
}

/** Another program may have registered a device anew as of another type: the old set holds it still. */
async function leaveStaleTypes(fleet: Fleet, readings: readonly DeviceReading[]): Promise<void> {
  const readable = readings.filter(({ error }) => !error);
  const ids = readable.map(({ id }) => id);
  if (ids.length === 0) return;
  for await (const types of scanSet(fleet, fleet.keys.types)) {
    const answers = await fleet.pipeline(types.map((type) => ['smismember', fleet.keys.type(type), ...ids]));
    const stale = types.flatMap((type, i) => {
      const members = answers[i];
      if (!Array.isArray(members)) return []; // of another type: the script of who is in it says so
      return readable.flatMap(({ id, device }, place) =>
        members[place] === 1 && device?.deviceType !== type ? [{ id, type }] : [],
      );
    });
    await Promise.all(stale.map((member) => fleet.run(REMOVE_FROM_TYPE, {}, [member])));
  }
}

/** Removes every key of a namespace, whatever it holds. @throws USAGE without a namespace */
export async function eraseNamespace(fleet: Fleet): Promise<void> {
  const { namespace } = fleet.options;
  if (!namespace) throw usageError('only a namespace can be erased');
  const pattern = `${namespace.replace(/[\\*?[\]]/g, '\\$&')}:*`;
  for (const server of fleet.servers()) {
    let cursor = '0';
    do {
      const [next, keys] = await fleet.send(() => server.scan(cursor, 'MATCH', pattern, 'COUNT', 500));
      await fleet.pipeline(keys.map((key) => ['unlink', key]));
      cursor = next;
    } while (cursor !== '0');
  }
}
