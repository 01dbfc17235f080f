/**
 * Sentinels that name no address, and nodes of a cluster whose slots are malformed: each causes one error in time, and
 * takes no memory.
 */
import type { Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { DeviceStateManager } from '../../src/index.js';
import { isSlots } from '../../src/redis/cluster-slots.js';
import { cli } from '../support/cli.js';
import { type Reply, useFakeServer } from '../support/faults/fake-server.js';
import { array, bulk, errorReply, integer, NIL, OK } from '../support/faults/resp.js';
import { failure } from '../support/fleet.js';
import { collectUncaught } from '../support/uncaught.js';

const ONE_LINE = /^devstate: [^\n]*\n$/;
const MAX_GROWTH = 300 * 1024 * 1024;
const TIME = array(bulk('1700000000'), bulk('0'));

describe('a sentinel', () => {
  const ANSWERS: [what: string, reply: Reply][] = [
    ['an integer', integer(1)],
    ['a text', bulk('127.0.0.1 6379')],
    ['an empty list', array()],
    ['a host alone', array(bulk('127.0.0.1'))],
    ['a port that is none', array(bulk('127.0.0.1'), bulk('x'))],
    ['port 0', array(bulk('127.0.0.1'), bulk('0'))],
    ['port 70000', array(bulk('127.0.0.1'), bulk('70000'))],
    ['a negative port', array(bulk('127.0.0.1'), bulk('-1'))],
    ['a nil host', array(NIL, bulk('6379'))],
    ['lists in a list', array(array(bulk('127.0.0.1')), array(bulk('6379')))],
    ['arrays without end within each other', '*1\r\n'.repeat(100_000)],
    ['an error with control characters', errorReply('ERR \u001b]52;c;eA==\u0007')],
  ];

  test.each(ANSWERS)('that answers with %s', async (_, reply) => {
    const uncaught = collectUncaught();
    const server = await useFakeServer();
    server.answer = ([name]) =>
      name === 'SENTINEL' ? reply : name === 'SUBSCRIBE' ? NIL : errorReply('ERR no');
    const { port } = new URL(server.url);
    const url = `redis-sentinel://127.0.0.1:${port}#main`;
    const { exit, stdout, stderr } = await cli(url).run('get d1 -q --request-timeout 1s');
    expect({ exit, stdout }).toEqual({ exit: 5, stdout: '' });
    expect(stderr).toMatch(ONE_LINE);
    expect(stderr).not.toContain('\u001b');
    const sentinels = [{ host: '127.0.0.1', port: Number(port) }];
    const manager = new DeviceStateManager({ sentinels, name: 'main' }, { requestTimeout: 500 });
    onTestFinished(() => manager.close());
    expect((await failure(manager.getDeviceState('d1'))).code).toBe('CONNECTION');
    expect(uncaught).toEqual({ thrown: [], rejected: [] });
  });
});

/** A reply to CLUSTER SLOTS: ranges of slots, each with its nodes. */
function slots(...ranges: [first: number, last: number, ...nodes: string[]][]): string {
  return array(...ranges.map(([first, last, ...nodes]) => array(integer(first), integer(last), ...nodes)));
}
const node = (host: string | null, port: number) =>
  array(host === null ? NIL : bulk(host), integer(port), bulk('id'));

describe('a node of a cluster', () => {
  const here = '127.0.0.1';
  const ANSWERS: [what: string, reply: string][] = [
    ['a range up to 2^53', slots([0, 2 ** 53 - 1, node(here, 1)])],
    ['negative slots', slots([-(2 ** 53 - 1), 16_383, node(here, 1)])],
    ['a range that ends before it begins', slots([5, 1, node(here, 1)])],
    ['ranges that overlap', slots(...Array(16_384).fill([0, 16_383, node(here, 1)]))],
    [
      '100,000 nodes',
      slots(
        ...Array.from({ length: 10 }, (_, i): [number, number, ...string[]] => [
          i,
          i,
          ...Array.from({ length: 10_000 }, (_, j) => node(`10.0.${i}.${j}`, 1)),
        ]),
      ),
    ],
    ['nil hosts', slots([0, 16_383, node(null, 1)])],
    ['a nil in place of a range', array(NIL)],
    ['a nil in place of a node', slots([0, 16_383, NIL])],
    ['a list of texts', array(bulk('abc'), bulk('def'))],
    ['a port that is a text', slots([0, 16_383, array(bulk(here), bulk('x'))])],
    ['nil', NIL],
    ['a text', bulk('slots')],
    ['an integer', integer(16_384)],
    ['a status', OK],
    ['an empty list', array()],
    ['rubbish', 'nonsense\r\n'],
  ];

  /** A server that is a cluster of itself, until `reply` is its answer to CLUSTER SLOTS. */
  async function useNode() {
    const server = await useFakeServer();
    const port = Number(new URL(server.url).port);
    const state: { slots: Reply; hmget: Reply } = {
      slots: slots([0, 16_383, node(here, port)]),
      hmget: array(...Array(7).fill(NIL)),
    };
    server.answer = ([name]) => {
      if (name === 'CLUSTER') return state.slots;
      if (name === 'TIME') return TIME;
      if (name === 'HMGET') return state.hmget;
      return name === 'READONLY' || name === 'CLIENT' ? OK : errorReply('ERR no such command');
    };
    return { state, url: `redis-cluster://127.0.0.1:${port}` };
  }

  /** Runs a command on a cluster whose node lies: it ends with one error, in time, with no other memory. */
  async function expectOneError(url: string): Promise<void> {
    const uncaught = collectUncaught();
    const before = process.memoryUsage().rss;
    const started = performance.now();
    const { exit, stderr } = await cli(url).run('get d1 -q --request-timeout 1s');
    expect({ exit, stderr }).toEqual({ exit: 5, stderr: expect.stringMatching(ONE_LINE) });
    expect(performance.now() - started).toBeLessThan(6000);
    expect(process.memoryUsage().rss - before).toBeLessThan(MAX_GROWTH);
    expect(uncaught).toEqual({ thrown: [], rejected: [] });
  }

  test.each(ANSWERS)('that answers with %s at the start', async (_, reply) => {
    const { state, url } = await useNode();
    state.slots = reply;
    await expectOneError(url);
  });

  test.each(ANSWERS)('that answers with %s after its first answer', async (_, reply) => {
    const { state, url } = await useNode();
    state.hmget = (client: Socket) => {
      state.slots = reply;
      client.write(errorReply('MOVED 1 127.0.0.1:1'));
    };
    await expectOneError(url);
  });

  test.each([
    'MOVED',
    'MOVED 1',
    'MOVED x y',
    'MOVED 99999999999 127.0.0.1:1',
    'MOVED -1 127.0.0.1:1',
    'MOVED 1 127.0.0.1:99999',
    'MOVED 1 127.0.0.1:x',
    'ASK 1 :',
    'ASK 1 127.0.0.1:0',
    'ASK',
  ])('that redirects with %s', async (text) => {
    const uncaught = collectUncaught();
    const { state, url } = await useNode();
    state.hmget = errorReply(text);
    const { exit, stderr } = await cli(url).run('get d1 -q --request-timeout 1s');
    expect({ exit, stderr }).toEqual({ exit: 5, stderr: expect.stringMatching(ONE_LINE) });
    expect(uncaught).toEqual({ thrown: [], rejected: [] });
  });
});

test('slots as Redis gives them are accepted', () => {
  expect(isSlots([])).toBe(true);
  expect(isSlots([[0, 16_383, ['127.0.0.1', 7000, 'id', []], [null, 0, 'id', ['hostname', 'a']]]])).toBe(
    true,
  );
  const fragments = Array.from({ length: 16_384 }, (_, slot) => [slot, slot, [`10.0.0.${slot % 7}`, 7000]]);
  expect(isSlots(fragments)).toBe(true);
});
