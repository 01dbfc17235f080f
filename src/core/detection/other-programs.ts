/**
 * Finds devices that programs other than devstate write: such a program publishes on the presence channel,
 * but does not update the index. Every strategy of a detector uses this, beside its own way of finding devices.
 */
import { decodePresenceMessage, isOwnMessage } from '../model/presence-event.js';
import { subscribe } from '../pubsub/subscribe.js';
import type { Subscription } from '../pubsub/subscription.js';
import type { Fleet } from '../store/fleet.js';
import type { SuspectListener } from './suspect-source.js';

/**
 * Subscribes to the presence channel, and names to `listener` each device about which another program publishes. The
 * caller must close the subscription.
 */
export function watchOtherPrograms(fleet: Fleet, listener: SuspectListener): Subscription {
  return subscribe(fleet, fleet.keys.presenceChannel, {
    onMessage(message) {
      const event = isOwnMessage(message) ? null : decodePresenceMessage(message);
      if (event) listener.onSuspect(event.deviceId);
    },
    onLost: (error) => listener.onLost(error),
    onResumed: () => listener.onResumed(),
  });
}
