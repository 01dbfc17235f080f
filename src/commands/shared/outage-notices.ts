/** Notices on stderr about a connection that was lost and is being restored. */

import { type OutageListener, OutageNotice } from '../../core/pubsub/outage-notice.js';
import type { Fleet } from '../../core/store/fleet.js';
import { connectionLost } from '../../core/store/network-errors.js';
import type { Context } from './context.js';

export function outageListener({ notice }: Pick<Context, 'notice'>): OutageListener {
  return {
    onLost: ({ message }) => notice(`${message}; retrying`),
    onResumed: () => notice('reconnected'),
  };
}

/**
 * Connects for a command that runs until it is stopped. A lost connection is established again, and its loss is
 * printed once. The caller must call `outage.end()` after each success, which prints `reconnected` if a loss was
 * printed before.
 */
export async function connectPersistently(context: Context): Promise<{ fleet: Fleet; outage: OutageNotice }> {
  const outage = new OutageNotice(outageListener(context));
  const fleet = await context.fleet({
    onLost: () => outage.begin(connectionLost()),
  });
  return { fleet, outage };
}
