/** Prints a summary of a chaos run into the output of the tests. */

import { printReport, summarizeMs } from '../report.js';
import type { ChaosOptions, ChaosRun } from './chaos-run.js';
import { parsePrinted } from './event-ids.js';
import { notLogged, operationsAtRisk, transitionsLost } from './replication-losses.js';
import type { Span } from './times.js';

export function summarize(title: string, { seed, seconds }: ChaosOptions, run: ChaosRun): void {
  const { realLog: log, operations, holds, outages, steps, counts, detectors } = run;
  const all = [...operations.values()].flat();
  const unanswered = all.filter(({ reply }) => !reply);
  // Timeouts during an outage, a restart of the detectors or a hold are late by design and not counted.
  const disturbed = [
    ...outages.map(({ began, atRisk, ended }): Span => [(atRisk ?? began)[0], ended + 2500]),
    ...holds.map(({ possible }) => possible),
    ...steps.map(({ at }): Span => [at[0], at[1] + 2500]),
  ];
  const isUndisturbed = (at: number) => !disturbed.some(([from, to]) => at >= from && at <= to);
  // No event tells an earlier time than the one before it. A deadline by a clock that was set back then is not told.
  const delaysMs = log
    .filter(({ reason, timestamp, previousAt }) => reason === 'timeout' && timestamp !== previousAt)
    .filter(({ timestamp }) => isUndisturbed(timestamp))
    .map((event) => event.logged[0] - event.timestamp);
  const reasons = ['heartbeat', 'timeout', 'disconnect', 'observed'].map(
    (reason) => `${log.filter((event) => event.reason === reason).length} ${reason}`,
  );
  const outageTexts = outages.map(
    ({ kind, began, ended }) => `${kind} ${((ended - began[0]) / 1000).toFixed(1)} s`,
  );
  const printedIds = new Set([run.liveWatcher, ...detectors.map(({ lines }) => lines)].flatMap(idsOf));
  const lossTexts = [
    `${operationsAtRisk(run).length} operations were acknowledged and perhaps not replicated,`,
    `${transitionsLost(run)} of their transitions are lost; ${notLogged(run, [...printedIds]).length} events that`,
    'a watcher or a detector had printed are gone from the log',
  ];
  printReport(title, [
    `seed ${seed}, ${seconds} s: ${all.length} operations, ${unanswered.length} not answered, ${unanswered.filter(({ isFailed }) => isFailed).length} of them not done`,
    `${log.length} events: ${reasons.join(', ')}`,
    `${counts.detectorsKilled} detectors killed of ${detectors.length}, ${counts.connectionsKilled} connections killed, ${counts.flushes} script flushes`,
    `connections black-holed ${counts.blackHoled}, swallowed ${counts.swallowed}, reset within bytes ${counts.cut}, delayed ${counts.delayed}`,
    `${outageTexts.join(', ')}; clocks ${steps.map(({ byMs }) => `${byMs > 0 ? '+' : ''}${byMs / 3_600_000} h`).join(', ')}; ${holds.length} holds`,
    `timeouts announced after their deadline, where nothing stood in the way: ${summarizeMs(delaysMs)}`,
    ...(outages.some(({ atRisk }) => atRisk) ? [lossTexts.join(' ')] : []),
  ]);
}

function idsOf(lines: readonly string[]): string[] {
  return parsePrinted(lines).map(({ id }) => id);
}
