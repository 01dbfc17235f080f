import { describe, expect, test } from 'vitest';
import { type ArticleDevice, type ArticleDialect, articleProgram, articleReader } from './article.mjs';
import { interleave } from './interleave.js';
import { useRedis } from './redis.js';

const redis = useRedis();
const AT = 1_700_000_000_123;

/** The name of a field, given in camel case, in a dialect. */
const named = (dialect: ArticleDialect, camel: string) =>
  dialect === 'node' ? camel : camel.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

async function published(): Promise<{
  messages: [channel: string, message: string][];
  settled: () => Promise<void>;
}> {
  const subscriber = await redis.client();
  const messages: [string, string][] = [];
  subscriber.on('pmessage', (_pattern, channel, message) => {
    messages.push([channel, message]);
  });
  await subscriber.psubscribe('device*');
  // The reply to a PING arrives after all messages that were published before it.
  return { messages, settled: async () => void (await subscriber.ping()) };
}

describe.each<ArticleDialect>(['node', 'python'])('the %s program', (dialect) => {
  const name = (camel: string) => named(dialect, camel);
  const open = async (now = () => AT) => {
    const client = await redis.client();
    return {
      client,
      article: articleProgram(client, dialect, { now }),
      reader: articleReader(client, dialect),
    };
  };

  test('register writes all fields, with the names and the time unit of the dialect', async () => {
    const { client, article } = await open();
    await article.register('dev:1', 'lamp', { place: 'Köln' });
    expect(await client.hgetall('device:state:dev:1')).toEqual({
      [name('deviceId')]: 'dev:1',
      [name('deviceType')]: 'lamp',
      [name('registeredAt')]: dialect === 'node' ? '1700000000123' : '1700000000.123',
      status: 'offline',
      [name('lastSeen')]: '0',
      [name('reportedState')]: '{}',
      [name('desiredState')]: '{}',
      metadata: dialect === 'node' ? '{"place":"Köln"}' : '{"place": "K\\u00f6ln"}',
    });
    expect(await article.byType('lamp')).toEqual(['dev:1']);
    expect(await article.offline()).toEqual(['dev:1']);
  });

  test('announces the first heartbeat only, and the reader reads what it wrote', async () => {
    const { client, article, reader } = await open();
    const { messages, settled } = await published();
    await article.register('d1', 'lamp');
    expect(await article.heartbeat('d1', { on: true })).toEqual({ deviceId: 'd1', wasOffline: true });
    expect(await article.heartbeat('d1', {})).toEqual({ deviceId: 'd1', wasOffline: false });
    await settled();
    const at = dialect === 'node' ? AT : AT / 1000;
    expect(messages.map(([channel, json]) => [channel, reader.message(json)])).toEqual([
      ['devices:presence', { type: 'presence', deviceId: 'd1', status: 'online', timestamp: at }],
    ]);
    expect(await client.ttl('device:heartbeat:d1')).toBeGreaterThan(58);
    const seen = await reader.device('d1');
    expect(seen).toEqual(await article.get('d1'));
    expect(seen).toMatchObject({ status: 'online', lastSeen: at });
    // Node's program writes an empty report; Python's skips it.
    expect(seen?.reportedState).toEqual(dialect === 'node' ? {} : { on: true });
    expect(await article.byStatus('online')).toEqual(['d1']);
    const { deviceId, status, lastSeen, reportedState } = seen as ArticleDevice;
    expect(await article.byTypeWithState('lamp')).toEqual([{ deviceId, status, lastSeen, reportedState }]);
  });

  test('get writes an outdated status field, the reader does not', async () => {
    const { client, article, reader } = await open();
    await article.register('d1', 'lamp');
    await article.heartbeat('d1');
    await client.del('device:heartbeat:d1');
    expect(await reader.device('d1')).toMatchObject({ status: 'offline' });
    expect(await client.hget('device:state:d1', 'status')).toBe('online');
    await article.get('d1');
    expect(await client.hget('device:state:d1', 'status')).toBe('offline');
    expect(await article.get('nobody')).toBeNull();
  });

  test('setDesired merges the top level and publishes the whole document', async () => {
    const { article, reader } = await open();
    const { messages, settled } = await published();
    await article.register('d1', 'lamp');
    await article.setDesired('d1', { level: 1, colour: { r: 1, g: 2 } });
    const { desiredState } = await article.setDesired('d1', { level: 2, colour: { r: 1 } });
    expect(desiredState).toEqual({ level: 2, colour: { r: 1 } });
    await settled();
    expect(messages.map(([channel]) => channel)).toEqual(['device:d1:commands', 'device:d1:commands']);
    expect(reader.message(messages[1]?.[1] ?? '')).toMatchObject({ type: 'state_update', desiredState });
    await article.heartbeat('d1', { level: 2, colour: { r: 1 }, extra: 1 });
    const { delta } = await article.delta('d1');
    expect(Object.keys(delta)).toEqual(dialect === 'node' ? ['colour'] : []);
  });

  test('a poll marks devices without a heartbeat key offline; the keyspace detector cuts an id with colons', async () => {
    const { client, article } = await open();
    for (const id of ['up', 'aa:bb:cc']) await article.heartbeat(id);
    await client.del('device:heartbeat:aa:bb:cc');
    const wrong = dialect === 'node' ? 'aa' : 'cc';
    expect(await article.keyspaceDetector('device:heartbeat:aa:bb:cc')).toBe(wrong);
    expect(await client.hgetall(`device:state:${wrong}`)).toEqual({ status: 'offline' });
    expect(await article.get(wrong)).toEqual(
      dialect === 'node' ? null : expect.objectContaining({ lastSeen: 0 }),
    );
    expect(await article.keyspaceDetector('other')).toBeNull();
    expect(await article.pollDetector()).toEqual(['aa:bb:cc']);
    expect(await article.online()).toEqual(['up']);
  });

  test('stale is sorted with the oldest first and includes devices that have never sent a heartbeat', async () => {
    let at = AT;
    const { article } = await open(() => at);
    for (const id of ['old', 'fresh', 'never']) await article.register(id, 'lamp');
    await article.heartbeat('old');
    at += 100_000;
    await article.heartbeat('fresh');
    expect((await article.stale(60)).map(({ deviceId }) => deviceId)).toEqual(['never', 'old']);
    expect((await article.stale(60))[1]?.ageSeconds).toBeCloseTo(100);
  });

  test('steps run one at a time; a seed repeats their order, and in some orders a patch is lost', async () => {
    const { client, article } = await open();
    await article.register('d1', 'lamp');
    const steps: string[] = [];
    for await (const step of article.steps.heartbeat('d1')) steps.push(step.split(' ', 1)[0] ?? '');
    expect(steps).toEqual(
      dialect === 'node' ? ['exists', 'setex', 'hset', 'sadd', 'publish'] : ['exists', 'setex', 'publish'],
    );
    const race = async (seed: number) => {
      await client.hset('device:state:d1', name('desiredState'), '{}');
      const order = await interleave(
        seed,
        article.steps.setDesired('d1', { a: 1 }),
        article.steps.setDesired('d1', { b: 1 }),
      );
      return { order, kept: Object.keys((await article.get('d1'))?.desiredState ?? {}).length };
    };
    expect(await race(7)).toEqual(await race(7));
    const kept = new Set<number>();
    for (let seed = 0; seed < 20; seed++) kept.add((await race(seed)).kept);
    expect([...kept].sort()).toEqual([1, 2]);
  });
});

test('Python writes integers of any length back unchanged, and 1.0 as 1.0', async () => {
  const client = await redis.client();
  await client.hset('device:state:d1', 'desired_state', '{"n": 12345678901234567890, "f": 1.0}');
  await articleProgram(client, 'python').setDesired('d1', { x: 1 });
  expect(await client.hget('device:state:d1', 'desired_state')).toBe(
    '{"n": 12345678901234567890, "f": 1.0, "x": 1}',
  );
});
