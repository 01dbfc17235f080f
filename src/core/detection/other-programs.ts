/**
 * Finds devices that other programs write: they publish on the presence channel, but do not update
 * the index. Used by every strategy.
 */
import { decodePresenceMessage, isOwnMessage } from '../model/presence-event.js';
import { subscribe } from '../pubsub/subscribe.js';
import type { Subscription } from '../pubsub/subscription.js';
import type { Fleet } from '../store/fleet.js';
import type { SuspectListener } from './suspect-source.js';

/** Names each device about which another program publishes a message. The caller closes the subscription. */
export function watchOtherPrograms(fleet: Fleet, listener: SuspectListener): Subscription {
  return subscribe(fleet, fleet.keys.presenceChannel, {
    onMessage(message) {
      const event = isOwnMessage(message) ? null : decodePresenceMessage(message);
      if (event) listener.onSuspect(event.deviceId);
    },
    onLost: (error) => listener.onLost(error),
    onBack: () => listener.onBack(),
  });
}
