/** The past of a device's reported or desired document, as spans of time with one text or with an unknown one. */
import type { DeviceRecord } from '../model/device.js';
import { type HistoryEntry, lastChangeOf } from './history-entry.js';
import { registeredAtOf, type Span, spansOfEntries } from './spans.js';

export interface DocumentText {
  json: string;
  version: number;
  /** When devstate last changed the document, epoch ms; null: never. */
  at: number | null;
}

/**
 * Returns the spans of a document's past. If the text in the record is not that of the newest history entry, another
 * program wrote the document after that entry. A report was then written by the last heartbeat at the latest, so it is
 * known from the last heartbeat on. When another program wrote a desired state is not known.
 * @param entries the history entries of the document, oldest first
 */
export function documentSpans(
  record: DeviceRecord,
  kind: 'reported' | 'desired',
  entries: readonly HistoryEntry[],
): Span<DocumentText>[] {
  const json = kind === 'reported' ? record.reportedJson : record.desiredJson;
  const { number: version, at } = lastChangeOf(record, kind);
  const registered = registeredAtOf(record);
  const spans = spansOfEntries(record, entries, textOf, { json: '{}', version: 0, at: null });
  const newest = entries.at(-1);
  const isUnchanged = newest?.number === version && newest.valueJson === json && newest.at >= registered;
  if (isUnchanged) return spans;
  spans.push({ from: newest?.at ?? 0, state: null });
  const state: DocumentText = { json, version, at };
  if (json === '{}' && (at ?? 0) <= registered) spans.push({ from: registered, state });
  else if (kind === 'reported')
    spans.push({ from: Math.max(record.lastSeen ?? 0, registered, at ?? 0), state });
  return spans;
}

function textOf({ valueJson, number, at }: HistoryEntry): DocumentText {
  return { json: valueJson ?? '{}', version: number, at };
}
