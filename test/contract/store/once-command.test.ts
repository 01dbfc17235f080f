/**
 * A client of the caller's reports that a write was not sent, although it sent it before, or sends it later: such a write
 * is done once at most, and its outcome is told truly.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import type { Connection } from '../../../src/core/store/connection.js';
import { Requests } from '../../../src/core/store/requests.js';
import { libraryLink } from '../../../src/library/own-client.js';
import { useCluster } from '../../support/cluster.js';
import { useFaultProxy } from '../../support/faults/fault-proxy.js';
import { failure, until } from '../../support/fleet.js';
import { incrementByScript } from '../../support/increment-script.js';
import { briefly, useRedis } from '../../support/redis.js';

const redis = useRedis({ port: true });
const cluster = useCluster({ masters: 2, replicas: 0, proxied: true });
const TIMEOUT_MS = 3000;
const COMMAND_TIMEOUT_MS = 200;

/** Returns what sends the requests of a client of the caller's, which is connected and then closed at the end. */
async function requestsOf(client: Connection): Promise<Requests> {
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  await once(client, 'ready');
  return new Requests(libraryLink(client, TIMEOUT_MS).link, TIMEOUT_MS);
}

test.each([true, false])(
  'a cluster that is not ready when ioredis sends the write again, enableOfflineQueue %s',
  async (enableOfflineQueue) => {
    const { proxies } = cluster;
    const key = 'counter';
    const slot = await briefly(cluster.nodes[0]?.url ?? '', (node) => node.cluster('KEYSLOT', key));
    const [owner] = await cluster.around(slot);
    const count = () => briefly(owner.url, (node) => node.get(key));
    const client = new Cluster([{ host: '127.0.0.1', port: proxies[0]?.port ?? 0 }], {
      enableOfflineQueue,
      retryDelayOnFailover: 50,
      clusterRetryStrategy: () => 300,
    });
    const requests = await requestsOf(client);
    expect(await incrementByScript(requests, key)).toBe(1);
    const proxy = cluster.proxyOf(owner);
    proxy.onData = (flow, chunk, direction) => {
      if (direction === 'toServer' && chunk.includes(key)) flow.set({ swallow: true }, 'toClient');
    };
    const error = failure(incrementByScript(requests, key));
    await until(async () => (await count()) === '2');
    proxy.onData = () => {};
    for (const each of proxies) {
      each.refuse();
      each.reset();
    }
    await once(client, 'reconnecting');
    await Promise.all(proxies.map((each) => each.accept()));
    expect(await error).toMatchObject({ code: 'CONNECTION', outcome: 'unknown' });
    expect(await count()).toBe('2');
  },
);

test('a write that has timed out in the queue of ioredis', async () => {
  const proxy = await useFaultProxy(redis.url);
  const options = { commandTimeout: COMMAND_TIMEOUT_MS, maxRetriesPerRequest: null, retryStrategy: () => 20 };
  const client = new Redis(proxy.url, options);
  const requests = await requestsOf(client);
  expect(await incrementByScript(requests, 'counter')).toBe(1);
  proxy.refuse();
  client.disconnect(true); // its status stays `ready` until the server has closed the connection too
  const reply = incrementByScript(requests, 'counter');
  await sleep(2 * COMMAND_TIMEOUT_MS);
  await proxy.accept();
  expect(await reply).toBe(2);
  expect(await client.get('counter')).toBe('2');
});
