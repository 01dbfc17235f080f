/**
 * Writes that a failover may lose: Redis replies before its replicas have a write, so everything that a killed master
 * acknowledged in its last moments may be lost.
 */

import { partitionNumber } from '../../../src/core/store/partition-number.js';
import type { ChaosRun } from './chaos-run.js';
import { parseEventId } from './event-ids.js';
import type { Operation } from './log-checker.js';
import { isWithin, type Span } from './times.js';

/** The spans in which acknowledged writes of a partition may have been lost. */
export function riskSpansOf({ outages }: ChaosRun, partition: number): Span[] {
  return outages.flatMap(({ atRisk, partitions }) => (atRisk && partitions.has(partition) ? [atRisk] : []));
}

/** The ids that are not in the log. */
export function notLogged({ log }: ChaosRun, ids: readonly string[]): string[] {
  const logged = new Set(log.map(({ id }) => id));
  return ids.filter((id) => !logged.has(id));
}

/** Whether a failover may have lost the event with this id. */
export function mayBeLost(run: ChaosRun, id: string): boolean {
  const { ms, partition } = parseEventId(id);
  const since = run.real(ms);
  const setBack = run.steps.filter(({ byMs, partitions }) => byMs < 0 && partitions.has(partition));
  // After a step back, ids stay behind.
  return riskSpansOf(run, partition).some(
    ([from, to]) => since <= to && (since >= from || setBack.some(({ at }) => at[1] >= since && at[0] <= to)),
  );
}

/** The operations that were acknowledged within a risk span. */
export function operationsAtRisk(run: ChaosRun): { id: string; operation: Operation }[] {
  return [...run.operations].flatMap(([id, list]) => {
    const spans = riskSpansOf(run, partitionNumber(id, run.partitions));
    return list
      .filter(({ sent, done, reply }) => reply && spans.some(([from, to]) => done >= from && sent <= to))
      .map((operation) => ({ id, operation }));
  });
}

/** The number of operations acknowledged within a risk span whose event is not in the log. */
export function transitionsLost(run: ChaosRun): number {
  const isLost = ({ id, operation }: { id: string; operation: Operation }) => {
    const expected = expectedEvent(operation);
    return (
      expected !== undefined &&
      !run.realLog.some(
        ({ deviceId, reason, timestamp }) =>
          deviceId === id && reason === expected.reason && isWithin(expected.at, timestamp),
      )
    );
  };
  return operationsAtRisk(run).filter(isLost).length;
}

/** The event that an operation must have announced, according to its reply. */
function expectedEvent(operation: Operation): { reason: string; at: Span } | undefined {
  if (operation.kind === 'beat') {
    const { reply } = operation;
    return reply?.wasOffline ? { reason: 'heartbeat', at: [reply.at, reply.at] } : undefined;
  }
  const { sent, done, reply } = operation;
  return reply?.wasOnline ? { reason: 'disconnect', at: [sent, done] } : undefined;
}
