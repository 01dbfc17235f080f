/** Says the outcome of the last test run in one plain line, from the runner's report. */
import { existsSync, readFileSync } from 'node:fs';
import { root } from './stage.js';

const file = `${root}coverage/report.json`;
if (existsSync(file)) {
  const report = JSON.parse(readFileSync(file, 'utf8'));
  // A file that failed outside its tests (it could not be loaded, a hook threw) counts as one failure.
  const broken = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
  );
  const failed = report.numFailedTests + broken.length;
  const skipped = report.numPendingTests + report.numTodoTests;
  console.log(`${report.numPassedTests} passed, ${failed} failed, ${skipped} skipped`);
} else {
  console.log('no test report: the run ended before the tests');
  process.exitCode = 1;
}
