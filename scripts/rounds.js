/**
 * A round runs some tests again, on another server or another Node. It prints its result in one line, and writes a report
 * to coverage/rounds/, which scripts/report.js adds to that of the whole run.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { announce, root, run, StageError } from './stage.js';

const reports = join(root, 'coverage', 'rounds');
const VITEST = join(root, 'node_modules', 'vitest', 'vitest.mjs');
/** Matches the part of a test's name that says what the server lacks (test/support/abilities.ts). */
const REASON = /\[needs ([^\]]+)\]/;

/**
 * Runs test files, and prints what passed and failed, and what was skipped for which reason.
 * @param name names the round: `valkey-server 8.1.1`
 * @param options.node the Node that runs the tests; options.env further environment variables for them
 * @returns whether all passed
 */
export function runRound(name, files, { node = process.execPath, env = {} } = {}) {
  announce(`${name}: running ${files.length} files or folders of tests`);
  mkdirSync(reports, { recursive: true });
  const report = join(reports, `${name.replace(/\W+/g, '-')}.json`);
  rmSync(report, { force: true });
  const args = [
    'run',
    '--project',
    'tests',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ];
  try {
    run(node, [VITEST, ...args, ...files.map((file) => `test/${file}`)], { env: { ...process.env, ...env } });
  } catch (error) {
    if (!(error instanceof StageError)) throw error;
    console.log(error.message);
  }
  if (!existsSync(report)) return false; // the run ended before it wrote the report
  const { passed, failed, skipped, reasons } = countTests(report);
  const why = [...reasons].map(([reason, count]) => `${count} need ${reason}`).join(', ');
  console.log(`  ${name}: ${passed} passed, ${failed} failed, ${skipped} skipped${why && ` (${why})`}`);
  return failed === 0 && passed > 0;
}

/** Returns the reports of the rounds of the last run. */
export function reportsOfRounds() {
  return existsSync(reports) ? readdirSync(reports).map((name) => join(reports, name)) : [];
}

/**
 * Counts the tests of a report of vitest, and those that skipped themselves by reason. A file that could not be loaded,
 * or whose hook threw, has no failed test: it counts as one.
 */
export function countTests(report) {
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const count = (results, wanted) => results.filter(({ status }) => status === wanted).length;
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const broken = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && count(assertionResults, 'failed') === 0,
  );
  const [passed, failed] = [count(tests, 'passed'), count(tests, 'failed')];
  const reasons = new Map();
  for (const { status, fullName } of tests) {
    if (status === 'passed' || status === 'failed') continue;
    const reason = REASON.exec(fullName)?.[1] ?? 'what is not said';
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  return { passed, failed: failed + broken.length, skipped: tests.length - passed - failed, reasons };
}
