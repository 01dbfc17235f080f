/** Prints the result of the last test run as one line, from vitest's report: `N passed, N failed, N skipped`. */
import { existsSync, readFileSync } from 'node:fs';
import { root } from './stage.js';

const file = `${root}coverage/report.json`;
if (existsSync(file)) {
  const report = JSON.parse(readFileSync(file, 'utf8'));
  // A test file that could not be loaded, or whose hook threw, has no failed test: it counts as one.
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
