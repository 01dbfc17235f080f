/**
 * Presence events of other programs. They are only published on the channel, not logged, so they wait here
 * until the feed returns them. If the consumer of the feed is too slow, the oldest are dropped.
 */
import { withTimeout } from '../async/timeouts.js';
import type { PresenceEvent } from '../model/presence-event.js';
import { readDevices } from '../query/read-devices.js';
import type { Fleet } from '../store/fleet.js';
import { isTransient } from '../store/redis-errors.js';
import { runInChunks } from '../store/script-chunks.js';

const MAX_WAITING = 10_000;
/** Events are returned without the type if reading it takes longer. */
const READ_TYPES_TIMEOUT_MS = 1000;

export class ForeignEvents {
  #waiting: PresenceEvent[] = [];
  #dropped = 0;

  add(event: PresenceEvent): void {
    if (this.#waiting.push(event) <= MAX_WAITING) return;
    this.#waiting.shift();
    this.#dropped += 1;
  }

  /** Returns the number of events dropped since the last call. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  /**
   * Returns the waiting events, oldest first, with the device type of the record where the message has none.
   * @throws DevstateError BAD_RECORD, USAGE, CONNECTION: permission denied
   */
  async take(fleet: Fleet): Promise<PresenceEvent[]> {
    const events = this.#waiting;
    this.#waiting = [];
    if (events.length === 0) return events;
    const ids = events.map(({ deviceId }) => deviceId);
    try {
      const reading = runInChunks(ids, (chunk) => readDevices(fleet, chunk, ['type']));
      const readings = (await withTimeout(READ_TYPES_TIMEOUT_MS, reading)) ?? [];
      return events.map((event, i) => ({
        ...event,
        deviceType: event.deviceType ?? readings[i]?.device?.deviceType ?? null,
      }));
    } catch (error) {
      if (isTransient(error)) return events; // the feed detects the lost connection when it reads the logs
      throw error;
    }
  }
}
