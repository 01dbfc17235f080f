/** Servers that send something malformed or too large: the connection ends with one error, and never the process. */
import type { Socket } from 'node:net';
import type { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Fleet } from '../../src/core/store/fleet.js';
import type { Link } from '../../src/core/store/link.js';
import { DeviceStateManager } from '../../src/index.js';
import { connect } from '../../src/redis/client.js';
import { parseTarget } from '../../src/redis/target-url.js';
import { cli } from '../support/cli.js';
import { type FakeServer, type Reply, useFakeServer } from '../support/faults/fake-server.js';
import { array, bulk, integer, NIL, OK } from '../support/faults/resp.js';
import { failure, until } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';
import { collectUncaught } from '../support/uncaught.js';

const redis = useRedis();
/** The growth of the process' memory that is accepted, bytes: twice the largest reply that is accepted. */
const MAX_GROWTH = 512 * 1024 * 1024;

/** Writes chunks for as long as the client takes them. */
function stream(begin: string, chunk: Buffer): Reply {
  return (client: Socket) => {
    client.write(begin);
    const more = () => {
      while (!client.destroyed && client.write(chunk));
    };
    client.on('drain', more);
    more();
  };
}

const ZEROS = Buffer.alloc(1024 * 1024, 48);
const REPLIES: [what: string, reply: Reply][] = [
  ['an array of 4,294,967,296 items', '*4294967296\r\n'],
  ['an array of 4,294,967,295 items', '*4294967295\r\n'],
  ['an array of 30,000,000 items', '*30000000\r\n'],
  ['100,000 arrays within each other', '*1\r\n'.repeat(100_000)],
  ['arrays without end within each other', stream('', Buffer.from('*1\r\n'.repeat(10_000)))],
  ['large arrays within each other', '*4000000\r\n'.repeat(60)],
  ['a bulk string of 500 MB', stream('$500000000\r\n', ZEROS)],
  ['an array of bulk strings without end', stream('*2000000\r\n', Buffer.from(bulk('x'.repeat(100_000))))],
  ['a bulk string of 10^400 bytes', `$${'9'.repeat(400)}\r\n`],
  ['a bulk string of -2 bytes', '$-2\r\n'],
  ['an array of -2 items', '*-2\r\n'],
  ['a length that is no number', '$x\r\nabc\r\n'],
  ['rubbish', 'nonsense\r\n'],
  ['bytes of another protocol', Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46])],
  ['an answer of HTTP', 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'],
  ['a status line without end', stream('+', ZEROS)],
  ['a number without end', stream(':', ZEROS)],
];

async function client(server: FakeServer): Promise<{ link: Link; redis: Redis }> {
  const stop = new AbortController();
  const link = await connect(parseTarget(server.url), { timeoutMs: 2000, signal: stop.signal });
  onTestFinished(() => {
    stop.abort();
    link.client.disconnect();
  });
  return { link, redis: link.client as Redis };
}

