/** Chooses, for the strategy of a detector, the source that names devices whose heartbeat may have expired. */
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import type { DetectOptions } from './detect-options.js';
import { KeyspaceEvents } from './keyspace-events.js';
import { pollOnlineSet } from './poll-online-set.js';
import { INDEX_ONLY, type SuspectListener, type SuspectSource } from './suspect-source.js';

const DEFAULT_INTERVAL_MS = 10_000;

/**
 * Opens the source of the strategy; the caller must close it. The source's promise `ready` may reject with a
 * DevstateError.
 */
export function openSource(
  fleet: Fleet,
  partitions: readonly Partition[],
  { strategy = 'deadline', interval = DEFAULT_INTERVAL_MS }: DetectOptions,
  listener: SuspectListener,
  notice: (message: string) => void,
): SuspectSource {
  if (strategy === 'poll') return pollOnlineSet(interval);
  if (strategy === 'keyspace') return new KeyspaceEvents(fleet, partitions, listener, notice);
  return INDEX_ONLY;
}
