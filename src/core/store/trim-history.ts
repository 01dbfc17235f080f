/** The command that trims a history list of a device. */
import type { RedisRequest } from './replies.js';

/** Returns the command that deletes all but the newest `cap` entries of a history list; 0: the whole list. */
export function trimHistory(key: string, cap: number): RedisRequest<'ltrim'> {
  return cap > 0 ? ['ltrim', key, -cap, -1] : ['ltrim', key, 1, 0];
}
