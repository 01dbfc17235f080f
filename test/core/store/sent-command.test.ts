/**
 * What devstate needs of ioredis beyond the methods of its clients: which server replied, and where commands are sent.
 * These tests fail if ioredis no longer gives commands their socket, or no longer asks them for their slot.
 */
import { Cluster } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ignoreAskingFailures } from '../../../src/core/store/cluster-asking.js';
import { slotOf as keySlotOf, nodeOf } from '../../../src/core/store/cluster-keys.js';
import { sendPipeline } from '../../../src/core/store/pipeline.js';
import type { RedisRequest } from '../../../src/core/store/replies.js';
import { sendToServer } from '../../../src/core/store/send-to-server.js';
import type { PrivateServer } from '../../../src/redis/private-server.js';
import { useCluster } from '../../support/cluster.js';
import { useFakeServer } from '../../support/faults/fake-server.js';
import { array, bulk, errorReply, integer, OK } from '../../support/faults/resp.js';
import { until } from '../../support/fleet.js';
import { briefly, useRedis } from '../../support/redis.js';

const SCAN: RedisRequest = ['sscan', '{tag}set', 0, 'COUNT', 10];

describe('on one server', () => {
  const redis = useRedis();

  test('the server is the same until the client reconnects', async () => {
    const [client, admin] = [await redis.client({ retryStrategy: () => 20 }), await redis.client()];
    const first = await sendToServer(client, SCAN);
    expect(first).toEqual({ reply: ['0', []], server: expect.anything() });
    expect((await sendToServer(client, SCAN)).server).toBe(first.server);
    await admin.client('KILL', 'ID', await client.client('ID'));
    await until(() => client.status !== 'ready');
    const later = (await sendToServer(client, SCAN)).server;
    expect(later).not.toBe(first.server);
    expect((await sendToServer(client, SCAN)).server).toBe(later);
  });
});

describe('in a cluster', () => {
  const cluster = useCluster({ replicas: 0 });

  async function connected(keyPrefix = ''): Promise<Cluster> {
    const nodes = cluster.nodes.map(({ url }) => ({ host: '127.0.0.1', port: Number(new URL(url).port) }));
    const client = new Cluster(nodes, {
      redisOptions: { enableReadyCheck: false },
      retryDelayOnMoved: 10,
      keyPrefix,
    });
    onTestFinished(() => client.disconnect());
    await client.cluster('INFO');
    return client;
  }
  const idOf = (server: PrivateServer) => briefly(server.url, (node) => node.cluster('MYID'));
  const slotOf = async (key: string) =>
    briefly(cluster.nodes[0]?.url ?? '', (node) => node.cluster('KEYSLOT', key));

  test('the server is another one after the slot has moved', async () => {
    const client = await connected();
    const slot = await slotOf('{tag}');
    await client.sadd('{tag}set', 'member');
    const first = await sendToServer(client, SCAN);
    expect((await sendToServer(client, SCAN)).server).toBe(first.server);
    const [owner, another] = await cluster.around(slot);
    await cluster.move([slot], owner, another);
    const moved = await sendToServer(client, SCAN);
    expect(moved).toEqual({ reply: ['0', ['member']], server: expect.anything() });
    expect(moved.server).not.toBe(first.server);
    expect((await sendToServer(client, SCAN)).server).toBe(moved.server);
  });

  test('while a slot moves, each command is sent to the server that has its key', async () => {
    const client = await connected();
    const slot = await slotOf('{tag}');
    const [from, to] = await cluster.around(slot);
    const [fromId, toId] = [await idOf(from), await idOf(to)];
    await client.sadd('{tag}set', 'member');
    await client.set('{tag}moved', 'm');
    await client.set('{tag}kept', 'k');
    const first = await sendToServer(client, SCAN);
    await briefly(to.url, (node) => node.cluster('SETSLOT', slot, 'IMPORTING', fromId));
    await briefly(from.url, async (node) => {
      await node.cluster('SETSLOT', slot, 'MIGRATING', toId);
      await node.call(
        'MIGRATE',
        '127.0.0.1',
        new URL(to.url).port,
        '',
        0,
        5000,
        'KEYS',
        '{tag}moved',
        '{tag}set',
      );
    });
    const batch: RedisRequest[] = [
      ['get', '{tag}moved'],
      ['get', '{tag}kept'],
      ['get', '{tag}none'],
    ];
    expect(await sendPipeline(client, batch, '{tag}')).toEqual([
      [null, 'm'],
      [null, 'k'],
      [null, null],
    ]);
    const asked = await sendToServer(client, SCAN);
    expect(asked.reply).toEqual(['0', ['member']]);
    expect(asked.server).not.toBe(first.server);
    await cluster.move([slot], from, to);
  });

  test.each(['', 'prefix:', '{tag}'])(
    'with the key prefix "%s" TIME and the like are sent to the server of a key',
    async (prefix) => {
      const client = await connected(prefix);
      for (const key of ['a', 'b', 'c', 'd', 'e']) {
        const slot = await slotOf(prefix + key);
        const [owner] = await cluster.around(slot);
        const outcomes = await sendPipeline(
          client,
          [
            ['config', 'GET', 'port'],
            ['get', key],
          ],
          key,
        );
        expect(outcomes).toEqual([
          [null, ['port', new URL(owner.url).port]],
          [null, null],
        ]);
        expect(keySlotOf(client, key)).toBe(slot);
        expect(nodeOf(client, key)?.options.port).toBe(Number(new URL(owner.url).port));
      }
    },
  );
});

test('a server that closes the connection at ASKING fails the command, and not the process', async () => {
  const [source, target] = [await useFakeServer(), await useFakeServer()];
  const [sourcePort, targetPort] = [source, target].map(({ url }) => Number(new URL(url).port)) as [
    number,
    number,
  ];
  const node = array(bulk('127.0.0.1'), integer(sourcePort), bulk('a'.repeat(40)));
  source.answer = ([name]) => {
    if (name === 'CLUSTER') return array(array(integer(0), integer(16_383), node));
    return name === 'GET' ? errorReply(`ASK 1 127.0.0.1:${targetPort}`) : OK;
  };
  target.answer = ([name]) => (name === 'ASKING' || name === 'GET' ? (client) => client.destroy() : OK);
  const client = new Cluster([{ host: '127.0.0.1', port: sourcePort }], {
    enableReadyCheck: false,
    maxRedirections: 3,
    redisOptions: { enableReadyCheck: false },
  });
  onTestFinished(() => client.disconnect());
  ignoreAskingFailures(client);
  // A rejection that nobody handles fails the test run.
  const [[error]] = (await sendPipeline(client, [['get', 'a']], 'a')) as [[Error]];
  expect(error).toBeInstanceOf(Error);
  expect(target.commands.map(([name]) => name?.toUpperCase())).toContain('ASKING');
});
