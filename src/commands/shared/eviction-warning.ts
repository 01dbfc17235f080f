/** Warns of servers that may evict keys of the fleet. */
import { evictionWarning } from '../../core/admin/eviction.js';
import type { Fleet } from '../../core/store/fleet.js';
import type { Context } from './context.js';

/** Prints a notice if a server may evict keys of the fleet. It never rejects. */
export async function warnOfEviction({ notice }: Pick<Context, 'notice'>, fleet: Fleet): Promise<void> {
  const warning = await evictionWarning(fleet);
  if (warning !== undefined) notice(warning);
}
