/** The strategy `poll`: a polling loop over the set of online devices of each partition, in chunks. */
import type { Partition } from '../store/partition.js';
import { MAX_DEVICES_PER_SCRIPT } from '../store/scripts.js';
import { ScanCursor } from '../store/set-scan.js';
import { INDEX_ONLY, type Poller, type SuspectSource } from './suspect-source.js';

/** Returns the source of the strategy: it names every device of the online sets once in `intervalMs`. */
export function pollOnlineSet(intervalMs: number): SuspectSource {
  return {
    ...INDEX_ONLY,
    usesIndex: false,
    pollers: (partition) => [onlineSetPoller(partition, intervalMs)],
  };
}

/**
 * Returns a poller that goes through the online set in rounds. A round starts at each multiple of the interval after the
 * start; if a round takes longer than the interval, the next one starts at the multiple that follows.
 */
function onlineSetPoller(partition: Partition, intervalMs: number): Poller {
  const cursor = new ScanCursor(partition, 'sscan', partition.keys.online);
  const startedAtMs = performance.now();
  let dueAtMs = startedAtMs;
  return {
    async next() {
      if (performance.now() < dueAtMs) return [];
      const { found, isLast } = await cursor.next(MAX_DEVICES_PER_SCRIPT);
      if (isLast) {
        const rounds = Math.ceil((performance.now() - startedAtMs) / intervalMs);
        dueAtMs = startedAtMs + rounds * intervalMs;
      }
      return found;
    },
    msUntilNext: () => Math.max(0, dueAtMs - performance.now()),
  };
}
