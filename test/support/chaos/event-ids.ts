/** Ids of events in the logs of a fleet: their parts, their order, and ids in the lines that a watcher printed. */
import type { PresenceEvent } from '../../../src/core/model/presence-event.js';

interface EventId {
  ms: number;
  seq: number;
  partition: number;
}

export function parseEventId(id: string): EventId {
  const [ms = 0, seq = 0, partition = 0] = id.split(/[-@]/).map(Number);
  return { ms, seq, partition };
}

/** Sorts events by the time at which they were logged, then by partition. */
export function inLogOrder(events: readonly PresenceEvent[]): PresenceEvent[] {
  return events
    .map((event) => ({ event, parts: parseEventId(event.id as string) }))
    .sort(({ parts: a }, { parts: b }) => a.ms - b.ms || a.seq - b.seq || a.partition - b.partition)
    .map(({ event }) => event);
}

/** Parses lines that a watcher printed, and removes the positions in other partitions from the ids. */
export function parsePrinted(lines: readonly string[]): { id: string; text: string }[] {
  return lines.map((line) => {
    const event = JSON.parse(line) as { id: string };
    const [id = ''] = event.id.split('.');
    return { id, text: JSON.stringify({ ...event, id }) };
  });
}
