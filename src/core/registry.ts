/** Which devices there are: register and unregister. */
import { validId, validTtl, validType } from './device.js';
import { DevstateError, notFound, quote, usage } from './errors.js';
import type { Fleet } from './fleet.js';
import { readDevices } from './records.js';
import { untilSettled } from './retry.js';
import { REGISTER, UNREGISTER } from './scripts.js';

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

/**
 * Registers a device, or gives a registered one another type, metadata or TTL; all else of
 * it stays. @throws DevstateError USAGE, CONFLICT, BAD_RECORD, CONNECTION
 */
export async function register(
  fleet: Fleet,
  id: string,
  type: string,
  options: RegisterOptions = {},
): Promise<Registration> {
  validId(id);
  validType(type);
  const ttl = options.ttl === undefined ? '' : validTtl(options.ttl);
  let oldType = await storedType(fleet, id);
  return untilSettled(fleet.requestTimeout, async () => {
    const [code, detail, registeredAt] = await fleet.run(REGISTER, { onlyIfNew: options.onlyIfNew ? 1 : 0 }, [
      { id, type, oldType, metadata: options.metadataJson ?? '', ttl },
    ]);
    if (code === 3) {
      throw new DevstateError('CONFLICT', `device ${quote(id)} is registered already`, {
        hint: 'leave out --if-new to update it',
      });
    }
    if (code === 2) {
      oldType = String(detail);
      return undefined;
    }
    await fleet.noteTtl(Number(ttl));
    return { deviceId: id, deviceType: type, created: detail === 1, registeredAt: Number(registeredAt) };
  });
}

/**
 * Removes a device and all that is kept of it.
 * @throws DevstateError NOT_FOUND, USAGE, BAD_RECORD, CONNECTION
 */
export async function unregister(fleet: Fleet, id: string): Promise<void> {
  validId(id);
  let type = await storedType(fleet, id);
  await untilSettled(fleet.requestTimeout, async () => {
    const [code, detail] = await fleet.run(UNREGISTER, {}, [{ id, type }]);
    if (code === 0) throw notFound(id);
    if (code === 2) {
      type = String(detail);
      return undefined;
    }
    return true;
  });
}

/** The type set to take the device out of; the script checks that it still is the one. */
async function storedType(fleet: Fleet, id: string): Promise<string> {
  const [reading] = await readDevices(fleet, [id], ['type']);
  if (reading?.error) throw reading.error;
  return reading?.device?.deviceType ?? '';
}

/** Removes every key of a namespace, whatever it holds. @throws USAGE without a namespace */
export async function eraseNamespace(fleet: Fleet): Promise<void> {
  const { namespace } = fleet.options;
  if (!namespace) throw usage('only a namespace can be erased');
  const pattern = `${namespace.replace(/[\\*?[\]]/g, '\\$&')}:*`;
  let cursor = '0';
  do {
    const [next, keys] = await fleet.send(() => fleet.redis.scan(cursor, 'MATCH', pattern, 'COUNT', 500));
    if (keys.length > 0) await fleet.send(() => fleet.redis.unlink(...keys));
    cursor = next;
  } while (cursor !== '0');
}
