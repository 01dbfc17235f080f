/**
 * Input of unlimited size from other programs and broken servers: long ids, long messages, histories, logs and indexes
 * that do not end. Each ends with one error, or is left out and reported; nothing of it is kept in memory.
 */
import { describe, expect, test } from 'vitest';
import { decodePresenceMessage } from '../../../src/core/model/presence-event.js';
import { register } from '../../../src/core/registry/register.js';
import { cli } from '../../support/cli.js';
import { useFakeServer } from '../../support/faults/fake-server.js';
import { array, bulk } from '../../support/faults/resp.js';
import { openFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const MB = 1024 * 1024;

test('an id of 2 MB among the registered is told as one without a record, and sent nowhere', async () => {
  const fleet = await openFleet(redis);
  await register(fleet, 'd1', 'lamp');
  await fleet.redis.sadd(fleet.keys.registered, 'x'.repeat(2 * MB));
  const server = await useFakeServer({ forwardTo: redis.url });
  const { exit, stdout, stderr } = await cli(server).run('list -o name');
  expect({ exit, stdout }).toEqual({ exit: 0, stdout: 'd1\n' });
  expect(stderr).toBe(`ids without a registered record: 1 skipped, for example "${'x'.repeat(64)}…"\n`);
  const sent = server.commands.flat().reduce((longest, word) => Math.max(longest, word.length), 0);
  expect(sent).toBeLessThan(MB);
});

describe('a presence message', () => {
  const message = (more: object) =>
    JSON.stringify({ type: 'presence', deviceId: 'd1', status: 'online', timestamp: 1, ...more });

  test('of another program is an event', () => {
    expect(decodePresenceMessage(message({ site: 'x'.repeat(60_000) }))).toMatchObject({ deviceId: 'd1' });
  });

  test.each([
    ['is too long', { site: 'x'.repeat(40 * MB) }],
    ['has too long an id', { deviceId: 'x'.repeat(2000) }],
    ['has too long a type', { deviceType: 'x'.repeat(2000) }],
  ])('that %s is none', (_, more) => {
    const text = message(more);
    const started = performance.now();
    expect(decodePresenceMessage(text)).toBeNull();
    expect(performance.now() - started).toBeLessThan(200);
  });
});

describe('a server that answers without end', () => {
  async function answering(name: string, answer: (words: readonly string[]) => string) {
    const fleet = await openFleet(redis);
    await register(fleet, 'd1', 'lamp');
    const server = await useFakeServer({ forwardTo: redis.url });
    server.answer = (words) => (words[0] === name ? answer(words) : undefined);
    return cli(server);
  }
  const entry = (number: number) => bulk(`{"at":${number},"version":${number},"value":{}}`);

  test('with history entries', async () => {
    const { run } = await answering('LRANGE', () => array(...Array(201).fill(entry(1))));
    const { exit, stderr } = await run('history d1 -q');
    expect({ exit, stderr }).toEqual({
      exit: 1,
      stderr: expect.stringMatching(/^devstate: device "d1": its history holds more than \d+ entries\n$/),
    });
  });

  test('with other history entries each time', async () => {
    let number = 0;
    const { run } = await answering('LRANGE', () =>
      array(...Array.from({ length: 201 }, () => entry(++number))),
    );
    const { exit, stderr } = await run('history d1 -q');
    expect({ exit, stderr }).toEqual({ exit: 6, stderr: 'devstate: the history kept changing\n' });
  });

  test('with the same log entries', async () => {
    const fields = ['deviceId', 'd1', 'status', 'online', 'timestamp', '1', 'seq', '1'].map(bulk);
    const page = array(
      ...Array.from({ length: 1000 }, (_, i) => array(bulk(`${i + 1}-0`), array(...fields))),
    );
    const { run } = await answering('XRANGE', () => page);
    const { exit, stdout, stderr } = await run(
      'watch-presence --since 1 --for 3s -o name --request-timeout 1s',
    );
    expect({ exit, events: stdout.split('\n').length - 1 }).toEqual({ exit: 0, events: 1000 });
    expect(stderr).toContain('does not fit the command XRANGE');
    expect(stderr.split('\n').length).toBeLessThan(15); // a gap is told at most with each read
  });

  test('with the same page of the index', async () => {
    const page = array(...Array.from({ length: 500 }, (_, i) => [bulk(`d${i}`), bulk('-5')]).flat());
    const { run } = await answering('ZREVRANGE', () => page);
    await run('init --writers exclusive');
    const { exit, stderr } = await run('list --sort last-seen --status offline -q');
    expect({ exit, stderr }).toEqual({
      exit: 6,
      stderr: 'devstate: the index kept changing while it was read\n',
    });
  });
});
