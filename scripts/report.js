/**
 * Prints the result of the last test run as one line, from vitest's reports of it and of its rounds (scripts/rounds.js):
 * `N passed, N failed, N skipped`.
 */
import { existsSync } from 'node:fs';
import { countTests, reportsOfRounds } from './rounds.js';
import { root } from './stage.js';

const file = `${root}coverage/report.json`;
if (existsSync(file)) {
  const counts = [file, ...reportsOfRounds()].map(countTests);
  const total = (name) => counts.reduce((sum, count) => sum + count[name], 0);
  console.log(`${total('passed')} passed, ${total('failed')} failed, ${total('skipped')} skipped`);
} else {
  console.log('no test report: the run ended before the tests');
  process.exitCode = 1;
}
