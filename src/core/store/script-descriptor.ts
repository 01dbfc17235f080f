/**
 * The descriptor of a Lua script: its keys, arguments and Redis commands, declared in TypeScript. The keys of a call,
 * the locals at the top of the Lua source, ACL roles and error messages are all made from it. Tests compare it with the
 * header and the calls of the Lua file.
 */
import type { HistoryKind } from '../model/keyspace.js';
import type { CommandName } from './replies.js';
import type { ScriptCommand } from './script-commands.js';

/** The name of a key that exists once in each partition; `meta` exists once in the fleet. */
export type PartitionKey =
  | 'registered'
  | 'types'
  | 'online'
  | 'activity'
  | 'log'
  | 'pulse'
  | 'layout'
  | 'meta';
/** The name of a key that belongs to one device or to the device's type. `oldType` is the type before a change. */
export type DeviceKey = 'state' | 'heartbeat' | 'type' | 'oldType' | `history:${HistoryKind}`;

/** A command of a script that devstate also sends outside scripts, to find out which key a script failed at. */
export type ProbeCommand = Extract<ScriptCommand, Uppercase<CommandName>>;

/** The names of the keys that a script uses, in the order in which a call passes the keys. */
export interface ScriptKeys {
  /** Keys of the partition or the fleet. They come first in the Lua table KEYS. */
  readonly keys: readonly PartitionKey[];
  /** Keys of a device. In the Lua table KEYS they come after `keys`, once for each device of the call. */
  readonly deviceKeys: readonly DeviceKey[];
}

/**
 * The first arguments of every script. `testTime` is the time (epoch ms) that a test sets; '' means the server's time.
 * `notAfter` is the time (epoch ms, by the server's clock) after which the script must do nothing; '' means never.
 * `permissionCheck` is 1 if the script must first ask whether the user may send its commands, else ''. `maxFieldBytes`
 * is the most bytes that a field of a record, other than a document, may have: a device with a longer one fails with
 * OVERSIZE; 0: lengths are not checked. `layout` is the number of partitions that the caller believes the fleet has.
 */
export const COMMON_ARGS = [
  'testTime',
  'notAfter',
  'permissionCheck',
  'dialectName',
  'channel',
  'logCap',
  'maxFieldBytes',
  'layout',
] as const;

/** A Lua script with its descriptor. `Arg` and `DeviceArg` are the names of its arguments. */
export interface Script<Arg extends string = string, DeviceArg extends string = string> extends ScriptKeys {
  /** The name of the Lua file without `.lua`. Error messages name the script by it. */
  readonly name: string;
  /** The whole Lua text that Redis runs: generated locals, included files and the file itself. */
  readonly source: string;
  /**
   * Whether the script may be sent again if the connection was lost before its reply. `once`: never, because it may
   * have run, and a second run could undo a newer change or would report the first one as a conflict.
   */
  readonly repeat: 'repeatable' | 'once';
  /** How many devices one call of the script handles. */
  readonly devices: 'none' | 'one' | 'many';
  /**
   * The codes that may follow the time in the reply; if the script handles many devices, that may begin the reply for
   * each device. Undefined: any value may stand there.
   */
  readonly codes?: readonly number[];
  /** True: the reply for each of many devices is a number, or an array of numbers if one does not do. Default: an array. */
  readonly isFlat?: boolean;
  /**
   * The number of values after the time in the reply: if the script handles many devices, of those before the replies for
   * the devices; else the fewest that there may be.
   */
  readonly headLength: number;
  /** The names of the arguments that come after `COMMON_ARGS`, once in a call. */
  readonly args: readonly Arg[];
  /** The names of the arguments that come after `args`, once for each device of the call. */
  readonly deviceArgs: readonly DeviceArg[];
  /**
   * Read commands that the script sends before its first write: the first command for the first key, and so on. They
   * make the script fail early if a key holds the wrong type, because Redis does not undo writes before a failure.
   */
  readonly probes: readonly ProbeCommand[];
  /** Every Redis command that the script and its included files call, not counting `probes`. */
  readonly commands: readonly ScriptCommand[];
  /**
   * Commands of `commands` that this script does not send in some fleets, each with the condition, in Lua, that such a
   * fleet meets. script-permissions.ts adds those that depend on arguments of many scripts.
   */
  readonly unsentIf?: { readonly [Command in ScriptCommand]?: string };
}

/** The part of a descriptor that is written by hand: all but the name and the Lua source. */
export type ScriptShape<Arg extends string = string, DeviceArg extends string = string> = Omit<
  Script<Arg, DeviceArg>,
  'name' | 'source'
>;

/**
 * Returns whether a reply begins with the server's time, and then has the form that the script's descriptor gives.
 * @param deviceCount the devices of the call
 */
export function fitsScript(
  { devices, codes, headLength, isFlat = false }: Script,
  reply: unknown,
  deviceCount: number,
): boolean {
  if (!Array.isArray(reply) || !Number.isSafeInteger(reply[0])) return false;
  const [, ...rest] = reply as unknown[];
  const isFitting = (values: unknown, fewest: number) =>
    Array.isArray(values) &&
    values.length >= fewest &&
    values.every(isValue) &&
    (codes === undefined ? values[0] !== null : codes.includes(values[0] as number));
  if (devices !== 'many') return isFitting(rest, headLength);
  return (
    rest.length === headLength + deviceCount &&
    rest.every((values, i) =>
      i < headLength ? isValue(values) : isFlat ? isNumbers(values) : isFitting(values, 1),
    )
  );
}

function isValue(value: unknown): boolean {
  return value === null || typeof value === 'string' || typeof value === 'number';
}

function isNumbers(value: unknown): boolean {
  return (
    Number.isSafeInteger(value) ||
    (Array.isArray(value) && value.length > 0 && value.every(Number.isSafeInteger))
  );
}
