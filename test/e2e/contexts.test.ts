/** The contexts file of the built program, beside other processes that change it. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { finished, start } from './bin-process.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'devstate-contexts-'));
  file = join(folder, 'config.toml');
});
afterEach(() => rmSync(folder, { recursive: true }));

const devstate = (...argv: string[]) => finished(start(argv, { DEVSTATE_CONFIG: file }));
const names = Array.from({ length: 12 }, (_, i) => `c${i}`);
const setAll = () =>
  Promise.all(names.map((name) => devstate('context', 'set', name, '--url', `redis://${name}`)));
const listed = async () =>
  (await devstate('context', 'list', '-o', 'name')).stdout.split('\n').filter(Boolean).sort();

test('12 changes at the same time are all kept', async () => {
  for (const { exit, stderr } of await setAll()) expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  expect(await listed()).toEqual([...names].sort());
  expect(readdirSync(folder)).toEqual(['config.toml']);
});

test('a lock that a killed process has left is removed, by one of those that wait', async () => {
  writeFileSync(`${file}.lock`, 'token');
  for (const { exit } of await setAll()) expect(exit).toBe(0);
  expect(await listed()).toEqual([...names].sort());
  expect(readdirSync(folder)).toEqual(['config.toml']);
});

test.each(['target/config.toml', 'missing/folder/config.toml'])(
  'a link to %s, where there is no file yet, is followed',
  async (path) => {
    mkdirSync(join(folder, 'target'));
    symlinkSync(path, join(folder, 'link')); // relative to the link's folder
    symlinkSync(join(folder, 'link'), file);
    expect(await devstate('context', 'set', 'a', '--url', 'redis://a')).toMatchObject({
      exit: 0,
      stderr: '',
    });
    expect([lstatSync(file).isSymbolicLink(), lstatSync(join(folder, 'link')).isSymbolicLink()]).toEqual([
      true,
      true,
    ]);
    expect(readFileSync(join(folder, path), 'utf8')).toContain('redis://a');
    expect(await listed()).toEqual(['a']);
  },
);

test('links that lead to each other are an error', async () => {
  symlinkSync(join(folder, 'other'), file);
  symlinkSync(file, join(folder, 'other'));
  const { exit, stderr } = await devstate('context', 'set', 'a', '--url', 'redis://a');
  expect({ exit, stderr }).toEqual({
    exit: 2,
    stderr: expect.stringMatching(/^devstate: cannot .*ELOOP.*\n$/),
  });
});

test('comments are kept; a layout that would cost them is left to its author', async () => {
  writeFileSync(file, '# mine\n[contexts.a] # first\nurl = "redis://a" # here\n', { mode: 0o600 });
  expect(await devstate('context', 'set', 'a', '-n', 'acme')).toMatchObject({ exit: 0 });
  expect(readFileSync(file, 'utf8')).toBe(
    '# mine\n[contexts.a] # first\nurl = "redis://a" # here\nnamespace = "acme"\n',
  );
  const inline = '# mine\ncontexts = { a = { url = "redis://a" } }\n';
  writeFileSync(file, inline);
  const { exit, stderr } = await devstate('context', 'use', 'a');
  expect({ exit, stderr }).toEqual({
    exit: 2,
    stderr: expect.stringMatching(/has comments, and another layout/),
  });
  expect([readFileSync(file, 'utf8'), existsSync(`${file}.lock`)]).toEqual([inline, false]);
});
