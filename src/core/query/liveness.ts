/** Reads which devices are online, for devices whose records were read before. */
import type { DeviceRecord } from '../model/device.js';
import { GONE_PTTL, livenessOf } from '../model/device-decoder.js';
import { mapByPartition } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import type { RedisRequest } from '../store/replies.js';
import { parseServerTime } from '../store/server-time.js';

type Liveness = ReturnType<typeof livenessOf>;

/**
 * Returns devices that were read without their heartbeat keys, with the right status and expiry. It is for devices that
 * are probably offline: one EXISTS for each partition checks all heartbeat keys, and TTLs are read only if a key
 * exists.
 * @throws DevstateError CONNECTION
 */
export async function withLiveness(fleet: Fleet, devices: readonly DeviceRecord[]): Promise<DeviceRecord[]> {
  const ids = devices.map(({ deviceId }) => deviceId);
  const liveness = await mapByPartition(fleet, ids, readLiveness);
  return devices.map((device, i) => ({ ...device, ...liveness[i] }));
}

async function readLiveness(partition: Partition, ids: readonly string[]): Promise<Liveness[]> {
  const keys = ids.map((id) => partition.keys.heartbeat(id));
  const offline = livenessOf({ pttl: GONE_PTTL, now: 0 });
  if (keys.length === 0 || (await partition.ask('exists', ...keys)) === 0) return ids.map(() => offline);
  const commands = keys.map((key): RedisRequest => ['pttl', key]);
  const [time, ...ttls] = await partition.pipeline([['time'], ...commands]);
  const now = parseServerTime(time);
  return ttls.map((pttl) => livenessOf({ pttl: Number(pttl), now }));
}
