/**
 * Follows the history of a device: returns its entries, then each new entry. Once a second the device's record
 * is read; the history is read only if the record shows a change that has not been read.
 */

import { WakeSignal } from '../async/wake-signal.js';
import { DevstateError } from '../model/errors.js';
import { HISTORY_KINDS, type HistoryKind } from '../model/keyspace.js';
import type { OutageNotice } from '../pubsub/outage-notice.js';
import type { Fleet } from '../store/fleet.js';
import { type LastReads, readFirstEntries, readNewEntries } from './new-entries.js';
import type { HistoryChange, HistoryOptions } from './read-history.js';

export interface FollowOptions extends Omit<HistoryOptions, 'until'> {
  /** Reports when the history cannot be read, and when it can be again. */
  outage: OutageNotice;
  /** Ends the following of the history when it aborts. */
  signal?: AbortSignal;
  /** Called with a kind of change and the number of its entries that were deleted before they could be read. */
  onDropped?: (kind: HistoryKind, count: number) => void;
  /** Called when the device is no longer registered. If it is registered again later, its new entries are returned. */
  onGone?: (error: DevstateError) => void;
}

const POLL_INTERVAL_MS = 1000;

/**
 * Returns the history entries that the options select, then every later entry once, until the signal aborts.
 * After the first read, a lost connection or an unregistered device is not thrown, but reported to `outage` and
 * `onGone`.
 * @throws DevstateError BAD_RECORD, USAGE; at the first read also NOT_FOUND and CONNECTION
 */
export async function* followHistory(
  fleet: Fleet,
  id: string,
  { signal, outage, onDropped = () => {}, onGone = () => {}, ...options }: FollowOptions,
): AsyncGenerator<HistoryChange> {
  const wakeSignal = new WakeSignal(signal);
  const kinds = options.kinds ?? HISTORY_KINDS;
  let lastReads: LastReads | undefined;
  let isGone = false;
  try {
    while (!wakeSignal.isStopped) {
      try {
        const reading = lastReads
          ? readNewEntries(fleet, id, kinds, lastReads)
          : readFirstEntries(fleet, id, kinds, options);
        const found = await wakeSignal.orAborted(reading);
        if (!found) return;
        outage.end();
        isGone = false;
        lastReads = found.lastReads;
        for (const [kind, count] of found.dropped) onDropped(kind, count);
        yield* found.entries;
      } catch (error) {
        if (!lastReads || !(error instanceof DevstateError)) throw error;
        if (error.code === 'CONNECTION') outage.begin(error);
        else if (error.code !== 'NOT_FOUND') throw error;
        else {
          outage.end();
          if (!isGone) onGone(error);
          isGone = true;
        }
      }
      await wakeSignal.wait(POLL_INTERVAL_MS);
    }
  } finally {
    wakeSignal.close();
  }
}
