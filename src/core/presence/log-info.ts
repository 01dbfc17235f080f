/** What Redis knows of the log of a partition as a whole, by which a reader finds out whether it has missed events. */
import type { Partition } from '../store/partition.js';
import { type LogPosition, positionAfter } from './log-position.js';

export interface LogInfo {
  length: number;
  /** How many entries were ever added; undefined: the server does not count them, because it is older than Redis 7. */
  added: number | undefined;
  /** The position directly after the newest entry that was ever added, which may have been deleted since. */
  end: LogPosition;
  /** The id of the oldest entry; undefined: there is none. */
  oldestId: string | undefined;
}

/**
 * Reads what Redis knows of the log.
 * @returns undefined: there is no log
 * @throws DevstateError CONNECTION; BAD_RECORD: the key is not a stream
 */
export async function readLogInfo(partition: Partition): Promise<LogInfo | undefined> {
  const { log } = partition.keys;
  if ((await partition.ask('exists', log)) === 0) return undefined;
  const flat = await partition.ask('xinfo', 'STREAM', log);
  const info = new Map(
    flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1]]] : [])) as [string, unknown][],
  );
  const oldest = info.get('first-entry');
  return {
    length: Number(info.get('length')),
    added: info.has('entries-added') ? Number(info.get('entries-added')) : undefined,
    end: positionAfter(String(info.get('last-generated-id'))),
    oldestId: Array.isArray(oldest) ? String(oldest[0]) : undefined,
  };
}
