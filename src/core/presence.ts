/**
 * The presence feed: every transition once, in order, across lost connections. Devstate's
 * own events come from the log only; a message on the channel that carries `seq` is a
 * doorbell (beside a look each second), one without is another program's, shown live.
 * What must hold: SUBSCRIBE before the position is taken, and the position moves only
 * with what was handed out.
 */

import { inChunks } from './chunks.js';
import type { PresenceEvent } from './device.js';
import { decodePresenceMessage, isOwnMessage } from './dialect.js';
import { Doorbell } from './doorbell.js';
import type { DevstateError } from './errors.js';
import type { Fleet } from './fleet.js';
import { Outage, type OutageListener } from './outage.js';
import { type Gap, PresenceLog, type Since } from './presence-log.js';
import { readDevices } from './records.js';
import { mayPass } from './redis-errors.js';
import { subscribe } from './subscribe.js';

export interface FeedOptions extends OutageListener {
  /** Replay from here: after an event's id, or what was logged since a moment (ms). */
  since?: Since;
  /** Ends the feed. */
  signal?: AbortSignal;
  /** Subscribed, and the replay is over: every later event will be handed out. */
  onReady?: () => void;
  /** The log was trimmed past where the feed was: these events are lost to it. */
  onGap?: (gap: Gap) => void;
  /** So many events of other programs came while the consumer was slow, and are lost to the feed. */
  onDropped?: (count: number) => void;
}

const LOOK_EVERY_MS = 1000;
/** How many events of other programs wait for a slow consumer: the newest. Those of the log wait there. */
const MOST_WAITING = 10_000;

/** Events as they happen, until the signal aborts or the consumer stops. @throws DevstateError */
export async function* presenceFeed(fleet: Fleet, options: FeedOptions = {}): AsyncGenerator<PresenceEvent> {
  const bell = new Doorbell(options.signal);
  const outage = new Outage(options);
  const foreign: PresenceEvent[] = [];
  let dropped = 0;
  let loss: DevstateError | undefined;
  const ear = subscribe(fleet, fleet.keys.presenceChannel, {
    hear(message) {
      const event = isOwnMessage(message) ? null : decodePresenceMessage(message);
      if (event && foreign.push(event) > MOST_WAITING) {
        foreign.shift();
        dropped += 1;
      }
      bell.ring();
    },
    onLost(error) {
      loss = error;
      bell.ring();
    },
    onBack: () => bell.ring(),
  });
  try {
    const log = new PresenceLog(fleet, options.onGap);
    await bell.orStopped(ear.ready);
    await bell.orStopped(log.open(options.since));
    let ready = false;
    while (!bell.stopped) {
      try {
        const { events, more } = (await bell.orStopped(log.next())) ?? NOTHING;
        for (const event of events) {
          if (bell.stopped) return;
          yield event;
          log.take(event);
        }
        if (bell.stopped) return;
        if (more) continue;
        if (!ready) options.onReady?.();
        ready = true;
        if (ear.lost && !mayPass(ear.lost)) throw ear.lost;
        if (loss) outage.begin(loss);
        loss = undefined;
        if (!ear.lost) outage.end();
      } catch (error) {
        if (!mayPass(error) || !ready) throw error;
        outage.begin(error);
      }
      if (dropped > 0) options.onDropped?.(dropped);
      dropped = 0;
      for (const event of (await bell.orStopped(withTypes(fleet, foreign.splice(0)))) ?? []) {
        if (bell.stopped) return;
        yield event;
      }
      await bell.wait(LOOK_EVERY_MS);
    }
  } finally {
    ear.close();
    bell.close();
  }
}

const NOTHING = { events: [], more: false };

/** Other programs' events do not say the type; the record does. */
async function withTypes(fleet: Fleet, events: PresenceEvent[]): Promise<PresenceEvent[]> {
  if (events.length === 0) return events;
  const ids = events.map(({ deviceId }) => deviceId);
  try {
    const readings = await inChunks(ids, (chunk) => readDevices(fleet, chunk, ['type']));
    return events.map((event, i) => ({
      ...event,
      deviceType: event.deviceType ?? readings[i]?.device?.deviceType ?? null,
    }));
  } catch (error) {
    if (mayPass(error)) return events; // the loss is told by the log's reader
    throw error;
  }
}
