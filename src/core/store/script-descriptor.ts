/**
 * What a Lua script needs, declared in TypeScript: keys, arguments and commands. The keys of a call, the locals
 * at the top of the Lua source, ACL roles and error messages are all made from this declaration. Tests compare
 * it with the header and the calls of the Lua file.
 */
import type { HistoryKind } from '../model/keyspace.js';

/** A key that exists once in each partition (`meta`: once in the fleet). */
export type FleetKey = 'registered' | 'types' | 'online' | 'activity' | 'log' | 'pulse' | 'meta';
/** A key that belongs to a device, or to the device's type. */
export type DeviceKey = 'state' | 'heartbeat' | 'type' | 'oldType' | `history:${HistoryKind}`;

/** The keys of a script. */
export interface ScriptKeys {
  /** These come first in KEYS. */
  readonly keys: readonly FleetKey[];
  /** These follow, once for each device. */
  readonly deviceKeys: readonly DeviceKey[];
}

/** The first arguments of every script: `testTime` is in ms, and empty outside tests. */
export const COMMON_ARGS = ['testTime', 'dialectName', 'channel', 'logCap', 'historyCap'] as const;

/** A Lua script and what it needs. `Arg` and `DeviceArg` are the names of its arguments. */
export interface Script<Arg extends string = string, DeviceArg extends string = string> extends ScriptKeys {
  /** The Lua file's name without `.lua`; it appears in error messages. */
  readonly name: string;
  /** The whole text that Redis runs: generated locals, includes and the file itself. */
  readonly source: string;
  /** How many devices one call handles. */
  readonly devices: 'none' | 'one' | 'many';
  /** Arguments after `COMMON_ARGS`, once in a call. */
  readonly args: readonly Arg[];
  /** Arguments after these, once for each device. */
  readonly deviceArgs: readonly DeviceArg[];
  /**
   * Read commands that the script sends before its first write: the first command for the first key, and so on.
   * A key of the wrong type makes the script fail there. Redis would not undo what was written before a failure.
   */
  readonly probes: readonly string[];
  /** Every other Redis command that the script and its includes call. */
  readonly commands: readonly string[];
}

/** A descriptor without the Lua source. */
export type ScriptShape<Arg extends string = string, DeviceArg extends string = string> = Omit<
  Script<Arg, DeviceArg>,
  'name' | 'source'
>;
