/** Finds out whether the server answers, after requests that were not answered. */
import type { DevstateError } from '../model/errors.js';
import type { Fleet } from './fleet.js';
import { isTransient } from './redis-errors.js';

/**
 * Returns the error (CONNECTION) of a server that does not answer within the request timeout; undefined: it answers,
 * perhaps only that the user may not read the fleet's settings.
 */
export async function serverFailure(fleet: Fleet): Promise<DevstateError | undefined> {
  const { meta } = fleet.keys;
  try {
    await fleet.send(() => fleet.redis.hmget(meta, 'partitions'), meta);
    return undefined;
  } catch (error) {
    return isTransient(error) ? error : undefined;
  }
}
