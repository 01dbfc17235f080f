/** The spinner on a real terminal: when it appears, that it is erased, and that none of it is in a pipe. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { FaultProxy } from '../support/faults/fault-proxy.js';
import { until } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';
import { bin, finished, says, shell, start } from './bin-process.js';
import { atTerminal, screenOf } from './pty.js';

/** More than the 200 ms after which the spinner appears, and than the loading of ora. */
const LONG_MS = 600;

const redis = useRedis({ port: true });
let server: FaultProxy;
beforeAll(async () => {
  server = await FaultProxy.start(redis.url);
}, 120_000);
beforeEach(async () => {
  release();
  expect(await shell('devstate register one --type lamp -q', { DEVSTATE_URL: redis.url })).toMatchObject({
    exit: 0,
  });
});
afterAll(() => server.close());

/** From the first data that contains the text, holds back everything that clients send. */
function holdAt(text: string): void {
  server.onData = (_flow, chunk, direction) => {
    if (direction === 'toServer' && chunk.includes(text)) server.set({ swallow: true }, 'toServer');
  };
}

/** Passes on what was held back, and everything after it. */
function release(): void {
  server.onData = () => {};
  server.set({ swallow: false }, 'toServer');
}

const devstate = (argv: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  atTerminal(process.execPath, [bin, ...argv], { DEVSTATE_URL: server.url, ...env });
/** The shell's, with its output in other places than the terminal. */
const script = (text: string) =>
  atTerminal('sh', ['-c', text.replaceAll('devstate', `'${process.execPath}' '${bin}'`)], {
    DEVSTATE_URL: server.url,
  });

/** What ora draws beside the text: a frame, before each drawing the line is erased. */
const SPINNER = /[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] /;

test('appears while connecting takes long, and is erased before the first row', async () => {
  holdAt('');
  const terminal = devstate(['get', 'one', '-o', 'name']);
  await terminal.shows(`connecting to ${server.url}`);
  await until(() => SPINNER.test(screenOf(terminal.output).join('')));
  release();
  expect(await terminal.ended).toBe(0);
  expect(screenOf(terminal.output)).toEqual(['one']);
});

test.each([
  ['get one -o name', 'device:state:one', ['one']],
  ['list -o name', 'devices:registered', ['one']],
  ['stale --no-never', 'devices:registered', ['no stale devices']],
  ['delta one', 'device:state:one', ['one in sync']],
  ['stats -o name', 'devices:registered', ['1']],
])('%s: appears while Redis has not answered, and is gone at the end', async (argv, command, screen) => {
  holdAt(command);
  const terminal = devstate(argv.split(' '));
  await terminal.shows('waiting for Redis');
  release();
  expect(await terminal.ended).toBe(0);
  expect(screenOf(terminal.output)).toEqual(screen);
});

test('a stream that has no row yet shows it below its notices, and not after the first row', async () => {
  const terminal = devstate(['watch-presence', '--no-headers', '-o', 'name', '--count', '1']);
  await terminal.shows('waiting for the first row');
  await until(() => SPINNER.test(screenOf(terminal.output).at(-1) ?? ''));
  await shell('devstate heartbeat one', { DEVSTATE_URL: redis.url });
  expect(await terminal.ended).toBe(0);
  expect(
    screenOf(terminal.output)
      .filter((line) => line !== '')
      .at(-1),
  ).toBe('one');
  expect(screenOf(terminal.output).join('\n')).not.toMatch(SPINNER);
});

test('Ctrl-C while it is shown ends the command with exit code 130, and nothing of it stays', async () => {
  holdAt('');
  const terminal = devstate(['get', 'one']);
  await terminal.shows('connecting to');
  terminal.type('\x03');
  expect(await terminal.ended).toBe(130);
  expect(screenOf(terminal.output).join('')).toBe('');
});

test('an error replaces it', async () => {
  holdAt('');
  const terminal = devstate(['get', 'one', '--request-timeout', '1s']);
  await terminal.shows('connecting to');
  expect(await terminal.ended).toBe(5);
  expect(screenOf(terminal.output)[0]).toMatch(/^devstate: /);
  expect(screenOf(terminal.output).join('\n')).not.toMatch(SPINNER);
});

test.each([
  ['--quiet', ['-q'], {}],
  ['TERM=dumb', [], { TERM: 'dumb' }],
])('with %s there is none', async (_name, options, env) => {
  holdAt('');
  const terminal = devstate(['get', 'one', '-o', 'name', ...options], env);
  await sleep(2 * LONG_MS);
  expect(terminal.output).toBe('');
  release();
  expect(await terminal.ended).toBe(0);
  expect(terminal.output).toBe('one\r\n');
});

test('nothing of it is in a pipe, whether or not stderr is a terminal', async () => {
  holdAt('');
  const piped = script('devstate get one -o name | od -c');
  await piped.shows('connecting to');
  release();
  expect(await piped.ended).toBe(0);
  expect(screenOf(piped.output)[0]).toBe('0000000   o   n   e  \\n');

  holdAt('');
  const child = start(['get', 'one', '-o', 'name', '-v'], { DEVSTATE_URL: server.url });
  const end = finished(child);
  const connected = says(child, 'stderr', 'connected to');
  await sleep(LONG_MS);
  release();
  await connected;
  expect(await end).toEqual({
    exit: 0,
    signal: null,
    stdout: 'one\n',
    stderr: `connected to ${server.url}\n`,
  });
});
