/**
 * The list of Lua scripts, each with its descriptor. Redis runs a script without interruption, so a device's record,
 * the index of devices, the log and the messages change together.
 */
import declareLua from './lua/declare.lua';
import declareLayoutLua from './lua/declare_layout.lua';
import disconnectLua from './lua/disconnect.lua';
import dueLua from './lua/due.lua';
import heartbeatLua from './lua/heartbeat.lua';
import heartbeatFastLua from './lua/heartbeat_fast.lua';
import lowerTtlLua from './lua/lower_ttl.lua';
import raiseTtlLua from './lua/raise_ttl.lua';
import registerLua from './lua/register.lua';
import removeFromTypeLua from './lua/remove_from_type.lua';
import reportFastLua from './lua/report_fast.lua';
import setDesiredLua from './lua/set_desired.lua';
import settleLua from './lua/settle.lua';
import unregisterLua from './lua/unregister.lua';
import type { ScriptCommand } from './script-commands.js';
import type { Script, ScriptShape } from './script-descriptor.js';
import { generatePrelude } from './script-prelude.js';

/** The most devices that one call of a script handles, so that no call blocks Redis for long. */
export const MAX_DEVICES_PER_SCRIPT = 100;

/**
 * The Redis commands that each file of lua/include/ calls. A script's descriptor lists these for each file that the
 * script includes.
 */
const BASE: ScriptCommand[] = ['TIME'];
const LAYOUT: ScriptCommand[] = ['GET'];
const RECORD: ScriptCommand[] = ['HMGET', 'HSTRLEN'];
const HISTORY: ScriptCommand[] = ['LINDEX', 'LTRIM', 'RPUSH'];
const ANNOUNCE: ScriptCommand[] = ['ZSCORE', 'XADD', 'PUBLISH'];
const PULSE: ScriptCommand[] = ['GET', 'SET'];
const HOLD: ScriptCommand[] = ['ZCOUNT'];
const VERDICT: ScriptCommand[] = ['HSET'];
/** Those of the files that a script includes which announces transitions. */
const TRANSITIONS = [...BASE, ...LAYOUT, ...RECORD, ...HISTORY, ...ANNOUNCE, ...PULSE, ...HOLD];
const BEATEN: ScriptCommand[] = ['SADD', 'ZADD'];

function script<const Arg extends string, const DeviceArg extends string>(
  name: string,
  lua: string,
  shape: ScriptShape<Arg, DeviceArg>,
): Script<Arg, DeviceArg> {
  return { name, source: generatePrelude({ name, ...shape }) + lua, ...shape };
}

/** Registers devices, or changes their type, metadata or TTL. */
export const REGISTER = script('register', registerLua, {
  repeat: 'once',
  devices: 'many',
  codes: [1, 2, 3, 4],
  headLength: 0,
  keys: ['registered', 'types', 'activity', 'layout'],
  deviceKeys: ['state', 'type', 'oldType'],
  args: ['onlyIfNew', 'anyType'],
  deviceArgs: ['id', 'type', 'oldType', 'metadata', 'ttl'],
  probes: ['SCARD', 'SCARD', 'ZCARD'],
  commands: [...BASE, ...LAYOUT, ...RECORD, 'SCARD', 'HSET', 'SADD', 'EXISTS', 'SREM', 'ZADD'],
});

/** What the fast scripts for heartbeats have in common (`include/beaten.lua`). */
const FAST = {
  devices: 'many',
  isFlat: true,
  headLength: 0,
  keys: ['online', 'activity', 'pulse', 'layout'],
  args: ['defaultTtl', 'longestTtl', 'exclusive'],
  probes: ['SCARD', 'ZCARD'],
  unsentIf: { SADD: "exclusive == '1'" },
} as const;

/**
 * Notes heartbeats without a report of devices that stay online. It skips a device that is offline or was not
 * announced online; the caller then sends the device's heartbeat with `HEARTBEAT`.
 */
export const HEARTBEAT_FAST = script('heartbeat_fast', heartbeatFastLua, {
  repeat: 'repeatable',
  ...FAST,
  deviceKeys: ['state', 'heartbeat'],
  deviceArgs: ['id', 'ttl'],
  commands: [...BASE, ...LAYOUT, ...RECORD, ...BEATEN, ...PULSE, 'PEXPIREAT', 'HSET'],
});

