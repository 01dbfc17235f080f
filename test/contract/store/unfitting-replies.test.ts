/**
 * Servers whose replies are well-formed, but do not fit the command: every command line that talks to Redis ends with one
 * line and exit 5, whichever of its commands is answered wrongly.
 */
import { describe, expect, onTestFinished, test } from 'vitest';
import { type CommandName, fitsCommand } from '../../../src/core/store/replies.js';

import { DeviceStateManager } from '../../../src/index.js';
import { cli } from '../../support/cli.js';
import { useFakeServer } from '../../support/faults/fake-server.js';
import { array, bulk, integer, NIL, OK } from '../../support/faults/resp.js';
import { failure, openFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';
import { collectUncaught } from '../../support/uncaught.js';

const redis = useRedis();

/** Each reply as bytes, and as ioredis gives it. */
const WRONG: [what: string, reply: string, value: unknown][] = [
  ['an integer', integer(7), 7],
  ['nil', NIL, null],
  ['a text', bulk('x'), 'x'],
  ['a status', OK, 'OK'],
  ['an empty list', array(), []],
  ['a list of one nil', array(NIL), [null]],
  ['a list of one text', array(bulk('x')), ['x']],
  ['a list of one integer', array(integer(9)), [9]],
  ['a list of 41 texts', array(...Array(41).fill(bulk('5'))), Array(41).fill('5')],
  ['lists in a list', array(array(bulk('x')), array()), [['x'], []]],
  ['lists in lists in a list', array(array(array(bulk('x')))), [[['x']]]],
  ['a scan without a cursor', array(bulk('x'), array(bulk('a'))), ['x', ['a']]],
  ['a scan of lists', array(bulk('0'), array(array(bulk('a')))), ['0', [['a']]]],
];

/** Command lines; after `exclusive:` in a fleet that only devstate writes to. */
const LINES = [
  'get d1 --json',
  'get d1 d2 d3',
  'list',
  'list --type lamp --json',
  'list --sort last-seen',
  'list-online',
  'stale --older-than 1ms',
  'stats',
  'history d1',
  'get d1 --at 0s',
  'delta d1',
  'heartbeat d1',
  'heartbeat d1 --report a=1',
  'register d4 --type lamp',
  'register d1 --type other',
  'set-desired d1 on=true',
  'disconnect d1',
  'unregister d3 --yes',
  'detect --once',
  'watch-presence --since 1h --count 1',
  'init --writers exclusive',
  'heartbeat d1 --role device --dialect node',
  'heartbeat d1 --role device --dialect node --report a=1',
  'disconnect d1 --role device --dialect node',
  'exclusive: list --sort last-seen',
  'exclusive: list-online',
  'exclusive: stale --older-than 1ms',
  'exclusive: stats',
  'exclusive: stats --by type',
];
/**
 * Not answered wrongly: the first TIME is the one of connecting, EVAL follows only EVALSHA, SUBSCRIBE has no reply, MULTI
 * has its outcome in EXEC, nothing depends on the connection's name, which CLIENT sets, and INFO is asked only for a warning.
 */
const LEFT_OUT = ['TIME', 'EVAL', 'SUBSCRIBE', 'MULTI', 'CLIENT', 'INFO'];

function fits(name: string, argCount: number, value: unknown): boolean {
  if (name === 'EVALSHA') return false;
  if (name === 'EXEC') return value === null;
  return fitsCommand(name.toLowerCase() as CommandName, argCount, value);
}

async function refill(isExclusive: boolean): Promise<void> {
  const fleet = await openFleet(redis);
  await fleet.redis.flushall();
  const { run } = cli(redis);
  if (isExclusive) await run('init --writers exclusive');
  for (const id of ['d1', 'd2', 'd3']) {
    await run(`register ${id} --type lamp`);
    await run(`heartbeat ${id} --ttl 1h --report a=2`);
  }
}

describe.each(LINES)('%s', (text) => {
  const line = text.replace('exclusive: ', '');
  const isExclusive = line !== text;

  test('ends with one line and exit 5, whichever of its commands is answered wrongly', async () => {
    const server = await useFakeServer({ forwardTo: redis.url });
    await refill(isExclusive);
    const { run } = cli(server);
    expect(await run(`${line} --request-timeout 2s`)).toMatchObject({ exit: 0 });
    const sent = new Map(server.commands.map((words) => [words[0]?.toUpperCase() ?? '', words]));
    for (const [name, words] of sent) {
      if (LEFT_OUT.includes(name)) continue;
      for (const [what, reply, value] of WRONG) {
        if (fits(name, words.length - 1, value)) continue;
        await refill(isExclusive);
        server.answer = ([each]) => (each === name ? reply : undefined);
        const started = performance.now();
        const { exit, stderr } = await run(`${line} --request-timeout 2s -q`);
        server.answer = () => undefined;
        const where = `${text}: ${name} answered with ${what}`;
        expect({ where, exit, lines: stderr.split('\n').length, stderr }).toEqual({
          where,
          exit: 5,
          lines: 2,
          stderr: expect.stringMatching(/: the server sent a reply that does not fit the command [A-Z ]+/),
        });
        expect(performance.now() - started, where).toBeLessThan(1900);
      }
    }
  }, 120_000);
});

describe('the library', () => {
  test('tells that a write may have been done, and works again on a new connection', async () => {
    const server = await useFakeServer({ forwardTo: redis.url });
    await refill(false);
    const uncaught = collectUncaught();
    const manager = new DeviceStateManager({ port: Number(new URL(server.url).port) });
    onTestFinished(() => manager.close());
    server.answer = ([name]) => (name === 'EVALSHA' ? integer(1) : undefined);
    expect(await failure(manager.setDesiredState('d1', { on: true }))).toMatchObject({
      code: 'CONNECTION',
      reason: 'MALFORMED_REPLY',
      outcome: 'unknown',
      message: 'the server sent a reply that does not fit the command EVALSHA; it may have been done',
    });
    server.answer = ([name]) => (name === 'HMGET' ? NIL : undefined);
    expect(await failure(manager.getDeviceState('d1'))).toMatchObject({
      code: 'CONNECTION',
      reason: 'MALFORMED_REPLY',
      outcome: undefined,
    });
    server.answer = () => undefined;
    expect(await manager.getDeviceState('d1')).toMatchObject({ deviceId: 'd1' });
    expect(server.connections).toBe(3);
    expect(uncaught).toEqual({ thrown: [], rejected: [] });
  });
});
