/**
 * Makes the error for a Lua script that failed. Redis does not say which key of a script has the wrong type, nor which
 * key or channel the user may not access. Before Redis 7.2 it does not say which command the user may not run either,
 * only the line of the Lua source. This file finds the key, channel or command with the script's descriptor and by
 * sending a read command for each key.
 */
import { oversizeError } from '../model/document-limits.js';
import { DevstateError } from '../model/errors.js';
import type { Keyspace } from '../model/keyspace.js';
import { asDeviceDenial, permissionError, toDevstateError, wrongTypeError } from './redis-errors.js';
import type { RedisRequest } from './replies.js';
import { isDenied, isUnnamedDenial, replyCode, withoutPosition } from './reply-errors.js';
import type { ProbeCommand, Script } from './script-descriptor.js';
import { expectedTypes, scriptKeys } from './script-keys.js';
import { REFUSAL } from './script-permissions.js';

/** The part of `Partition` that is needed to find out why a script failed in it. */
interface ScriptScope {
  readonly keys: Keyspace;
  pipeline(commands: readonly RedisRequest[]): Promise<unknown[]>;
}

/** A call of a script: the devices it was called for, and the channel it was to publish on. */
interface ScriptCall {
  devices: readonly { id: string; type?: string; oldType?: string }[];
  channel: string;
}

/**
 * Returns the DevstateError for an error that a script raised. It names the command, key or channel that the script
 * failed at, if that can be found out.
 */
export async function scriptError(
  partition: ScriptScope,
  script: Script,
  { devices, channel }: ScriptCall,
  error: unknown,
): Promise<DevstateError> {
  if (error instanceof DevstateError) return error; // it is of the connection, and not a reply to the script
  const keys = scriptKeys(script, partition.keys, devices);
  const message = error instanceof Error ? error.message : '';
  if (replyCode(message) === 'WRONGTYPE') {
    const types = await typesOf(partition, keys);
    const expected = expectedTypes(script, devices.length);
    const wrong = types.findIndex((type, i) => type !== 'none' && type !== expected[i]);
    return wrongTypeError(keys[wrong], types[wrong], expected[wrong]);
  }
  const [code, field = '', bytes] = withoutPosition(message).split(' ');
  if (code === 'OVERSIZE') return oversizeError(devices[0]?.id ?? '', field, Number(bytes));
  return isDenied(error) ? deniedError(partition, script, { keys, channel }, error) : toDevstateError(error);
}

/** Returns the Redis types of keys; [] for a user who may not ask for them. */
async function typesOf(partition: ScriptScope, keys: readonly string[]): Promise<unknown[]> {
  try {
    return await partition.pipeline(keys.map((key) => ['type', key]));
  } catch (error) {
    if (isDenied(error)) return [];
    throw error;
  }
}

async function deniedError(
  partition: ScriptScope,
  script: Script,
  { keys, channel }: { keys: readonly string[]; channel: string },
  error: Error,
): Promise<DevstateError> {
  const called = commandsOfLine(script, error.message);
  const isPublish = called.length === 1 && called[0] === 'PUBLISH';
  if (isPublish || /\bchannel\b/.test(error.message)) {
    const reason = channel === partition.keys.presenceChannel ? 'PERMISSION_DENIED' : 'DEVICE_DENIED';
    return permissionError(`this user may not publish to ${channel}`, error, reason);
  }
  if (isUnnamedDenial(error)) {
    const shared = script.keys.length;
    const denied = await deniedKey(partition, keys.slice(0, shared));
    if (denied) return denied;
    return asDeviceDenial((await deniedKey(partition, keys.slice(shared))) ?? toDevstateError(error));
  }
  if (error.message.startsWith(REFUSAL)) return toDevstateError(error);
  if (called.length > 0)
    return permissionError(`this user may not send ${called.join(' or ')}, as ${script.name} does`, error);
  const probes = script.probes.map(
    (command, i): RedisRequest => [command.toLowerCase() as Lowercase<ProbeCommand>, String(keys[i])],
  );
  return (await firstDenial(partition, probes)) ?? toDevstateError(error);
}

/**
 * Returns the error for the first of the keys that the user may not access; undefined: none was found. Each key is given
 * to a script that does nothing: the user may run scripts, and Redis checks the keys of each.
 */
async function deniedKey(
  partition: ScriptScope,
  keys: readonly string[],
): Promise<DevstateError | undefined> {
  const denied = await firstDenial(
    partition,
    keys.map((key): RedisRequest => ['eval', 'return {}', '1', key]),
  );
  return denied && isUnnamedDenial(denied.cause) ? denied : undefined;
}

/**
 * Returns which of the script's Redis commands are called in the line of Lua source whose number is in the error
 * message; most often one.
 */
function commandsOfLine({ source, commands }: Script, message: string): string[] {
  const number = /user_script: ?(\d+)/.exec(message)?.[1];
  const line = source.split('\n')[Number(number ?? 0) - 1] ?? '';
  return commands.filter((command) => line.includes(`call('${command}'`));
}

/**
 * Sends read commands and returns the error of the first that Redis denies to the user; undefined if it denies none, or
 * if one fails for another reason before that.
 */
async function firstDenial(
  partition: ScriptScope,
  commands: readonly RedisRequest[],
): Promise<DevstateError | undefined> {
  try {
    await partition.pipeline(commands);
    return undefined;
  } catch (error) {
    return error instanceof DevstateError && isDenied(error) ? error : undefined;
  }
}
