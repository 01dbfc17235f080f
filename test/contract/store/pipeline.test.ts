/** Many commands at once: each has its answer, whatever becomes of the connection. */
import type { Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import type { Command } from '../../../src/core/store/fleet.js';
import { sendPipeline } from '../../../src/core/store/pipeline.js';
import { until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const patient = { retryStrategy: () => 20, maxRetriesPerRequest: null };

const send = (client: Redis, ...commands: Command[]) => sendPipeline(client, commands, 'key');
const get = (key: string): Command => ['get', key];

/** The server waits for the list of the first command. */
async function waiting(admin: Redis): Promise<void> {
  await until(async () => (await admin.info('clients')).includes('blocked_clients:1\r'));
}

test('in their order, an error in the place of what failed', async () => {
  const client = await redis.client();
  await client.mset('a', '1', '温度', 'x\r\ny');
  await client.hset('hash', 'f', 'v');
  expect(await send(client, get('a'), get('hash'), get('温度'), ['hgetall', 'hash'], get('none'))).toEqual([
    [null, '1'],
    [expect.objectContaining({ message: expect.stringMatching(/^WRONGTYPE/) })],
    [null, 'x\r\ny'],
    [null, { f: 'v' }],
    [null, null],
  ]);
});

test('none at all', async () => {
  expect(await send(await redis.client())).toEqual([]);
});

test('several batches at once keep apart', async () => {
  const client = await redis.client();
  const keys = Array.from({ length: 300 }, (_, i) => `k${i}`);
  await client.mset(keys.flatMap((key) => [key, `of ${key}`]));
  const batches = [keys.slice(0, 100), keys.slice(100, 101), keys.slice(101)];
  const answers = await Promise.all(batches.map((batch) => send(client, ...batch.map(get))));
  expect(answers).toEqual(batches.map((batch) => batch.map((key) => [null, `of ${key}`])));
});

test('sent before there is a connection', async () => {
  const client = await redis.client(patient);
  client.disconnect(true);
  expect(await send(client, ['set', 'a', '1'], get('a'))).toEqual([
    [null, 'OK'],
    [null, '1'],
  ]);
});

test('sent again as a whole after a loss, where none was answered', async () => {
  const [client, admin] = [await redis.client(patient), await redis.client()];
  const id = await client.client('ID');
  const answers = send(client, ['blpop', 'list', 0], get('a'), get('b'));
  await waiting(admin);
  await admin.client('KILL', 'ID', id);
  await admin.mset('a', '1', 'b', '2');
  await admin.lpush('list', 'x');
  expect(await answers).toEqual([
    [null, ['list', 'x']],
    [null, '1'],
    [null, '2'],
  ]);
});

test('not sent again after a loss, where some were answered', async () => {
  const [client, admin] = [await redis.client(patient), await redis.client()];
  const id = await client.client('ID');
  const answers = send(client, ['incr', 'n'], ['blpop', 'list', 0], ['incr', 'n']);
  await waiting(admin);
  await admin.client('KILL', 'ID', id);
  const aborted = [expect.objectContaining({ message: expect.stringMatching(/aborted/) })];
  expect(await answers).toEqual([[null, 1], aborted, aborted]);
  expect(await client.get('n')).toBe('1');
});

test('of a connection that has ended, errors', async () => {
  const client = await redis.client();
  client.disconnect();
  await until(() => client.status === 'end');
  const closed = [expect.objectContaining({ message: 'Connection is closed.' })];
  expect(await send(client, get('a'), get('b'))).toEqual([closed, closed]);
});

test('in the time that the connection has for each', async () => {
  const client = await redis.client({ commandTimeout: 1000 });
  const timedOut = [expect.objectContaining({ message: 'Command timed out' })];
  expect(await send(client, get('a'), ['blpop', 'list', 0])).toEqual([[null, null], timedOut]);
  client.disconnect();
});

test('a reply that cannot be read is the failure of its command', async () => {
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
  const answers = await send(client, get('a'), get('b'));
  unreadable.mockRestore();
  expect(answers).toEqual([[new RangeError('too long')], [null, '2']]);
});

test('its keys have the prefix of the connection', async () => {
  const client = await redis.client({ keyPrefix: 'p:' });
  await (await redis.client()).set('p:a', '1');
  expect(await send(client, get('a'))).toEqual([[null, '1']]);
});
