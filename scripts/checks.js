/** What CI checks besides the tests. */
import { announce, root, run, tool } from './stage.js';

const node = process.execPath;

/** Those without a build come first, because they fail sooner. */
const STATIC_CHECKS = [
  ['linting', tool('biome'), ['check', '.']],
  ['checking types', tool('tsc'), ['--noEmit']],
  ['looking for unused files, exports and dependencies', tool('knip'), []],
  ['checking generated files', node, [`${root}scripts/generate.js`, '--check']],
  [
    'checking import rules and documents',
    tool('vitest'),
    ['run', '--project', 'tests', 'test/imports.test.ts', 'test/documents.test.ts'],
  ],
];

const PACKAGE_CHECKS = [
  ['building', node, [`${root}scripts/build.js`]],
  ['checking the package', tool('publint'), ['--strict']],
];

/** Lint and types only, which take a few seconds. */
export function runQuickChecks() {
  runStages(STATIC_CHECKS.slice(0, 2));
}

/** Leaves the built program in dist/. */
export function runAllChecks() {
  runStages([...STATIC_CHECKS, ...PACKAGE_CHECKS]);
}

function runStages(checks) {
  for (const [stage, program, args] of checks) {
    announce(stage);
    run(program, args);
  }
}
