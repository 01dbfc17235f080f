/**
 * The keys that a script call passes, and the Redis type that each must have, in the order of the script's descriptor.
 */
import type { HistoryKind, Keyspace } from '../model/keyspace.js';
import type { KeyType } from './script-commands.js';
import type { DeviceKey, PartitionKey, ScriptKeys } from './script-descriptor.js';

/** The part of a device that the names of its keys are made from. */
interface KeyedDevice {
  id: string;
  type?: string;
  oldType?: string;
}

const KEY_TYPES: Record<PartitionKey | Exclude<DeviceKey, `history:${string}`>, KeyType> = {
  registered: 'set',
  types: 'set',
  online: 'set',
  activity: 'zset',
  log: 'stream',
  pulse: 'string',
  layout: 'string',
  meta: 'hash',
  state: 'hash',
  heartbeat: 'string',
  type: 'set',
  oldType: 'set',
};

export function keyType(key: PartitionKey | DeviceKey): KeyType {
  return key.startsWith('history:') ? 'list' : KEY_TYPES[key as PartitionKey];
}

/**
 * Returns every key that a script call may access: first those of the partition, then those of one device after
 * another.
 */
export function scriptKeys(
  { keys, deviceKeys }: ScriptKeys,
  keyspace: Keyspace,
  devices: readonly KeyedDevice[],
): string[] {
  return [
    ...keys.map((key) => keyspace[key]),
    ...devices.flatMap((device) => deviceKeys.map((key) => deviceKey(keyspace, key, device))),
  ];
}

function deviceKey(keyspace: Keyspace, key: DeviceKey, { id, type = '', oldType = '' }: KeyedDevice): string {
  switch (key) {
    case 'state':
      return keyspace.state(id);
    case 'heartbeat':
      return keyspace.heartbeat(id);
    case 'type':
      return keyspace.type(type);
    case 'oldType':
      return keyspace.type(oldType);
    default:
      return keyspace.history(key.slice('history:'.length) as HistoryKind, id);
  }
}

/**
 * Returns for each key that `scriptKeys` returns the Redis type that it must have if it exists, as TYPE names it.
 * @param deviceCount the number of devices of the script call
 */
export function expectedTypes({ keys, deviceKeys }: ScriptKeys, deviceCount: number): string[] {
  const each = deviceKeys.map(keyType);
  return [...keys.map(keyType), ...Array.from({ length: deviceCount }, () => each).flat()];
}
