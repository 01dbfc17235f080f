/** sendPipeline: every command of a batch gets its own reply or error, also when the connection is lost. */
import { Command, type Redis, type RedisOptions } from 'ioredis';
import { expect, test, vi } from 'vitest';
import { sendPipeline } from '../../../src/core/store/pipeline.js';
import type { RedisRequest } from '../../../src/core/store/replies.js';
import { SentCommand } from '../../../src/core/store/sent-command.js';
import { until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const RECONNECTING = { retryStrategy: () => 20, maxRetriesPerRequest: null };

const send = (client: Redis, ...commands: RedisRequest[]) => sendPipeline(client, commands, 'key');
const get = (key: string): RedisRequest => ['get', key];

/** Blocks the connection. devstate does not send it, so the form of its reply is not checked. */
const BLPOP = ['blpop', 'list', 0] as unknown as RedisRequest;
const { transformReply } = SentCommand.prototype;
vi.spyOn(SentCommand.prototype, 'transformReply').mockImplementation(function (this: SentCommand, raw) {
  return (this.name === 'blpop' ? Command.prototype.transformReply : transformReply).call(this, raw);
});

/** Waits until the server blocks on the BLPOP of the batch. */
async function untilBlocked(admin: Redis): Promise<void> {
  await until(async () => (await admin.info('clients')).includes('blocked_clients:1\r'));
}

test('gives replies in order, and an error at the index of a failed command', async () => {
  const client = await redis.client();
  await client.mset('a', '1', '温度', 'x\r\ny');
  await client.hset('hash', 'f', 'v');
  expect(await send(client, get('a'), get('hash'), get('温度'), ['hget', 'hash', 'f'], get('none'))).toEqual([
    [null, '1'],
    [expect.objectContaining({ message: expect.stringMatching(/^WRONGTYPE/) })],
    [null, 'x\r\ny'],
    [null, 'v'],
    [null, null],
  ]);
});

test('gives an empty list for an empty batch', async () => {
  expect(await send(await redis.client())).toEqual([]);
});

test('keeps the replies of concurrent batches apart', async () => {
  const client = await redis.client();
  const keys = Array.from({ length: 300 }, (_, i) => `k${i}`);
  await client.mset(keys.flatMap((key) => [key, `of ${key}`]));
  const batches = [keys.slice(0, 100), keys.slice(100, 101), keys.slice(101)];
  const replies = await Promise.all(batches.map((batch) => send(client, ...batch.map(get))));
  expect(replies).toEqual(batches.map((batch) => batch.map((key) => [null, `of ${key}`])));
});

test('sends a batch that was given before the connection was ready', async () => {
  const client = await redis.client(RECONNECTING);
  client.disconnect(true);
  expect(await send(client, ['set', 'a', '1'], get('a'))).toEqual([
    [null, 'OK'],
    [null, '1'],
  ]);
});

test('sends the whole batch again after a connection loss, when no command was answered', async () => {
  const [client, admin] = [await redis.client(RECONNECTING), await redis.client()];
  const id = await client.client('ID');
  const replies = send(client, BLPOP, get('a'), get('b'));
  await untilBlocked(admin);
  await admin.client('KILL', 'ID', id);
  await admin.mset('a', '1', 'b', '2');
  await admin.lpush('list', 'x');
  expect(await replies).toEqual([
    [null, ['list', 'x']],
    [null, '1'],
    [null, '2'],
  ]);
});

test('does not send a batch again after a connection loss, when some commands were answered', async () => {
  const [client, admin] = [await redis.client(RECONNECTING), await redis.client()];
  const id = await client.client('ID');
  const replies = send(client, ['rpush', 'n', 'x'], BLPOP, ['rpush', 'n', 'x']);
  await untilBlocked(admin);
  await admin.client('KILL', 'ID', id);
  const aborted = [expect.objectContaining({ message: expect.stringMatching(/aborted/) })];
  expect(await replies).toEqual([[null, 1], aborted, aborted]);
  expect(await client.llen('n')).toBe(1);
});

test.each<[what: string, options: RedisOptions, message: RegExp]>([
  ['does not reconnect', { retryStrategy: () => null }, /^Connection is closed\.$/],
  ['gives up at the first loss', { retryStrategy: () => 20, maxRetriesPerRequest: 0 }, /max retries/],
])(
  'settles each command of a batch whose connection is lost midway, if the client %s',
  async (_, options, message) => {
    const [client, admin] = [await redis.client(options), await redis.client()];
    client.on('error', () => {});
    const id = await client.client('ID');
    const outcomes = Promise.all([send(client, BLPOP, get('b')), send(client, get('c'), BLPOP)]);
    await untilBlocked(admin);
    await admin.client('KILL', 'ID', id);
    const failed = [expect.objectContaining({ message: expect.stringMatching(message) })];
    expect(await outcomes).toEqual([
      [failed, failed],
      [failed, failed],
    ]);
  },
);

test.each<[what: string, options: RedisOptions]>([
  ['enableAutoPipelining', { enableAutoPipelining: true }],
  ['showFriendlyErrorStack', { showFriendlyErrorStack: true }],
])('gives replies and errors with a client that has the option %s', async (_, options) => {
  const client = await redis.client(options);
  await client.set('a', 'x');
  expect(await send(client, get('a'), ['rpush', 'n', 'x'], ['get'])).toEqual([
    [null, 'x'],
    [null, 1],
    [expect.objectContaining({ message: expect.stringMatching(/wrong number of arguments/) })],
  ]);
});

/** How often the server has read from a connection; each write of a client takes at least one read. */
async function readsOf(admin: Redis): Promise<number> {
  return Number(/total_reads_processed:(\d+)/.exec(await admin.info('stats'))?.[1]);
}

test('sends a batch in few writes, also when it was given before the connection was ready', async () => {
  const [client, admin] = [await redis.client(RECONNECTING), await redis.client()];
  const batch = Array.from({ length: 500 }, () => get('a'));
  for (const reconnects of [false, true]) {
    if (reconnects) client.disconnect(true);
    const before = await readsOf(admin);
    expect(await send(client, ...batch)).toHaveLength(batch.length);
    expect((await readsOf(admin)) - before).toBeLessThan(batch.length / 5);
  }
});

test('gives an error for each command, when the connection has ended', async () => {
  const client = await redis.client();
  client.disconnect();
  await until(() => client.status === 'end');
  const closed = [expect.objectContaining({ message: 'Connection is closed.' })];
  expect(await send(client, get('a'), get('b'))).toEqual([closed, closed]);
});

test('applies the command timeout of the connection to each command', async () => {
  const client = await redis.client({ commandTimeout: 1000 });
  const timedOut = [expect.objectContaining({ message: 'Command timed out' })];
  expect(await send(client, get('a'), BLPOP)).toEqual([[null, null], timedOut]);
  client.disconnect();
});

test('gives an error for the command whose reply cannot be decoded', async () => {
  const client = await redis.client();
  await client.mset('a', '1', 'b', '2');
  const read = Buffer.prototype.toString;
  const unreadable = vi.spyOn(Buffer.prototype, 'toString').mockImplementation(function (
    this: Buffer,
    ...args
  ) {
    if (this.equals(Buffer.from('1'))) throw new RangeError('too long');
    return read.apply(this, args);
  });
  const replies = await send(client, get('a'), get('b'));
  unreadable.mockRestore();
  expect(replies).toEqual([[new RangeError('too long')], [null, '2']]);
});

test('adds the key prefix of the connection', async () => {
  const client = await redis.client({ keyPrefix: 'p:' });
  await (await redis.client()).set('p:a', '1');
  expect(await send(client, get('a'))).toEqual([[null, '1']]);
});
