/** Where events are in the logs of a fleet: of ids, and of lines that a watcher printed. */
import type { PresenceEvent } from '../../../src/core/model/device.js';

interface Place {
  ms: number;
  seq: number;
  partition: number;
}

export function placeOf(id: string): Place {
  const [ms = 0, seq = 0, partition = 0] = id.split(/[-@]/).map(Number);
  return { ms, seq, partition };
}

/** By when they were logged; of the same moment, by partition. */
export function inLogOrder(events: readonly PresenceEvent[]): PresenceEvent[] {
  return events
    .map((event) => ({ event, place: placeOf(event.id as string) }))
    .sort(({ place: a }, { place: b }) => a.ms - b.ms || a.seq - b.seq || a.partition - b.partition)
    .map(({ event }) => event);
}

/** What a watcher printed, its ids without the places in the other partitions. */
export function printed(lines: readonly string[]): { id: string; text: string }[] {
  return lines.map((line) => {
    const event = JSON.parse(line) as { id: string };
    const [id = ''] = event.id.split('.');
    return { id, text: JSON.stringify({ ...event, id }) };
  });
}
