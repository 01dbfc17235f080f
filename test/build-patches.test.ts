/** The changes that the build makes to libraries: if one no longer fits its library, the build fails and names it. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { applyPatch, type Patch, patches } from '../scripts/cold-start-plugin.js';

const root = fileURLToPath(new URL('..', import.meta.url));

const FILES = {
  ioredis: 'ioredis/built/utils/Commander.js',
  commander: 'commander/lib/command.js',
};
type Library = keyof typeof FILES;
const LIBRARIES = Object.keys(FILES) as Library[];

function patchOf(library: Library): Patch {
  return patches.find(({ file }) => file.test(`/node_modules/${FILES[library]}`)) as Patch;
}

function sourceOf(library: Library): string {
  return readFileSync(join(root, 'node_modules', FILES[library]), 'utf8');
}

/** An update of a library: the text that it replaces, and the text that it puts there. */
type Update = [library: Library, what: string, from: string, to: string];

const UPDATES: Update[] = [
  ['ioredis', 'another loop', 'commands.forEach(function (', 'commands.forEach(('],
  ['ioredis', 'another class', 'class Commander {', 'class BaseCommander {'],
  [
    'ioredis',
    'two loops',
    'class Commander {',
    'commands.forEach(function (commandName) {});\nclass Commander {',
  ],
  ['commander', 'no import', "const childProcess = require('node:child_process');\n", ''],
  ['commander', 'another specifier', "'node:child_process'", "'child_process'"],
  ['commander', 'another name', 'const childProcess =', 'const { spawn } ='],
  ['commander', 'another use', 'class Command extends', 'childProcess.fork;\nclass Command extends'],
  [
    'commander',
    'a second import',
    'class Command extends',
    "require('child_process');\nclass Command extends",
  ],
];

test('each patch fits the installed library, and changes it', () => {
  expect(patches.length).toBe(LIBRARIES.length);
  for (const library of LIBRARIES) {
    const source = sourceOf(library);
    expect(applyPatch(patchOf(library), source)).not.toBe(source);
  }
});

test.each(UPDATES)('the patch of %s does not fit %s', (library, _what, from, to) => {
  const source = sourceOf(library);
  expect(source).toContain(from);
  const patch = patchOf(library);
  expect(() => applyPatch(patch, source.replace(from, to))).toThrow(
    `the patch "${patch.name}" no longer fits`,
  );
});

/** Makes a copy of what the build needs, in which one file of a library is changed. */
function copyProject(library: Library, change: (file: string) => void): string {
  const copy = mkdtempSync(join(tmpdir(), 'devstate-build-'));
  onTestFinished(() => rmSync(copy, { recursive: true }));
  for (const name of ['scripts', 'src', 'package.json'])
    cpSync(join(root, name), join(copy, name), { recursive: true });
  const modules = join(copy, 'node_modules');
  mkdirSync(modules);
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name === library) cpSync(join(root, 'node_modules', name), join(modules, name), { recursive: true });
    else symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
  change(join(modules, FILES[library]));
  return copy;
}

const altered = (file: string) =>
  writeFileSync(file, readFileSync(file, 'utf8').replace(/forEach|node:child/, 'x'));
/** The library's file has another name: the library imports it by that name. */
function renamed(file: string): void {
  const folder = dirname(file);
  const name = file.slice(folder.length + 1, -'.js'.length);
  writeFileSync(join(folder, 'moved.js'), readFileSync(file));
  rmSync(file);
  for (const each of readdirSync(join(folder, '..'), { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, '..', each);
    if (!each.endsWith('.js')) continue;
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replaceAll(`/${name}"`, '/moved"').replaceAll(`/${name}.js'`, "/moved.js'"));
  }
}

test.each([
  ['ioredis', 'is altered', altered, 'the source of the library has changed'],
  ['commander', 'is altered', altered, 'the source of the library has changed'],
  ['ioredis', 'has moved', renamed, 'the build has no such file of the library'],
] as const)('the build stops with one line, if the file of %s %s', (library, _what, change, reason) => {
  const copy = copyProject(library, change);
  const build = spawnSync(process.execPath, [join(copy, 'scripts/build.js')], { encoding: 'utf8' });
  expect(build).toMatchObject({
    status: 1,
    stdout: '> building …\n',
    stderr: `scripts/cold-start-plugin.js: the patch "${patchOf(library).name}" no longer fits: ${reason}\n`,
  });
});
