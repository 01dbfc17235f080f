/** The notice about presence events that were deleted from the log before they could be read. */
import type { Gap } from '../../core/presence/log-reader.js';

/**
 * Returns a function that collects the items it is called with, and passes them to `handle` together at the end of
 * the tick of the event loop, so that gaps found in several partitions at once become one notice.
 */
export function groupSameTick<Item>(handle: (items: readonly Item[]) => void): (item: Item) => void {
  const items: Item[] = [];
  return (item) => {
    if (items.push(item) === 1) queueMicrotask(() => handle(items.splice(0)));
  };
}

/**
 * Returns one notice for the gaps in the logs of all partitions. The time span that it names reaches from the
 * beginning of the first gap to the end of the last.
 */
export function gapNotice(gaps: readonly Gap[]): string {
  const after = gaps.map((gap) => gap.after).reduce((a, b) => (timeMs(b) < timeMs(a) ? b : a));
  const before = gaps
    .map((gap) => gap.before)
    .reduce((a, b) => (a === null || (b !== null && timeMs(b) < timeMs(a)) ? a : b));
  const logs = gaps.length === 1 ? 'the log does' : `the logs of ${gaps.length} partitions do`;
  const from = typeof after === 'number' ? new Date(after).toISOString() : `event ${after}`;
  const to = before === null ? 'now' : `event ${before}`;
  return `${logs} not reach back that far: events between ${from} and ${to} are missing`;
}

/**
 * Returns a moment as ms since the epoch.
 * @param moment ms since the epoch, or the id of an event, which begins with its time in ms
 */
function timeMs(moment: string | number): number {
  return typeof moment === 'number' ? moment : Number(moment.split('-', 1)[0]);
}
