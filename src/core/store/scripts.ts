/**
 * One typed descriptor per Lua file: its keys, its arguments, in order. A script is one
 * transition: state, index, log and message change together or not at all. Keys and
 * arguments before the `|` of a file's header come once, those after it for each device;
 * a test holds headers and descriptors together.
 */
import { luaDialects } from '../model/dialect.js';
import type { HistoryKind, Keyspace } from '../model/keyspace.js';
import beatLua from './lua/beat.lua';
import disconnectLua from './lua/disconnect.lua';
import heartbeatLua from './lua/heartbeat.lua';
import leaveTypeLua from './lua/leave_type.lua';
import raiseTtlLua from './lua/raise_ttl.lua';
import registerLua from './lua/register.lua';
import setDesiredLua from './lua/set_desired.lua';
import settleLua from './lua/settle.lua';
import stepLua from './lua/step.lua';
import unregisterLua from './lua/unregister.lua';

export type FleetKey = 'registered' | 'types' | 'online' | 'activity' | 'log' | 'pulse' | 'meta';
export type DeviceKey = 'state' | 'heartbeat' | 'type' | 'oldType' | `history:${HistoryKind}`;

/** What every script is told first. */
export const HEADER = ['now', 'dialect', 'channel', 'logCap', 'historyCap'] as const;

/** No script handles more, so that none blocks Redis for long. */
export const MAX_DEVICES_PER_SCRIPT = 100;

export interface Script<Arg extends string = string, DeviceArg extends string = string> {
  readonly name: string;
  readonly source: string;
  readonly keys: readonly FleetKey[];
  readonly deviceKeys: readonly DeviceKey[];
  readonly args: readonly Arg[];
  readonly deviceArgs: readonly DeviceArg[];
}

function script<const Arg extends string, const DeviceArg extends string>(
  name: string,
  lua: string,
  shape: Pick<Script<Arg, DeviceArg>, 'keys' | 'deviceKeys' | 'args' | 'deviceArgs'>,
): Script<Arg, DeviceArg> {
  return { name, source: luaDialects() + lua, ...shape };
}

export const REGISTER = script('register', registerLua, {
  keys: ['registered', 'types', 'activity'],
  deviceKeys: ['state', 'type', 'oldType'],
  args: ['onlyIfNew'],
  deviceArgs: ['id', 'type', 'oldType', 'metadata', 'ttl'],
});

/** Of devices that are online and stay so, with nothing to report; what it passes over is HEARTBEAT's. */
export const BEAT = script('beat', beatLua, {
  keys: ['online', 'activity', 'pulse'],
  deviceKeys: ['state', 'heartbeat'],
  args: ['defaultTtl', 'longestTtl', 'exclusive'],
  deviceArgs: ['id', 'ttl'],
});

export const HEARTBEAT = script('heartbeat', heartbeatLua, {
  keys: ['online', 'activity', 'log', 'pulse'],
  deviceKeys: ['state', 'heartbeat', 'history:reported', 'history:presence'],
  args: ['defaultTtl', 'longestTtl', 'exclusive'],
  deviceArgs: ['id', 'ttl', 'reported', 'expectedVersion', 'expectedText'],
});

export const SETTLE = script('settle', settleLua, {
  keys: ['online', 'activity', 'log', 'pulse'],
  deviceKeys: ['state', 'heartbeat', 'history:presence'],
  args: ['longestTtl', 'detector', 'honourHold'],
  deviceArgs: ['id'],
});

export const STEP = script('step', stepLua, {
  keys: ['activity', 'pulse'],
  deviceKeys: [],
  args: ['longestTtl', 'mode', 'honourHold', 'limit'],
  deviceArgs: [],
});

export const DISCONNECT = script('disconnect', disconnectLua, {
  keys: ['online', 'activity', 'log', 'pulse'],
  deviceKeys: ['state', 'heartbeat', 'history:presence'],
  args: ['longestTtl'],
  deviceArgs: ['id'],
});

export const SET_DESIRED = script('set_desired', setDesiredLua, {
  keys: [],
  deviceKeys: ['state', 'history:desired'],
  args: [],
  deviceArgs: ['id', 'expectedVersion', 'expectedText', 'desired', 'patch'],
});

export const UNREGISTER = script('unregister', unregisterLua, {
  keys: ['registered', 'types', 'online', 'activity', 'log', 'pulse'],
  deviceKeys: ['state', 'heartbeat', 'type', 'history:reported', 'history:desired', 'history:presence'],
  args: [],
  deviceArgs: ['id', 'type'],
});

export const LEAVE_TYPE = script('leave_type', leaveTypeLua, {
  keys: ['types'],
  deviceKeys: ['state', 'type'],
  args: [],
  deviceArgs: ['id', 'type'],
});

export const RAISE_TTL = script('raise_ttl', raiseTtlLua, {
  keys: ['meta'],
  deviceKeys: [],
  args: ['ttl'],
  deviceArgs: [],
});

export const SCRIPTS: readonly Script[] = [
  REGISTER,
  BEAT,
  HEARTBEAT,
  SETTLE,
  STEP,
  DISCONNECT,
  SET_DESIRED,
  UNREGISTER,
  LEAVE_TYPE,
  RAISE_TTL,
];

/** Every key that a call touches, in the order of the descriptor: a script may use no other. */
export function scriptKeys(
  { keys, deviceKeys }: Pick<Script, 'keys' | 'deviceKeys'>,
  keyspace: Keyspace,
  devices: readonly { id: string; type?: string; oldType?: string }[],
): string[] {
  const resolve = (key: DeviceKey, { id, type = '', oldType = '' }: (typeof devices)[number]): string => {
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
  };
  return [
    ...keys.map((key) => keyspace[key]),
    ...devices.flatMap((device) => deviceKeys.map((key) => resolve(key, device))),
  ];
}

const KEY_TYPES: Record<FleetKey | Exclude<DeviceKey, `history:${string}`>, string> = {
  registered: 'set',
  types: 'set',
  online: 'set',
  activity: 'zset',
  log: 'stream',
  pulse: 'string',
  meta: 'hash',
  state: 'hash',
  heartbeat: 'string',
  type: 'set',
  oldType: 'set',
};

/** The Redis type of each of `scriptKeys`. */
export function expectedTypes({ keys, deviceKeys }: Script, devices: number): string[] {
  const each = deviceKeys.map((key) => (key.startsWith('history:') ? 'list' : KEY_TYPES[key as 'state']));
  return [...keys.map((key) => KEY_TYPES[key]), ...Array.from({ length: devices }, () => each).flat()];
}
