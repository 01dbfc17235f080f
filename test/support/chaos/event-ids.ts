/** Ids of events in the logs of a fleet: their parts, their order, and ids in the lines that a watcher printed. */
import type { PresenceEvent } from '../../../src/core/model/presence-event.js';
import { entryId } from '../../../src/core/presence/cursor.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { logOf } from '../fleet.js';

interface EventId {
  ms: number;
  seq: number;
  partition: number;
}

export function parseEventId(id: string): EventId {
  const [ms = 0, seq = 0, partition = 0] = id.split(/[-@]/).map(Number);
  return { ms, seq, partition };
}

/** Returns the events in the logs of all partitions, with ids that have no positions in other partitions. */
export async function wholeLog(fleet: Fleet): Promise<PresenceEvent[]> {
  const partitions = await fleet.partitions();
  const logs = await Promise.all(partitions.map((partition) => logOf(partition)));
  const events = logs.flatMap((log, number) =>
    log.map((event) => ({ ...event, id: entryId(event.id as string, number, partitions.length) })),
  );
  return inLogOrder(events);
}

/** Sorts events by the time at which they were logged, then by partition. */
function inLogOrder(events: readonly PresenceEvent[]): PresenceEvent[] {
  return events
    .map((event) => ({ event, parts: parseEventId(event.id as string) }))
    .sort(({ parts: a }, { parts: b }) => a.ms - b.ms || a.seq - b.seq || a.partition - b.partition)
    .map(({ event }) => event);
}

/** Parses lines that a watcher printed, and removes the positions in other partitions from the ids. */
export function parsePrinted(lines: readonly string[]): { id: string; text: string }[] {
  return lines.map((line) => {
    const event = JSON.parse(line) as { id: string };
    const id = withoutPositions(event.id);
    return { id, text: JSON.stringify({ ...event, id }) };
  });
}

/** Returns the id of an event without the positions in other partitions. */
export function withoutPositions(id: string): string {
  return id.split('.', 1)[0] as string;
}