describe.each(REPLIES)('%s', (_, reply) => {
  // A reply that has no end but is not malformed ends at its size or at the time limit, whichever is first.
  test('ends a command with one line and exit 5', async () => {
    const before = process.memoryUsage().rss;
    const server = await useFakeServer();
    server.answer = () => reply;
    const started = performance.now();
    const { exit, stdout, stderr } = await cli(server).run('get one --request-timeout 1s -q');
    expect({ exit, stdout }).toEqual({ exit: 5, stdout: '' });
    expect(stderr).toMatch(
      /^devstate: cannot reach .*: (the server sent (something that is not|a reply that is).*|timed out)\n$/,
    );
    expect(performance.now() - started).toBeLessThan(15_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(MAX_GROWTH);
  });

  test('ends a connection that was in use, and the next one works', async () => {
    const server = await useFakeServer({ forwardTo: redis.url });
    const { link, redis: used } = await client(server);
    server.answer = (words) => (words[0] === 'GET' ? reply : undefined);
    const before = process.memoryUsage().rss;
    const call = used.get('key');
    call.catch(() => {});
    await closed(used);
    expect(process.memoryUsage().rss - before).toBeLessThan(MAX_GROWTH);
    server.answer = () => undefined;
    expect(await new Fleet(link).send(() => used.ping())).toBe('PONG');
    expect(server.connections).toBeGreaterThan(1);
  });

  test('fails a call of the library, ends no process, and the next call works', async () => {
    const uncaught = collectUncaught();
    const server = await useFakeServer({ forwardTo: redis.url });
    const manager = new DeviceStateManager(
      { port: Number(new URL(server.url).port) },
      { requestTimeout: 1000 },
    );
    onTestFinished(() => manager.close());
    await manager.registerDevice('d1', 'lamp');
    server.answer = ([name]) => (name === 'HMGET' ? reply : undefined);
    const started = performance.now();
    expect(await failure(manager.getDeviceState('d1'))).toMatchObject({ code: 'CONNECTION' });
    expect(performance.now() - started).toBeLessThan(10_000);
    server.answer = () => undefined;
    await until(async () => (await manager.getDeviceState('d1').catch(() => null)) !== null);
    expect(uncaught).toEqual({ thrown: [], rejected: [] });
  });
});

function closed(client: Redis): Promise<void> {
  return new Promise((resolve) => void client.once('close', () => resolve()));
}

test('a caller whose options need the Sentinel connector of ioredis', async () => {
  const uncaught = collectUncaught();
  const [server, sentinel] = [await useFakeServer({ forwardTo: redis.url }), await useFakeServer()];
  const port = new URL(server.url).port;
  sentinel.answer = (words) =>
    /get-master-addr/i.test(words[1] ?? '') ? array(bulk('127.0.0.1'), bulk(port)) : array();
  const manager = new DeviceStateManager(
    { sentinels: [{ host: '127.0.0.1', port: Number(new URL(sentinel.url).port) }], name: 'm', natMap: {} },
    { requestTimeout: 1000 },
  );
  onTestFinished(() => manager.close());
  await manager.registerDevice('d1', 'lamp');
  server.answer = ([name]) => (name === 'HMGET' ? 'nonsense\r\n' : undefined);
  expect(await failure(manager.getDeviceState('d1'))).toMatchObject({ code: 'CONNECTION' });
  server.answer = () => undefined;
  await until(async () => (await manager.getDeviceState('d1').catch(() => null)) !== null);
  expect(uncaught).toEqual({ thrown: [], rejected: [] });
});

test.each([
  ['nil', NIL],
  ['number', integer(1)],
  ['list', array(bulk('a'))],
  ['list with a nil', array(NIL)],
])('a surplus %s reply ends no process', async (_, surplus) => {
  const server = await useFakeServer({ forwardTo: redis.url });
  const { link, redis: used } = await client(server);
  server.answer = (words) =>
    words[0] === 'GET' ? (socket) => void socket.write(bulk('value') + surplus) : undefined;
  expect(await used.get('key')).toBe('value');
  expect(await new Fleet(link).send(() => used.ping())).toBe('PONG');
});

test('a subscriber survives messages that are none', async () => {
  const server = await useFakeServer({ forwardTo: redis.url });
  const subscriber = (await client(server)).redis;
  server.answer = (words) =>
    words[0] === 'SUBSCRIBE' ? array(bulk('subscribe'), bulk('c'), integer(1)) + array(NIL, NIL) : undefined;
  await subscriber.subscribe('c').catch(() => {});
  await closed(subscriber);
});

test('replies of every allowed kind and size pass', async () => {
  const server = await useFakeServer({ forwardTo: redis.url });
  const { redis: used } = await client(server);
  const large = 'x'.repeat(20_000_000);
  server.answer = (words) => (words[0] === 'GET' ? bulk(large) : undefined);
  expect((await used.get('key'))?.length).toBe(large.length);
  let nested = OK;
  for (let depth = 0; depth < 30; depth++) nested = array(nested, NIL, integer(-5), array());
  server.answer = () => nested;
  expect(JSON.stringify(await used.call('X')).startsWith('['.repeat(30))).toBe(true);
});
