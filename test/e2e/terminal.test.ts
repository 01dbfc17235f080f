/** The built executable at a terminal, its chunks loaded by their code cache: questions, colour, Ctrl-C. */
import { beforeEach, expect, test } from 'vitest';
import { useRedis } from '../support/redis.js';
import { bin, shell } from './bin-process.js';
import { atTerminal } from './pty.js';

const redis = useRedis();
beforeEach(async () => {
  await Promise.all(['one', 'two'].map((id) => run(`devstate register ${id} --type lamp`)));
  await run('devstate unregister two --yes'); // from now on in the code cache, as for every user
});
const run = (script: string) => shell(script, { DEVSTATE_URL: redis.url });

/** Runs a command line at a terminal. Each text is typed once the text before it is shown. */
async function session(argv: readonly string[], ...typing: [after: string, text: string][]) {
  const terminal = atTerminal(process.execPath, [bin, ...argv], { DEVSTATE_URL: redis.url });
  for (const [after, text] of typing) {
    await terminal.shows(after);
    terminal.type(text);
  }
  const exit = await terminal.ended;
  return { exit, shown: terminal.output };
}

const QUESTION = 'Remove "one" and all data about it? [y/N] ';

test.each([
  ['y\r', 0, true],
  ['n\r', 4, false],
  ['\r', 4, false],
  ['\x04', 4, false], // end of input
  ['\x03', 130, false], // Ctrl-C
])('unregister asks: %j', async (answer, exit, removed) => {
  const ended = await session(['unregister', 'one'], [QUESTION, answer]);
  expect(ended).toMatchObject({ exit, shown: expect.stringContaining(QUESTION) });
  expect(ended.shown.includes('one removed')).toBe(removed);
  expect((await run('devstate list -o name')).stdout).toBe(removed ? '' : 'one\n');
});

test('a table: bold header, offline red, times as one reads them', async () => {
  const { exit, shown } = await session(['list']);
  expect(exit).toBe(0);
  expect(shown).toContain('\x1b[1mDEVICE');
  expect(shown).toContain('\x1b[31moffline');
  expect(shown).toContain('never');
});

test('Ctrl-C ends a heartbeat that is repeated', async () => {
  const ended = await session(['heartbeat', 'one', '--every', '1h'], ['one online', '\x03']);
  expect(ended.exit).toBe(130);
});

test.each([
  'Three devices are registered', // nothing but the server has been started
  '> ', // events are printed
  'no more heartbeats', // a wait for events
])('Ctrl-C ends the demo after %j', async (shown) => {
  const ended = await session(['demo'], [shown, '\x03']);
  expect(ended.exit).toBe(130);
  expect(ended.shown).not.toMatch(/failed|devstate: /);
});

test('-o name at a terminal escapes what would make one id look like another', async () => {
  await run("devstate register 'lamp\u202e1' --type lamp");
  expect((await session(['list', '-o', 'name'])).shown).toContain('lamp\\u202e1');
});
