/**
 * Generates the first lines of a script's Lua source from its descriptor: a local for each key and argument, so
 * that no Lua file contains a position of KEYS or ARGV; and the check of the user's permissions.
 *
 *   key `online`             local `onlineKey`
 *   key `history:presence`   local `presenceHistoryKey`
 *   argument `longestTtl`    local `longestTtl`
 *   argument `type`          local `deviceType`, because `type` is a function of Lua
 *
 * If a script handles one device in a call, the keys and arguments of the device are locals too. If it handles many,
 * they are the parameters of the function that the script gives to `eachDevice` (include/devices.lua).
 */
import { luaDialects } from '../model/dialect.js';
import { COMMON_ARGS, type DeviceKey, type PartitionKey, type ScriptShape } from './script-descriptor.js';
import { permissionCheckCode } from './script-permissions.js';

/** The names of the Lua locals for keys and for arguments. */
interface Names {
  keys: readonly string[];
  args: readonly string[];
}

/** Returns the first lines of a script's Lua source. They end with a line break, so that the Lua file can follow. */
export function generatePrelude(shape: ScriptShape & { name: string }): string {
  const { name, devices, probes } = shape;
  const once: Names = { keys: shape.keys.map(keyLocal), args: [...COMMON_ARGS, ...shape.args].map(argLocal) };
  const each: Names = { keys: shape.deviceKeys.map(keyLocal), args: shape.deviceArgs.map(argLocal) };
  const isOne = devices === 'one';
  return [
    luaDialects().trimEnd(),
    localStatement('KEYS', isOne ? [...once.keys, ...each.keys] : once.keys),
    localStatement('ARGV', isOne ? [...once.args, ...each.args] : once.args),
    ...permissionCheckCode(name, shape),
    ...(probes.length > 0 ? [probeFunction(probes)] : []),
    ...(devices === 'many' ? deviceFunctions(once, each) : []),
    '',
  ].join('\n');
}

/**
 * Returns the Lua names of a device's keys and arguments. In this order they are passed to the Lua function that a
 * script gives to `eachDevice`, so the function must have these parameters; a test checks it.
 */
export function deviceParameters({ deviceKeys, deviceArgs }: ScriptShape): string[] {
  return [...deviceKeys.map(keyLocal), ...deviceArgs.map(argLocal)];
}

function keyLocal(key: PartitionKey | DeviceKey): string {
  return key.startsWith('history:') ? `${key.slice('history:'.length)}HistoryKey` : `${key}Key`;
}

function argLocal(arg: string): string {
  return arg === 'type' ? 'deviceType' : arg;
}

function localStatement(table: 'KEYS' | 'ARGV', names: readonly string[]): string {
  return `local ${names.join(', ')} = ${names.map((_, i) => `${table}[${i + 1}]`).join(', ')}`;
}

/**
 * Returns the Lua source of the function `probeKeys()`. A script calls it before its first write: its read commands
 * make the script fail if a key holds another Redis type than expected.
 */
function probeFunction(probes: readonly string[]): string {
  const commands = probes.map((command) => `'${command}'`).join(', ');
  return `local function probeKeys() for i, command in ipairs({${commands}}) do redis.call(command, KEYS[i]) end end`;
}

/**
 * Returns the Lua code of `deviceCount` and of `deviceIterator(handle)`. `deviceIterator` returns a Lua function: its
 * first call calls `handle` with the keys and arguments of the first device, its second call with the keys and
 * arguments of the second device, and so on.
 */
function deviceFunctions(once: Names, each: Names): string[] {
  const keyCount = each.keys.length;
  const argCount = each.args.length;
  const values = [
    ...each.keys.map((_, i) => `KEYS[k + ${i + 1}]`),
    ...each.args.map((_, i) => `ARGV[a + ${i + 1}]`),
  ];
  return [
    `local deviceCount = (#ARGV - ${once.args.length}) / ${argCount}`,
    'local function deviceIterator(handle)',
    `  local KEYS, ARGV, k, a = KEYS, ARGV, ${once.keys.length - keyCount}, ${once.args.length - argCount}`,
    '  return function()',
    `    k, a = k + ${keyCount}, a + ${argCount}`,
    `    return handle(${values.join(', ')})`,
    '  end',
    'end',
  ];
}
