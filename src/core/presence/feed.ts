/**
 * The presence feed: every transition once, in order, across lost connections. Devstate's
 * own events come from the logs only; a message on the channel that carries `seq` is a
 * doorbell (beside a look each second), one without is another program's, shown live.
 * What must hold: SUBSCRIBE before the places in the logs are taken, and an event's id
 * tells of no other event that has not been handed out.
 */

import { withTimeout } from '../async/timeouts.js';
import { WakeSignal } from '../async/wake-signal.js';
import type { DevstateError } from '../model/errors.js';
import type { PresenceEvent } from '../model/presence-event.js';
import { decodePresenceMessage, isOwnMessage } from '../model/presence-event.js';
import { type OutageListener, OutageNotice } from '../pubsub/outage-notice.js';
import { subscribe } from '../pubsub/subscribe.js';
import type { Subscription } from '../pubsub/subscription.js';
import { readDevices } from '../query/read-devices.js';
import { assertPartitionCount } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import { partitionNumber } from '../store/partition-number.js';
import { isTransient, mostSevere } from '../store/redis-errors.js';
import { runInChunks } from '../store/script-chunks.js';
import type { Gap, Since } from './log-reader.js';
import { MergedLog } from './merged-log.js';

export interface FeedOptions extends OutageListener {
  /** Replay from here: after an event's id, or what was logged since a moment (ms). */
  since?: Since;
  /** Ends the feed. */
  signal?: AbortSignal;
  /** Subscribed, and the replay is over, but for logs that cannot be read now: every later event will be handed out. */
  onReady?: () => void;
  /** The log was trimmed past where the feed was: these events are lost to it. */
  onGap?: (gap: Gap) => void;
  /** So many events of other programs came while the consumer was slow, and are lost to the feed. */
  onDropped?: (count: number) => void;
}

const LOOK_EVERY_MS = 1000;
/** Longer no event waits to be told with its device's type. */
const TYPES_WITHIN_MS = 1000;
/** How many events of other programs wait for a slow consumer: the newest. Those of the log wait there. */
const MOST_WAITING = 10_000;

/** Events as they happen, until the signal aborts or the consumer stops. @throws DevstateError */
export async function* presenceFeed(fleet: Fleet, options: FeedOptions = {}): AsyncGenerator<PresenceEvent> {
  const bell = new WakeSignal(options.signal);
  const outage = new OutageNotice(options);
  const foreign: PresenceEvent[] = [];
  let dropped = 0;
  let loss: DevstateError | undefined;
  let ear: Subscription | undefined;
  try {
    const partitions = await bell.orAborted(fleet.partitions());
    if (!partitions) return;
    const logs = new MergedLog(partitions, options.onGap, () => bell.wake());
    ear = subscribe(fleet, fleet.keys.presenceChannel, {
      onMessage(message) {
        if (isOwnMessage(message)) logs.ring(partitionNamed(message, partitions.length));
        else {
          const event = decodePresenceMessage(message);
          if (event && foreign.push(event) > MOST_WAITING) {
            foreign.shift();
            dropped += 1;
          }
        }
        bell.wake();
      },
      onLost(error) {
        loss = error;
        bell.wake();
      },
      onBack() {
        logs.ring();
        bell.wake();
      },
    });
    await bell.orAborted(ear.ready);
    await bell.orAborted(logs.open(options.since));
    let begun = false;
    let ready = false;
    let lookAt = 0;
    while (!bell.stopped) {
      if (performance.now() >= lookAt) {
        logs.ring();
        lookAt = performance.now() + LOOK_EVERY_MS;
      }
      const failures = await bell.orAborted(logs.look());
      for (const event of logs.events()) {
        if (bell.stopped) return;
        yield event;
      }
      if (!failures || bell.stopped) return;
      begun ||= failures.length < partitions.length;
      const failure = mostSevere(failures);
      if (failure !== undefined) {
        if (!begun || !isTransient(failure)) throw failure;
        loss ??= failure;
      }
      if (logs.more) continue;
      await bell.orAborted(assertPartitionCount(fleet, partitions.length));
      if (ear.lost && !isTransient(ear.lost)) throw ear.lost;
      if (loss) outage.begin(loss);
      loss = undefined;
      if (failure === undefined && !ear.lost) outage.end();
      if (!ready) options.onReady?.();
      ready = true;
      if (dropped > 0) options.onDropped?.(dropped);
      dropped = 0;
      for (const event of (await bell.orAborted(withTypes(fleet, foreign.splice(0)))) ?? []) {
        if (bell.stopped) return;
        yield event;
      }
      await bell.wait(Math.max(0, lookAt - performance.now()));
    }
  } finally {
    ear?.close();
    bell.close();
  }
}

/** Whose log the event of one of devstate's messages is in. */
function partitionNamed(message: string, count: number): number {
  const id = count === 1 ? undefined : decodePresenceMessage(message)?.deviceId;
  return id === undefined ? 0 : partitionNumber(id, count);
}

/** Other programs' events do not say the type; the record does. */
async function withTypes(fleet: Fleet, events: PresenceEvent[]): Promise<PresenceEvent[]> {
  if (events.length === 0) return events;
  const ids = events.map(({ deviceId }) => deviceId);
  try {
    const reading = runInChunks(ids, (chunk) => readDevices(fleet, chunk, ['type']));
    const readings = (await withTimeout(TYPES_WITHIN_MS, reading)) ?? [];
    return events.map((event, i) => ({
      ...event,
      deviceType: event.deviceType ?? readings[i]?.device?.deviceType ?? null,
    }));
  } catch (error) {
    if (isTransient(error)) return events; // the loss is told by the log's reader
    throw error;
  }
}
