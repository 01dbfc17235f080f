/** A client that is closed during the pause before it reconnects ends, and leaves no connection open. */
import { expect, onTestFinished, test } from 'vitest';
import { closeConnection } from '../../src/core/store/close-connection.js';
import { createLink } from '../../src/redis/client.js';
import { useFaultProxy } from '../support/faults/fault-proxy.js';
import { until } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';
import { pretendSentinel } from '../support/sentinel.js';

const redis = useRedis({ port: true });

test.each(['one server', 'Sentinel'])('%s', async (kind) => {
  const proxy = await useFaultProxy(redis.url);
  const address = { host: '127.0.0.1', port: proxy.port };
  const options =
    kind === 'Sentinel'
      ? { sentinels: [{ ...address, port: await pretendSentinel([String(proxy.port)]) }], name: 'main' }
      : address;
  const link = createLink(options, 5000);
  const { client } = link;
  await link.answered();
  onTestFinished(() => client.disconnect());
  const pausing = new Promise((resolve) => client.once('reconnecting', resolve));
  proxy.reset();
  await pausing;
  expect(client.status).toBe('reconnecting');
  closeConnection(client);
  await until(() => client.status === 'end');
  await proxy.until(() => proxy.open.length === 0);
});
