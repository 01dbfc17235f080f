/** Reads the newest entries of one history list of a device, in chunks from the end of the list. */
import { DevstateError, quote } from '../model/errors.js';
import type { HistoryKind } from '../model/keyspace.js';
import type { ReadText } from '../model/stored-document.js';
import type { Fleet } from '../store/fleet.js';
import { decodeEntry, type HistoryEntry } from './history-entry.js';

const CHUNK = 200;
/** The most times that reading starts anew. */
const MAX_RESTARTS = 20;
/**
 * The most entries that are read, beyond what the fleet keeps of each device: the limit may have been higher, and other
 * programs may have added entries.
 */
const MAX_MORE_ENTRIES = 10_000;

/**
 * Returns the newest history entries of one kind, oldest first: as many chunks as `isEnough` asks for, or all entries.
 * Entries may be added and deleted between the reads of two chunks. Each chunk therefore overlaps the one before by an
 * entry; if that entry is not found again, reading starts anew.
 * @param isEnough called with the entries read so far, oldest first
 * @throws DevstateError BAD_RECORD, CONNECTION, USAGE; CONFLICT: reading started anew too often
 */
export async function readNewestEntries(
  fleet: Fleet,
  id: string,
  kind: HistoryKind,
  isEnough: (entries: readonly HistoryEntry[]) => boolean,
): Promise<HistoryEntry[]> {
  const partition = await fleet.partitionFor(id);
  const key = partition.keys.history(kind, id);
  const maxEntries = (await partition.declared()).historyCaps[kind] + MAX_MORE_ENTRIES;
  let entries: HistoryEntry[] = [];
  let oldest: ReadText | undefined;
  let restarts = 0;
  let oldestFromEnd = 0; // the place of the oldest entry read, counted from 1 at the end of the list; 0: none read yet
  for (;;) {
    const start = -(oldestFromEnd + CHUNK);
    const end = -Math.max(oldestFromEnd, 1);
    const chunk = await fleet.ask('lrange', key, start, end);
    const overlapAt = oldest === undefined ? chunk.length : chunk.lastIndexOf(oldest);
    if (overlapAt < 0) {
      // The overlapping entry is gone: more than a chunk of entries was added, or the history was deleted and began
      // again. Reading starts anew.
      restarts += 1;
      if (restarts > MAX_RESTARTS)
        throw new DevstateError('CONFLICT', 'the history kept changing', { reason: 'DEVICE_BUSY' });
      entries = [];
      oldest = undefined;
      oldestFromEnd = 0;
      continue;
    }
    const older = chunk.slice(0, overlapAt);
    entries = [...older.map((text) => decodeEntry(id, kind, text)), ...entries];
    const overlap = oldest === undefined ? 0 : 1;
    oldestFromEnd += chunk.length - overlap;
    oldest = older[0] ?? oldest;
    if (chunk.length < CHUNK + overlap || isEnough(entries)) return entries;
    if (entries.length > maxEntries)
      throw new DevstateError(
        'BAD_RECORD',
        `device ${quote(id)}: its history holds more than ${maxEntries} entries`,
      );
  }
}
