/** Finds the ends of the logs of all partitions, where a feed starts that returns only new events. */
import { settleWithStragglerTimeout } from '../async/timeouts.js';
import { isTransient, mostSevere } from '../store/redis-errors.js';
import { type LogPosition, positionAt } from './log-position.js';
import type { LogReader } from './log-reader.js';

/**
 * Returns the position of the end of each log. For a log that cannot be read now, or whose server answers more than
 * `stragglerTimeoutMs` after the previous server, the position is the earliest server time at which another log was
 * read.
 * @throws DevstateError CONNECTION if no log can be read; BAD_RECORD if a key is not a stream
 */
export async function readLogEnds(
  readers: readonly LogReader[],
  stragglerTimeoutMs: number,
): Promise<LogPosition[]> {
  const ends: { position: LogPosition; now: number }[] = [];
  const failures: unknown[] = [];
  const reads = readers.map(async (reader, i) => {
    try {
      ends[i] = await reader.readEnd();
    } catch (error) {
      failures.push(error);
    }
  });
  await settleWithStragglerTimeout(stragglerTimeoutMs, reads);
  const known = Object.values(ends);
  const failure = mostSevere(failures);
  if (failure !== undefined && (known.length === 0 || !isTransient(failure))) throw failure;
  // A log whose end could not be read is read from a time on. The clocks of the servers may differ, so the earliest of
  // their times is taken: with a later one the feed could skip events.
  const now = Math.min(...known.map((end) => end.now));
  return readers.map((_, i) => ends[i]?.position ?? positionAt(now));
}
