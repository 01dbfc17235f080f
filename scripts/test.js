/**
 * `npm test`: sets up, checks, builds and runs all tests; stops at the first stage that fails.
 * Arguments are passed on to vitest: `npm test -- test/core --coverage.enabled=false`.
 * `npm run test:quick`: no build, and only tests that take less than a minute in all.
 */
import { rmSync } from 'node:fs';
import { runAllChecks, runQuickChecks } from './checks.js';
import { setup } from './setup.js';
import { announce, root, run, stages, tool } from './stage.js';
import { setupTestTools } from './test-tools.js';

const QUICK = ['core', 'input', 'output', 'imports', 'generated', 'documents', 'contract/on-one-server'];

const [first, ...rest] = process.argv.slice(2);

await stages(() => (first === '--quick' ? runQuick(rest) : runAll(process.argv.slice(2))));

function runAll(args) {
  // scripts/report.js reads coverage/report.json, which must not be that of an earlier run.
  rmSync(`${root}coverage`, { recursive: true, force: true });
  setup();
  setupTestTools();
  runAllChecks();
  announce('running the tests');
  const reports = ['--reporter=default', '--reporter=json', '--outputFile.json=coverage/report.json'];
  run(tool('vitest'), ['run', '--coverage', ...reports, ...args], { live: true });
}

function runQuick(args) {
  setup();
  runQuickChecks();
  announce('running the quick tests');
  run(tool('vitest'), ['run', '--project', 'tests', ...QUICK.map((name) => `test/${name}`), ...args], {
    live: true,
  });
}
