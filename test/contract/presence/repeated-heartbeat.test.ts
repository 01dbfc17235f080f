/** A heartbeat without a report whose answer is lost: it is sent again, and tells only what is known then. */
import { expect, onTestFinished, test } from 'vitest';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { closeConnection } from '../../../src/core/store/close-connection.js';
import { Fleet } from '../../../src/core/store/fleet.js';
import { createLink } from '../../../src/redis/client.js';
import { type FaultProxy, useFaultProxy } from '../../support/faults/fault-proxy.js';
import type { Flow } from '../../support/faults/flow.js';
import { expired, openFleet, storyOf } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const TIMEOUT_MS = 5000;

async function throughProxy(): Promise<[Fleet, FaultProxy]> {
  const proxy = await useFaultProxy(redis.url);
  const link = createLink({ port: proxy.port }, TIMEOUT_MS);
  onTestFinished(() => closeConnection(link.client));
  return [new Fleet(link, { requestTimeout: TIMEOUT_MS }), proxy];
}

/** Keeps back the reply to the next script, and returns its flow when the server has given it. */
async function atNextScript(proxy: FaultProxy): Promise<Flow> {
  let found: Flow | undefined;
  proxy.onData = (flow, chunk, direction) => {
    if (direction !== 'toServer' || !chunk.includes('evalsha')) return;
    proxy.onData = () => {};
    flow.set({ swallow: true }, 'toClient');
    found = flow;
  };
  await proxy.until(() => (found?.toClient.pending ?? 0) > 0);
  return found as Flow;
}

test('does not say that the device was offline when the lost attempt may have brought it online', async () => {
  const admin = await openFleet(redis);
  await register(admin, 'd1', 'lamp');
  const [fleet, proxy] = await throughProxy();
  await heartbeat(fleet, { id: 'd1', ttl: 60_000 });
  const swallowing = atNextScript(proxy);
  const beat = heartbeat(fleet, { id: 'd1', ttl: 200 });
  const flow = await swallowing;
  await expired(admin, 'd1'); // the lost attempt has shortened the TTL, which has passed
  flow.reset();
  expect(await beat).toMatchObject({ status: 'online', wasOffline: null });
});

test('a late copy of it does not bring the device back after a goodbye', async () => {
  const admin = await openFleet(redis);
  await register(admin, 'd2', 'lamp');
  const [fleet, proxy] = await throughProxy();
  await fleet.settings();
  const script = new Promise<Flow>((resolve) => {
    proxy.onData = (flow, chunk, direction) => {
      // The short script skips a device that is offline; the copy of the full one stays in the network.
      if (direction !== 'toServer' || !chunk.includes('device:history:presence:d2')) return;
      proxy.onData = () => {};
      flow.set({ swallow: true }, 'toServer');
      resolve(flow);
    };
  });
  const beat = heartbeat(fleet, { id: 'd2', ttl: 60_000 });
  const flow = await script;
  expect(await beat).toMatchObject({ status: 'online', wasOffline: null });
  expect(await disconnect(admin, 'd2')).toBe(true);
  flow.set({ swallow: false }, 'toServer');
  await proxy.until(() => flow.toServer.passed === flow.toServer.seen);
  expect(await storyOf(admin, 'd2')).toEqual(['1 online heartbeat', '2 offline disconnect']);
});
