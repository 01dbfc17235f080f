/**
 * The presence feed: every transition once, in order, across lost connections. Devstate's
 * own events come from the log only; a message on the channel that carries `seq` is a
 * doorbell (beside a look each second), one without is another program's, shown live.
 * What must hold: SUBSCRIBE before the position is taken, and the position moves only
 * with what was handed out.
 */
import type { PresenceEvent } from './device.js';
import { decodePresenceMessage, isOwnMessage } from './dialect.js';
import { Doorbell } from './doorbell.js';
import { DevstateError } from './errors.js';
import type { Fleet } from './fleet.js';
import { type Gap, PresenceLog, type Since } from './presence-log.js';
import { readDevices } from './records.js';
import { subscribe } from './subscribe.js';

export interface FeedOptions {
  /** Replay from here: after an event's id, or what was logged since a moment (ms). */
  since?: Since;
  /** Ends the feed. */
  signal?: AbortSignal;
  /** Subscribed, and the replay is over: every later event will be handed out. */
  onReady?: () => void;
  /** The log was trimmed past where the feed was: these events are lost to it. */
  onGap?: (gap: Gap) => void;
  /** The connection was lost; the feed goes on by itself. */
  onLost?: (error: DevstateError) => void;
  /** It is back, and goes on from where it was. */
  onResumed?: () => void;
}

const LOOK_EVERY_MS = 1000;

/** Events as they happen, until the signal aborts or the consumer stops. @throws DevstateError */
export async function* presenceFeed(fleet: Fleet, options: FeedOptions = {}): AsyncGenerator<PresenceEvent> {
  const bell = new Doorbell(options.signal);
  const foreign: PresenceEvent[] = [];
  const ear = subscribe(fleet, fleet.keys.presenceChannel, (message) => {
    const event = isOwnMessage(message) ? null : decodePresenceMessage(message);
    if (event) foreign.push(event);
    bell.ring();
  });
  try {
    const log = new PresenceLog(fleet, options.onGap);
    await bell.orStopped(ear.ready);
    await bell.orStopped(log.open(options.since));
    let ready = false;
    let lost = false;
    while (!bell.stopped) {
      try {
        const { events, more } = (await bell.orStopped(log.next())) ?? NOTHING;
        for (const event of events) {
          if (bell.stopped) return;
          yield event;
          log.take(event);
        }
        if (more) continue;
        if (!ready && !bell.stopped) options.onReady?.();
        ready = true;
        if (lost && !bell.stopped) options.onResumed?.();
        lost = false;
      } catch (error) {
        if (!(error instanceof DevstateError && error.code === 'CONNECTION') || !ready) throw error;
        if (!lost) options.onLost?.(error);
        lost = true;
      }
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
    const readings = await readDevices(fleet, ids, ['type']);
    return events.map((event, i) => ({
      ...event,
      deviceType: event.deviceType ?? readings[i]?.device?.deviceType ?? null,
    }));
  } catch (error) {
    if (error instanceof DevstateError && error.code === 'CONNECTION') return events;
    throw error;
  }
}
