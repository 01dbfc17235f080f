/**
 * Why a script failed. Redis does not say which key it finds to be of another type, nor which key
 * or channel it refuses, and of a command, before 7.2, only in which line it stands.
 */
import { DevstateError } from '../model/errors.js';
import type { Command, Fleet } from './fleet.js';
import {
  isDenied,
  isUnnamedDenial,
  permissionError,
  replyCode,
  toDevstateError,
  wrongTypeError,
} from './redis-errors.js';
import { expectedTypes, type Script, scriptKeys } from './scripts.js';

/** For which devices a script was run, and where it was to publish. */
interface ScriptCall {
  devices: readonly { id: string; type?: string; oldType?: string }[];
  channel: string;
}

/** What it raised in our words, with the command, key or channel, as far as that is to be found out. */
export async function scriptError(
  fleet: Fleet,
  script: Script,
  { devices, channel }: ScriptCall,
  error: unknown,
): Promise<DevstateError> {
  const keys = scriptKeys(script, fleet.keys, devices);
  if (error instanceof Error && replyCode(error.message) === 'WRONGTYPE') {
    const types = await fleet.pipeline(keys.map((key) => ['type', key]));
    const expected = expectedTypes(script, devices.length);
    const place = types.findIndex((type, i) => type !== 'none' && type !== expected[i]);
    return wrongTypeError(keys[place], types[place], expected[place]);
  }
  return isDenied(error) ? denialOf(fleet, script, { keys, channel }, error) : toDevstateError(error);
}

async function denialOf(
  fleet: Fleet,
  { name, source }: Script,
  { keys, channel }: { keys: readonly string[]; channel: string },
  error: Error,
): Promise<DevstateError> {
  const { message } = error;
  if (/\bchannel\b/.test(message)) return permissionError(`this user may not publish to ${channel}`, error);
  if (isUnnamedDenial(error)) {
    const types = keys.map((key): Command => ['type', key]);
    const refused = await firstRefused(fleet, types);
    return refused && isUnnamedDenial(refused.cause) ? refused : toDevstateError(error); // else TYPE itself is refused
  }
  const place = /user_script: ?(\d+)/.exec(message)?.[1];
  const line = source.split('\n')[Number(place ?? 0) - 1] ?? '';
  const sent = [...line.matchAll(/call\('([A-Z]+)'/g)].map(([, command]) => command);
  if (sent.length > 0)
    return permissionError(`this user may not send ${sent.join(' or ')}, as ${name} does`, error);
  return (await firstRefused(fleet, probesOf(source, keys))) ?? toDevstateError(error);
}

/** What a script sends from the one line of `probe`: each reads one key. */
function probesOf(source: string, keys: readonly string[]): Command[] {
  const [, names = ''] = /\bprobe\(('.*')\)/.exec(source) ?? [];
  return [...names.matchAll(/[A-Z]+/g)].map(([command], i) => [command.toLowerCase(), String(keys[i])]);
}

/** Each is asked of alone, and the first that is refused is named. Undefined: that is not to be found out. */
async function firstRefused(fleet: Fleet, commands: readonly Command[]): Promise<DevstateError | undefined> {
  try {
    await fleet.pipeline(commands);
    return undefined;
  } catch (error) {
    return error instanceof DevstateError && isDenied(error) ? error : undefined;
  }
}
