/**
 * `npm test`: sets up, builds, checks, runs the tests; stops at the first stage that fails.
 * Further arguments go to vitest: `npm test -- test/core --coverage.enabled=false`.
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

await stages(() => {
  // A report is of this run or it is not there.
  rmSync(`${root}coverage`, { recursive: true, force: true });
  setup({ announce });
  announce('building');
  run(process.execPath, [`${root}scripts/build.js`]);
  for (const [stage, program, args] of CHECKS) {
    announce(stage);
    run(tool(program), args);
  }
  announce('running the tests');
  const reports = ['--reporter=default', '--reporter=json', '--outputFile.json=coverage/report.json'];
  run(tool('vitest'), ['run', '--coverage', ...reports, ...process.argv.slice(2)], { live: true });
});
