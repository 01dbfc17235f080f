/** A fenced write whose connection ends between its two rounds, before ioredis notices. */
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { writeFenced } from '../../../src/core/store/fenced-write.js';
import { Requests } from '../../../src/core/store/requests.js';
import { ServerLink } from '../../../src/redis/server-link.js';
import { useFaultProxy } from '../../support/faults/fault-proxy.js';
import { until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const TIMEOUT_MS = 10_000;

test('is not made on the next connection, where no key is watched', async () => {
  const admin = await redis.client();
  const proxy = await useFaultProxy(redis.url);
  const options = {
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: null,
    retryStrategy: () => 20,
  };
  const client = new Redis(proxy.url, options);
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  await once(client, 'ready');
  await admin.set('counter', 1);
  let plans = 0;
  const written = writeFenced(new Requests(new ServerLink(client), TIMEOUT_MS), {
    fence: 'fence',
    repeat: 'once',
    keys: ['counter'],
    reads: [['get', 'counter']],
    plan([before]) {
      plans += 1;
      if (plans === 1) {
        proxy.refuse();
        client.disconnect(true); // its status stays `ready` until the server has closed the connection too
      }
      return { writes: [['set', 'counter', String(Number(before) + 1)]], toResult: () => before };
    },
  });
  await until(() => client.status !== 'ready');
  expect(plans).toBe(1);
  await admin.set('counter', 10);
  await proxy.accept();
  expect(await written).toBe('10');
  expect(await admin.get('counter')).toBe('11');
});
