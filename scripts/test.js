/**
 * `npm test`: sets up, checks, builds and runs all tests; stops at the first stage that fails.
 * At the end some tests run on other servers and other versions of Node (scripts/rounds.js).
 * Arguments are passed on to vitest, and only what they name runs: `npm test -- test/core --coverage.enabled=false`.
 * `npm run test:soak`: the tests that have long rounds (test/support/size.ts), and their figures at the end.
 * `npm run test:quick`: no build, and only tests that take less than a minute in all.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { runAllChecks, runQuickChecks } from './checks.js';
import { setupServers } from './servers.js';
import { setup } from './setup.js';
import { announce, root, run, stages, tool } from './stage.js';
import { testOtherNodes } from './test-nodes.js';
import { testServers } from './test-servers.js';
import { setupTestTools } from './test-tools.js';

const QUICK = ['core', 'input', 'output', 'imports', 'generated', 'documents', 'contract/on-one-server'];

const SOAK = [
  'chaos',
  'fuzz',
  'contract/detection/hold-matrix',
  'core/detection/hold-simulation',
  'contract/model/data-model',
  'contract/store/bulk-size',
  'contract/store/cluster',
  'contract/store/late-writes',
  'contract/store/seeded-outages',
];

const [first, ...rest] = process.argv.slice(2);

await stages(() => {
  if (first === '--quick') return runQuick(rest);
  if (first === '--soak') return runSoak(rest);
  return runAll(process.argv.slice(2));
});

function runAll(args) {
  // scripts/report.js reads coverage/report.json, which must not be that of an earlier run.
  rmSync(`${root}coverage`, { recursive: true, force: true });
  setup();
  setupTestTools();
  runAllChecks();
  announce('running the tests');
  const reports = ['--reporter=default', '--reporter=json', '--outputFile.json=coverage/report.json'];
  run(tool('vitest'), ['run', '--coverage', ...reports, ...args], { live: true });
  if (args.length > 0) return;
  testServers(setupServers(), { isShort: true });
  testOtherNodes();
}

function runSoak(args) {
  const figures = `${root}coverage/soak.txt`;
  rmSync(figures, { force: true });
  mkdirSync(`${root}coverage`, { recursive: true });
  setup();
  setupTestTools();
  announce('running the tests with long rounds');
  try {
    run(tool('vitest'), ['run', ...SOAK.map((name) => `test/${name}`), ...args], {
      live: true,
      env: { ...process.env, DEVSTATE_TEST_SIZE: 'soak', DEVSTATE_TEST_FIGURES: figures },
    });
  } finally {
    if (existsSync(figures)) process.stdout.write(readFileSync(figures));
  }
}

function runQuick(args) {
  setup();
  runQuickChecks();
  announce('running the quick tests');
  run(tool('vitest'), ['run', '--project', 'tests', ...QUICK.map((name) => `test/${name}`), ...args], {
    live: true,
  });
}
