/**
 * Which packages a command loads: each costs milliseconds of every start. A package is known by a text of its
 * source that minifying leaves, and counts as loaded when a chunk with this text was read.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { useRedis } from '../support/redis.js';
import { bin, type Ended, finished, root, shell } from './bin-process.js';
import { atTerminal } from './pty.js';

const MARKS = {
  chalk: 'The `level` option should be an integer from 0 to 3',
  'cli-table3': 'Content needs to be a primitive, got: ',
  commander: 'cannot add alias',
  ioredis: 'Connection is closed.',
  ora: '[ora] Multiple concurrent spinners detected',
} as const;
type Package = keyof typeof MARKS;
const PACKAGES = Object.keys(MARKS) as Package[];

const redis = useRedis();
const chunkDir = join(root, 'dist/cli');
const dir = mkdtempSync(join(tmpdir(), 'devstate-chunks-'));
const record = join(dir, 'chunks');
const env = () => ({ DEVSTATE_URL: redis.url, RECORD_CHUNKS: record });
const args = (argv: string) => [
  '--require',
  join(import.meta.dirname, 'record-chunks.cjs'),
  bin,
  ...argv.split(' '),
];

beforeEach(() =>
  shell('devstate register one --type lamp && devstate heartbeat one', { DEVSTATE_URL: redis.url }),
);
afterAll(() => rmSync(dir, { recursive: true }));

function chunksWith(mark: string): string[] {
  const chunks = readdirSync(chunkDir).filter((name) => name.endsWith('.cjs'));
  return chunks.filter((name) => readFileSync(join(chunkDir, name), 'utf8').includes(mark));
}

/** The packages that the last recorded command has loaded. */
function loaded(): Package[] {
  const read = readFileSync(record, 'utf8').split('\n');
  expect(read).toContain('main.cjs'); // else the recording itself does not work
  return PACKAGES.filter((name) => chunksWith(MARKS[name]).some((chunk) => read.includes(chunk)));
}

async function inPipe(argv: string): Promise<Package[]> {
  const child = spawn(process.execPath, args(argv), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env() },
  });
  const { exit, stderr }: Ended = await finished(child);
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  return loaded();
}

async function onTerminal(argv: string): Promise<Package[]> {
  const terminal = atTerminal(process.execPath, args(argv), { HOME: process.env.HOME, ...env() });
  expect(await terminal.ended).toBe(0);
  return loaded();
}

test.each(PACKAGES)('%s is in exactly one chunk', (name) => {
  expect(chunksWith(MARKS[name])).toHaveLength(1);
});

test.each(['--help', 'get --help', 'help list'])(
  '%s loads commander alone, in a pipe and on a terminal',
  async (argv) => {
    expect(await inPipe(argv)).toEqual(['commander']);
    expect(await onTerminal(argv)).toEqual(['commander']);
  },
);

test.each(['get one --json', 'list', 'list -o ndjson', 'register two --type lamp', 'context list --json -q'])(
  '%s in a pipe loads neither chalk, cli-table3 nor ora',
  async (argv) => {
    const expected = argv.startsWith('context') ? ['commander'] : ['commander', 'ioredis'];
    expect(await inPipe(argv)).toEqual(expected);
  },
);

test.each(['get one', 'get one --color never', 'stats'])(
  '%s in a pipe loads neither chalk nor ora',
  async (argv) => {
    expect(await inPipe(argv)).toEqual(['cli-table3', 'commander', 'ioredis']);
  },
);

test('--color always loads chalk, and --json does not even then', async () => {
  expect(await inPipe('get one --color always')).toEqual(['chalk', 'cli-table3', 'commander', 'ioredis']);
  expect(await inPipe('list --color always')).toEqual(['chalk', 'commander', 'ioredis']);
  expect(await inPipe('get one --json --color always')).toEqual(['commander', 'ioredis']);
});

test('a table on a terminal loads chalk', async () => {
  expect(await onTerminal('get one')).toEqual(expect.arrayContaining(['chalk', 'cli-table3']));
});

test('without TLS, what reads its files is not loaded', async () => {
  const [chunk, ...others] = chunksWith('it contains no certificate in PEM form');
  expect(others).toEqual([]);
  await inPipe('list');
  expect(readFileSync(record, 'utf8').split('\n')).not.toContain(chunk);
});
