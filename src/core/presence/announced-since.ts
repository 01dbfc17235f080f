/**
 * Reads the transitions of devices that `settle` has announced and whose replies were lost: they are in the log. Those
 * that another detector announced in the same time cannot be told apart, so both then return them.
 */
import { decodeLogEntry, type PresenceEvent } from '../model/presence-event.js';
import type { Partition } from '../store/partition.js';
import { parseServerTime } from '../store/server-time.js';
import { positionAt } from './log-position.js';
import { LogReader } from './log-reader.js';

const ENTRIES_PER_READ = 1000;

/**
 * Returns the events of these devices that were announced since a moment, without those of heartbeats and other calls.
 * @param sinceMs the moment on the clock of `performance.now()`
 * @throws DevstateError CONNECTION, BAD_RECORD: the key of the log is not a stream
 */
export async function announcedSince(
  partition: Partition,
  ids: readonly string[],
  sinceMs: number,
): Promise<PresenceEvent[]> {
  const [time] = await partition.pipeline([['time']]);
  const elapsedMs = Math.ceil(performance.now() - sinceMs);
  const reader = new LogReader(partition);
  reader.startAt(positionAt(parseServerTime(time) - elapsedMs));
  const wanted = new Set(ids);
  const events: PresenceEvent[] = [];
  for (let hasMore = true; hasMore; ) {
    const read = await reader.readNext(ENTRIES_PER_READ);
    for (const [id, fields] of read.entries) {
      const event = decodeLogEntry(id, fields);
      const isSettled = event.reason === 'timeout' || event.reason === 'observed';
      if (isSettled && wanted.has(event.deviceId)) events.push(event);
    }
    hasMore = read.hasMore;
  }
  return events;
}
