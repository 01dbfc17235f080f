/** The code cache of the built program: whatever is in it, the program that is there starts. */

import { spawn } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { startOnFullDisk } from '../support/full-disk.js';
import { finished, root } from './bin-process.js';

const folder = mkdtempSync(join(tmpdir(), 'devstate-code-cache-'));
afterAll(() => rmSync(folder, { recursive: true }));

const bin = join(folder, 'bin/devstate.cjs');
const dist = join(folder, 'dist/cli');
const cache = join(dist, '.cache');
const TITLE = 'The state of IoT devices in Redis';

/** Runs `--help` by the copy of the program. */
function help(env: NodeJS.ProcessEnv = {}, node = process.execPath) {
  return finished(spawn(node, [bin, '--help'], { env: { PATH: process.env.PATH, ...env } }));
}

const helped = (title = TITLE) => ({
  exit: 0,
  signal: null,
  stdout: expect.stringContaining(title),
  stderr: '',
});
const caches = () => readdirSync(cache).sort();
/** The cache of the first chunk that is loaded. */
const mainCache = () => join(cache, caches().find((name) => name.startsWith('main.cjs')) ?? '');

beforeEach(async () => {
  for (const name of ['bin', 'dist', 'package.json'])
    cpSync(join(root, name), join(folder, name), {
      recursive: true,
      filter: (path) => !path.includes('.cache'),
    });
  rmSync(cache, { recursive: true, force: true });
  expect(await help()).toMatchObject(helped());
});

describe('a damaged cache is not used, and is written again', () => {
  test.each<[what: string, damage: (bytes: Buffer) => Buffer]>([
    ['4 kB of zeros at the beginning', (bytes) => bytes.fill(0, 0, 4096)],
    ['4 kB of zeros in the middle', (bytes) => bytes.fill(0, 65_536, 69_632)],
    ['4 kB of zeros at the end', (bytes) => bytes.fill(0, bytes.length - 4096)],
    ['nothing but zeros', (bytes) => bytes.fill(0)],
    ['one bit', (bytes) => bytes.fill((bytes[100_000] as number) ^ 1, 100_000, 100_001)],
    ['cut off', (bytes) => bytes.subarray(0, bytes.length / 2)],
    ['7 bytes', (bytes) => bytes.subarray(0, 7)],
    ['empty', (bytes) => bytes.subarray(0, 0)],
    ['longer', (bytes) => Buffer.concat([bytes, bytes])],
    ['other text', () => Buffer.from('no cache'.repeat(10_000))],
  ])('%s', async (_what, damage) => {
    const path = mainCache();
    const damaged = damage(readFileSync(path));
    writeFileSync(path, damaged);
    expect(await help()).toMatchObject(helped());
    expect(readFileSync(path).equals(damaged)).toBe(false);
    expect(await help()).toMatchObject(helped());
  });

  test('the cache of another chunk', async () => {
    const [other] = caches().filter((name) => !name.startsWith('main.cjs'));
    copyFileSync(join(cache, other ?? ''), mainCache());
    expect(await help()).toMatchObject(helped());
  });
});

test('another build whose chunk has the same size and date is run', async () => {
  const chunk = join(dist, 'main.cjs');
  const date = new Date('2026-01-01');
  utimesSync(chunk, date, date);
  expect(await help()).toMatchObject(helped());
  const title = 'THE STATE OF IOT DEVICES IN REDIS';
  writeFileSync(chunk, readFileSync(chunk, 'utf8').replace(TITLE, title));
  utimesSync(chunk, date, date);
  expect(await help()).toMatchObject(helped(title));
  expect(await help()).toMatchObject(helped(title));
});

test('two executables of one version of Node have a cache each', async () => {
  const before = caches();
  const node = join(folder, 'node');
  copyFileSync(process.execPath, node);
  expect(await help({}, node)).toMatchObject(helped());
  expect(caches()).toHaveLength(2 * before.length);
  const written = statSync(mainCache()).mtimeMs;
  expect([await help(), await help({}, node)]).toMatchObject([helped(), helped()]);
  expect(statSync(mainCache()).mtimeMs).toBe(written);
});

test('DEVSTATE_NO_CODE_CACHE: none is read or written', async () => {
  const damaged = readFileSync(mainCache()).fill(0);
  writeFileSync(mainCache(), damaged);
  expect(await help({ DEVSTATE_NO_CODE_CACHE: '1' })).toMatchObject(helped());
  expect(readFileSync(mainCache()).equals(damaged)).toBe(true);
  rmSync(cache, { recursive: true });
  expect(await help({ DEVSTATE_NO_CODE_CACHE: '1' })).toMatchObject(helped());
  expect(readdirSync(dist)).not.toContain('.cache');
});

test.each([
  ['Node has no crc32', "delete require('node:zlib').crc32;"],
  ['the executable of Node is gone', "Object.defineProperty(process, 'execPath', { value: '/no/node' });"],
])('%s: no cache is read or written', async (_what, source) => {
  const preload = join(folder, 'preload.cjs');
  writeFileSync(preload, source);
  rmSync(cache, { recursive: true });
  expect(await help({ NODE_OPTIONS: `--require ${preload}` })).toMatchObject(helped());
  expect(readdirSync(dist)).not.toContain('.cache');
});

test('on a full disk no part of a cache is left', async () => {
  rmSync(cache, { recursive: true });
  const { child } = startOnFullDisk([process.execPath, bin, '--help'], {
    path: join(folder, 'out'),
    kib: 4,
    env: { PATH: process.env.PATH },
  });
  await finished(child);
  const sizes = caches().map((name) => statSync(join(cache, name)).size);
  expect(caches().filter((name) => name.startsWith('main.cjs'))).toEqual([]);
  expect(Math.max(0, ...sizes)).toBeLessThan(4096);
  expect(await help()).toMatchObject(helped());
});
