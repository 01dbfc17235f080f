/**
 * What a master may have taken with it: Redis answers before its replicas have heard, so of what was
 * acknowledged in a master's last moments each may be lost, and nobody can do anything about it.
 */

import { partitionNumber } from '../../../src/core/store/partition.js';
import type { ChaosRun } from './chaos-run.js';
import { placeOf } from './event-ids.js';
import { isWithin, type Operation, type Span } from './log-checker.js';

/** When what a partition acknowledged was at risk. */
export function risksOf({ outages }: ChaosRun, partition: number): Span[] {
  return outages.flatMap(({ atRisk, partitions }) => (atRisk && partitions.has(partition) ? [atRisk] : []));
}

/** Of these events, those that are not in the log. */
export function notLogged({ log }: ChaosRun, ids: readonly string[]): string[] {
  const logged = new Set(log.map(({ id }) => id));
  return ids.filter((id) => !logged.has(id));
}

/** Whether a master may have taken this event with it. */
export function mayBeLost(run: ChaosRun, id: string): boolean {
  const { ms, partition } = placeOf(id);
  return risksOf(run, partition).some((span) => isWithin(span, ms));
}

/** What was acknowledged at risk. */
export function operationsAtRisk(run: ChaosRun): { id: string; operation: Operation }[] {
  return [...run.operations].flatMap(([id, list]) => {
    const spans = risksOf(run, partitionNumber(id, run.partitions));
    return list
      .filter(({ sent, done, reply }) => reply && spans.some(([from, to]) => done >= from && sent <= to))
      .map((operation) => ({ id, operation }));
  });
}

/** How many transitions of these are not in the log. */
export function transitionsLost(run: ChaosRun): number {
  const isLost = ({ id, operation }: { id: string; operation: Operation }) => {
    const announced = announcedBy(operation);
    return (
      announced !== undefined &&
      !run.log.some(
        ({ deviceId, reason, timestamp }) =>
          deviceId === id && reason === announced.reason && isWithin(announced.at, timestamp),
      )
    );
  };
  return operationsAtRisk(run).filter(isLost).length;
}

/** By what it was answered. */
function announcedBy(operation: Operation): { reason: string; at: Span } | undefined {
  if (operation.kind === 'beat') {
    const { reply } = operation;
    return reply?.wasOffline ? { reason: 'heartbeat', at: [reply.at, reply.at] } : undefined;
  }
  const { sent, done, reply } = operation;
  return reply?.wasOnline ? { reason: 'disconnect', at: [sent, done] } : undefined;
}