/**
 * Notes heartbeats with a report of devices that stay online, if the report is certainly new, or the very text of the
 * stored one. It skips all others; the caller then sends them with `HEARTBEAT`.
 */
export const REPORT_FAST = script('report_fast', reportFastLua, {
  repeat: 'once',
  ...FAST,
  args: [...FAST.args, 'reportedCap'],
  deviceKeys: ['state', 'heartbeat', 'history:reported'],
  deviceArgs: ['id', 'ttl', 'reported', 'digest'],
  commands: [...BASE, ...LAYOUT, ...RECORD, ...HISTORY, ...BEATEN, ...PULSE, 'PEXPIREAT', 'HSET'],
});

/**
 * Notes heartbeats of devices in any state, with or without a report. Those without a report may be sent again after a
 * lost connection (`Partition.runRepeatably`).
 */
export const HEARTBEAT = script('heartbeat', heartbeatLua, {
  repeat: 'once',
  devices: 'many',
  codes: [0, 1, 2, 3],
  headLength: 0,
  keys: ['online', 'activity', 'log', 'pulse', 'layout'],
  deviceKeys: ['state', 'heartbeat', 'history:reported', 'history:presence'],
  args: ['defaultTtl', 'longestTtl', 'exclusive', 'holdTtls', 'reportedCap', 'presenceCap'],
  deviceArgs: ['id', 'ttl', 'reported', 'digest', 'expectedVersion', 'expectedText'],
  probes: ['SCARD', 'ZCARD', 'XLEN'],
  commands: [...TRANSITIONS, 'SADD', 'ZADD', 'HSET'],
});

/** Decides whether devices are online or offline, and announces changes between the two that are not announced yet. */
export const SETTLE = script('settle', settleLua, {
  repeat: 'repeatable',
  devices: 'many',
  headLength: 3,
  keys: ['online', 'activity', 'log', 'pulse', 'layout'],
  deviceKeys: ['state', 'heartbeat', 'history:presence'],
  args: ['longestTtl', 'holdTtls', 'caller', 'honourHold', 'isStalled', 'indexOnly', 'presenceCap'],
  deviceArgs: ['id'],
  probes: ['SCARD', 'ZCARD', 'XLEN'],
  commands: [...TRANSITIONS, ...VERDICT, 'PTTL', 'PEXPIRE', 'SADD', 'SREM', 'ZADD', 'ZREM'],
});

/** Finds, for a detector, the devices whose deadline in the index has passed. */
export const DUE = script('due', dueLua, {
  repeat: 'repeatable',
  devices: 'none',
  headLength: 4,
  keys: ['activity', 'pulse', 'layout'],
  deviceKeys: [],
  args: ['longestTtl', 'mode', 'isStalled', 'after', 'limit'],
  deviceArgs: [],
  probes: [],
  commands: [...BASE, ...LAYOUT, ...PULSE, 'ZRANGEBYSCORE', 'ZREM'],
});

/** Takes one device offline at once, without waiting for its heartbeat key to expire. */
export const DISCONNECT = script('disconnect', disconnectLua, {
  repeat: 'once',
  devices: 'one',
  codes: [0, 1],
  headLength: 1,
  keys: ['online', 'activity', 'log', 'pulse', 'layout'],
  deviceKeys: ['state', 'heartbeat', 'history:presence'],
  args: ['longestTtl', 'holdTtls', 'presenceCap'],
  deviceArgs: ['id'],
  probes: ['SCARD', 'ZCARD', 'XLEN'],
  commands: [...TRANSITIONS, ...VERDICT, 'PTTL', 'DEL', 'SREM', 'ZADD'],
});

/** Replaces one device's desired document by compare-and-set, and publishes it on the device's channel. */
export const SET_DESIRED = script('set_desired', setDesiredLua, {
  repeat: 'once',
  devices: 'one',
  codes: [0, 1, 2],
  headLength: 1,
  keys: ['layout'],
  deviceKeys: ['state', 'history:desired'],
  args: ['desiredCap'],
  deviceArgs: ['id', 'expectedVersion', 'expectedText', 'desired', 'patch'],
  probes: [],
  commands: [...BASE, ...LAYOUT, ...RECORD, ...HISTORY, 'HSET', 'PUBLISH'],
});

