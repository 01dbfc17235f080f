/** The fake server answers in the order of the commands, whoever answers them. */
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { useRedis } from '../redis.js';
import { type FakeServer, useFakeServer } from './fake-server.js';
import { array, bulk, endOfReply, errorReply, integer, NIL, OK, parseCommand } from './resp.js';

const redis = useRedis();

function client(server: FakeServer): Redis {
  const made = new Redis(server.url, { enableReadyCheck: false, disableClientInfo: true });
  onTestFinished(() => made.disconnect());
  return made;
}

test('replays replies, and records the commands', async () => {
  const server = await useFakeServer();
  const replies: Record<string, string> = {
    GET: bulk('é'),
    LRANGE: array(bulk('a'), NIL),
    INCR: integer(3),
    SET: OK,
  };
  server.answer = ([name = '']) => replies[name] ?? errorReply('ERR what?');
  const made = client(server);
  expect(await made.get('key')).toBe('é');
  expect(await made.lrange('key', 0, -1)).toEqual(['a', null]);
  expect([await made.incr('key'), await made.set('key', 'two words')]).toEqual([3, 'OK']);
  await expect(made.ping()).rejects.toThrow('what?');
  expect(server.commands.at(3)).toEqual(['set', 'key', 'two words']);
});

test('forwards other commands, and keeps the order of a pipeline', async () => {
  const server = await useFakeServer({ forwardTo: redis.url });
  server.answer = (words) => (words[1] === 'fake' ? bulk('mine') : undefined);
  const made = client(server);
  const results = await made.pipeline().set('a', '1').get('fake').get('a').get('fake').get('b').exec();
  expect(results?.map(([, value]) => value)).toEqual(['OK', 'mine', '1', 'mine', null]);
});

test('forwards the messages of a channel', async () => {
  const server = await useFakeServer({ forwardTo: redis.url });
  const subscriber = client(server);
  const message = new Promise((resolve) => subscriber.on('message', (_, text) => resolve(text)));
  await subscriber.subscribe('c');
  await (await redis.client()).publish('c', 'hello');
  expect(await message).toBe('hello');
});

test('a command without a reply stays unanswered', async () => {
  const server = await useFakeServer();
  const made = client(server);
  const call = made.get('key').catch((error: Error) => error.message);
  await expect.poll(() => server.commands.length).toBe(1);
  made.disconnect();
  expect(await call).toBe('Connection is closed.');
});

test('finds the ends of commands and replies', () => {
  const whole = Buffer.from(array(bulk('SET'), bulk('é'), bulk('')));
  expect(parseCommand(whole)).toEqual({ words: ['SET', 'é', ''], length: whole.length });
  const reply = Buffer.from(array(NIL, array(), integer(5), OK, bulk('x')));
  expect(endOfReply(reply)).toBe(reply.length);
  for (let length = 0; length < whole.length; length++)
    expect(parseCommand(whole.subarray(0, length))).toBeUndefined();
  for (let length = 0; length < reply.length; length++)
    expect(endOfReply(reply.subarray(0, length))).toBeUndefined();
});
