/**
 * `npm test`: sets up, builds, checks, runs the tests; stops at the first stage that fails.
 * Further arguments go to vitest: `npm test -- test/core --coverage.enabled=false`.
 * `npm run test:quick`: no build, and of the tests those that are done within a minute.
 */
import { rmSync } from 'node:fs';
import { setup } from './setup.js';
import { announce, root, run, stages, tool } from './stage.js';

const CHECKS = [
  ['linting', 'biome', ['check', '.']],
  ['checking types', 'tsc', ['--noEmit']],
  ['checking the package', 'publint', ['--strict']],
  ['looking for what is unused', 'knip', []],
];

const QUICK = ['core', 'input', 'output', 'imports', 'generated', 'contract/on-one-server'];

const [first, ...rest] = process.argv.slice(2);

await stages(() => (first === '--quick' ? quick(rest) : whole(process.argv.slice(2))));

function whole(args) {
  // A report is of this run or it is not there.
  rmSync(`${root}coverage`, { recursive: true, force: true });
  setup({ announce });
  announce('building');
  run(process.execPath, [`${root}scripts/build.js`]);
  check(CHECKS);
  announce('running the tests');
  const reports = ['--reporter=default', '--reporter=json', '--outputFile.json=coverage/report.json'];
  run(tool('vitest'), ['run', '--coverage', ...reports, ...args], { live: true });
}

function quick(args) {
  setup({ announce });
  check(CHECKS.slice(0, 2));
  announce('running the quick tests');
  run(tool('vitest'), ['run', '--project', 'tests', ...QUICK.map((name) => `test/${name}`), ...args], {
    live: true,
  });
}

function check(checks) {
  for (const [stage, program, args] of checks) {
    announce(stage);
    run(tool(program), args);
  }
}
