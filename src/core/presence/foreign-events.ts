/**
 * Keeps the presence events of programs other than devstate until the feed returns them: those programs only publish
 * events on the channel and do not log them. If the consumer of the feed is too slow, the oldest are dropped.
 */
import { withTimeout } from '../async/timeouts.js';
import type { PresenceEvent } from '../model/presence-event.js';
import { readDevices } from '../query/read-devices.js';
import type { Fleet } from '../store/fleet.js';
import { isTransient } from '../store/redis-errors.js';

const MAX_WAITING = 10_000;
/**
 * A message of another program may lack the device type, which is then read from the device's record. This is the
 * longest wait for that read, ms; after it the events are returned without a type, so that a slow server does not delay
 * them.
 */
const READ_TYPES_TIMEOUT_MS = 1000;

export class ForeignEvents {
  #waiting: PresenceEvent[] = [];
  #dropped = 0;

  add(event: PresenceEvent): void {
    if (this.#waiting.push(event) <= MAX_WAITING) return;
    this.#waiting.shift();
    this.#dropped += 1;
  }

  /** Returns the number of events that were dropped since the previous call of this method. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  /**
   * Removes and returns the waiting events, oldest first. If a message has no device type, its event gets the type of
   * the device's record.
   * @throws DevstateError BAD_RECORD, USAGE, CONNECTION: permission denied
   */
  async take(fleet: Fleet): Promise<PresenceEvent[]> {
    const events = this.#waiting;
    this.#waiting = [];
    if (events.length === 0) return events;
    const ids = events.map(({ deviceId }) => deviceId);
    try {
      const reading = readDevices(fleet, ids, ['type']);
      const readings = (await withTimeout(READ_TYPES_TIMEOUT_MS, reading)) ?? [];
      return events.map((event, i) => ({
        ...event,
        deviceType: event.deviceType ?? readings[i]?.device?.deviceType ?? null,
      }));
    } catch (error) {
      // The connection was lost, so the device types cannot be read: the events are returned without them. The loss is
      // not reported here, because the feed reports it when it reads the logs.
      if (isTransient(error)) return events;
      throw error;
    }
  }
}
