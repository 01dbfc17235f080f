/** What a run of chaos came to, for whoever reads the tests' output. */

import type { ChaosOptions, ChaosRun } from './chaos-run.js';
import { printed } from './event-ids.js';
import { loggedAt, type Span } from './log-checker.js';
import { notLogged, operationsAtRisk, transitionsLost } from './replication-losses.js';
import { say, spread } from './report.js';

export function summarize(what: string, { seed, seconds }: ChaosOptions, run: ChaosRun): void {
  const { log, operations, holds, outages, counts, detectors } = run;
  const all = [...operations.values()].flat();
  // What was due while Redis was away, detectors were not back yet, or verdicts were held, had to wait.
  const away = [
    ...outages.map(({ began, atRisk, ended }): Span => [(atRisk ?? began)[0], ended + 2500]),
    ...holds.map(({ possible }) => possible),
  ];
  const quiet = (at: number) => !away.some(([from, to]) => at >= from && at <= to);
  const late = log
    .filter(({ reason, timestamp }) => reason === 'timeout' && quiet(timestamp))
    .map((event) => loggedAt(event) - event.timestamp);
  const reasons = ['heartbeat', 'timeout', 'disconnect', 'observed'].map(
    (reason) => `${log.filter((event) => event.reason === reason).length} ${reason}`,
  );
  const broken = outages.map(
    ({ kind, began, ended }) => `${kind} ${((ended - began[0]) / 1000).toFixed(1)} s`,
  );
  const seen = new Set([run.witness, ...detectors.map(({ lines }) => lines)].flatMap(idsOf));
  const losses = [
    `${operationsAtRisk(run).length} operations were acknowledged and perhaps not replicated,`,
    `${transitionsLost(run)} of their transitions are lost; ${notLogged(run, [...seen]).length} events that`,
    'a watcher or a detector had printed are gone from the log',
  ];
  say(what, [
    `seed ${seed}, ${seconds} s: ${all.length} operations, ${all.filter(({ reply }) => !reply).length} not answered`,
    `${log.length} events: ${reasons.join(', ')}`,
    `${counts.detectorsKilled} detectors killed of ${detectors.length}, ${counts.connectionsCut} connections cut`,
    `${broken.join(', ')}; ${holds.length} holds`,
    `timeouts announced after their deadline, where nothing stood in the way: ${spread(late)}`,
    ...(outages.some(({ atRisk }) => atRisk) ? [losses.join(' ')] : []),
  ]);
}

function idsOf(lines: readonly string[]): string[] {
  return printed(lines).map(({ id }) => id);
}