/** Removes one device and all its keys, also if its record cannot be read. */
export const UNREGISTER = script('unregister', unregisterLua, {
  repeat: 'once',
  devices: 'one',
  codes: [0, 1, 2],
  headLength: 1,
  keys: ['registered', 'types', 'online', 'activity', 'log', 'pulse', 'layout'],
  deviceKeys: ['state', 'heartbeat', 'type', 'history:reported', 'history:desired', 'history:presence'],
  args: ['longestTtl', 'holdTtls'],
  deviceArgs: ['id', 'type', 'anyType'],
  probes: ['SCARD', 'SCARD', 'SCARD', 'ZCARD', 'XLEN', 'GET', 'GET', 'EXISTS', 'EXISTS', 'SCARD'],
  commands: [...TRANSITIONS, 'HLEN', 'EXISTS', 'DEL', 'SREM', 'ZREM'],
  unsentIf: { SET: 'true', RPUSH: 'true', LTRIM: 'true' },
});

/** Removes one device from the set of a type that is not the type in its record. */
export const REMOVE_FROM_TYPE = script('remove_from_type', removeFromTypeLua, {
  repeat: 'repeatable',
  devices: 'one',
  codes: [0, 1],
  headLength: 1,
  keys: ['types', 'layout'],
  deviceKeys: ['state', 'type'],
  args: [],
  deviceArgs: ['id', 'type'],
  probes: ['SCARD', 'GET', 'EXISTS', 'SCARD'],
  commands: [...BASE, ...LAYOUT, ...RECORD, 'HLEN', 'EXISTS', 'SREM'],
});

/** Sets the longest heartbeat TTL in the fleet's settings to the argument `ttl`, ms, if the stored one is shorter. */
export const RAISE_TTL = script('raise_ttl', raiseTtlLua, {
  repeat: 'repeatable',
  devices: 'none',
  headLength: 1,
  keys: ['meta'],
  deviceKeys: [],
  args: ['ttl'],
  deviceArgs: [],
  probes: [],
  commands: [...BASE, 'HGET', 'HSET'],
});

/** Lowers the longest heartbeat TTL in the fleet's settings, after two audits of the whole fleet found no longer one. */
export const LOWER_TTL = script('lower_ttl', lowerTtlLua, {
  repeat: 'repeatable',
  devices: 'none',
  headLength: 1,
  keys: ['meta'],
  deviceKeys: [],
  args: ['known', 'ttl'],
  deviceArgs: [],
  probes: [],
  commands: [...BASE, 'HMGET', 'HSET'],
});

/** Writes the layout of the fleet to one partition, unless the layout changes and the partition has devices. */
export const DECLARE_LAYOUT = script('declare_layout', declareLayoutLua, {
  repeat: 'repeatable',
  devices: 'none',
  codes: [0, 1],
  headLength: 1,
  keys: ['registered', 'layout'],
  deviceKeys: [],
  args: ['partitions', 'former'],
  deviceArgs: [],
  probes: [],
  commands: [...BASE, 'EXISTS', 'SET'],
});

/** Writes the layout of the fleet to its settings. */
export const DECLARE = script('declare', declareLua, {
  repeat: 'once',
  devices: 'none',
  codes: [1],
  headLength: 1,
  keys: ['meta'],
  deviceKeys: [],
  args: ['version', 'partitions', 'declaredDialect', 'writers', 'deviceLogins', 'hold', 'caps'],
  deviceArgs: [],
  probes: [],
  commands: [...BASE, 'HSET'],
});

export const SCRIPTS: readonly Script[] = [
  REGISTER,
  HEARTBEAT_FAST,
  REPORT_FAST,
  HEARTBEAT,
  SETTLE,
  DUE,
  DISCONNECT,
  SET_DESIRED,
  UNREGISTER,
  REMOVE_FROM_TYPE,
  RAISE_TTL,
  LOWER_TTL,
  DECLARE_LAYOUT,
  DECLARE,
];
