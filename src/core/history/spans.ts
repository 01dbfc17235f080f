/**
 * The past of one kind (reported, desired, presence) as a row of spans, oldest first. A span begins at a time
 * and ends where the next begins; its state is known or unknown. Each entry of the history gives a span.
 */
import type { DeviceRecord } from '../model/device.js';
import type { HistoryEntry } from './history-entry.js';

export interface Span<State> {
  /** When the span begins, epoch ms. */
  from: number;
  /** The state during the span; null: it is not known. */
  state: State | null;
}

/** Returns when the device was registered, epoch ms; 0: the record has no such time. */
export function registeredAtOf({ registeredAt }: DeviceRecord): number {
  return registeredAt ?? 0;
}

/**
 * Returns the spans that the history entries of a device give. The last span is that of the newest entry.
 * @param entries the entries of one kind, oldest first
 * @param registered the state of this kind that every device has directly after its registration
 */
export function spansOfEntries<State>(
  record: DeviceRecord,
  entries: readonly HistoryEntry[],
  stateOf: (entry: HistoryEntry) => State,
  registered: State,
): Span<State>[] {
  const spans: Span<State>[] = [
    { from: 0, state: null },
    { from: registeredAtOf(record), state: entries[0]?.first ? registered : null },
  ];
  for (const [i, entry] of entries.entries()) {
    const { number, at, unknown } = entry;
    const previous = entries[i - 1];
    const isNext = previous === undefined || previous.number === number - 1;
    const unknownFrom = isNext ? unknown?.[0] : previous.at;
    if (unknownFrom !== undefined) spans.push({ from: unknownFrom, state: null });
    spans.push({ from: unknown?.[1] ?? at, state: stateOf(entry) });
  }
  return spans;
}

/** Returns the state that the spans give for a time (epoch ms); null: the state is not known. */
export function stateIn<State>(spans: readonly Span<State>[], time: number): State | null {
  return spans.findLast(({ from }) => from <= time)?.state ?? null;
}

/** Returns the time, epoch ms, from which on the state is known until now; null: the state is not known now. */
export function knownSince<State>(spans: readonly Span<State>[]): number | null {
  const lastUnknown = spans.findLastIndex(({ state }) => state === null);
  return spans[lastUnknown + 1]?.from ?? null;
}
