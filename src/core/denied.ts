/**
 * Names what a user may not do in a script. Redis does not say which key or channel it refuses,
 * and of a command, before 7.2, only in which line it stands.
 */
import { DevstateError } from './errors.js';
import type { Fleet } from './fleet.js';
import { denied, fromRedis, isUnnamed } from './redis-errors.js';
import type { Script } from './scripts.js';

/** How Redis refused a script, with the keys and the channel of the call. */
export async function denialOf(
  fleet: Fleet,
  { name, source }: Script,
  { keys, channel }: { keys: readonly string[]; channel: string },
  error: Error,
): Promise<DevstateError> {
  const { message } = error;
  if (/\bchannel\b/.test(message)) return denied(`this user may not publish to ${channel}`, error);
  if (isUnnamed(error)) return (await refusedKey(fleet, keys)) ?? fromRedis(error);
  const place = /user_script: ?(\d+)/.exec(message)?.[1];
  const line = source.split('\n')[Number(place ?? 0) - 1] ?? '';
  const sent = [...line.matchAll(/call\('([A-Z]+)'/g)].map(([, command]) => command);
  return sent.length === 0
    ? fromRedis(error)
    : denied(`this user may not send ${sent.join(' or ')}, as ${name} does`, error);
}

/** Each is asked of alone, and the first that is refused is named. Undefined: that is not to be found out. */
async function refusedKey(fleet: Fleet, keys: readonly string[]): Promise<DevstateError | undefined> {
  try {
    await fleet.pipeline(keys.map((key) => ['type', key]));
    return undefined;
  } catch (error) {
    return error instanceof DevstateError && isUnnamed(error.cause) ? error : undefined;
  }
}
