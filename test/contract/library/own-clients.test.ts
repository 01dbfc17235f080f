/** The clients that the library makes from options of ioredis: how they log in to sentinels, and their names. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type ClientOptions, DeviceStateManager } from '../../../src/index.js';
import { type FaultProxy, useFaultProxy } from '../../support/faults/fault-proxy.js';
import type { Flow } from '../../support/faults/flow.js';
import { until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';
import {
  ask,
  MASTER_NAME,
  PASSWORD,
  portOf,
  type SentinelSet,
  startSentinels,
} from '../../support/sentinel.js';

function managerFor(options: ClientOptions, requestTimeout = 5000): DeviceStateManager {
  const manager = new DeviceStateManager(options, { requestTimeout });
  onTestFinished(() => manager.close());
  return manager;
}

describe('by Sentinel', () => {
  let set: SentinelSet;
  beforeAll(async () => {
    set = await startSentinels();
    for (const each of set.sentinels)
      await ask(each, 'ACL', 'SETUSER', 'asker', 'on', '>other', '+@all', '&*');
  });
  afterAll(() => set.stop());

  test.each<[what: string, login: ClientOptions]>([
    ['the password of the server', {}],
    ['its user name too', { username: 'default' }],
    ['a password for the sentinels', { sentinelPassword: PASSWORD }],
    ['a user for the sentinels', { sentinelUsername: 'asker', sentinelPassword: 'other' }],
  ])('it logs in with %s', async (_what, login) => {
    const sentinels = set.sentinels.map((each) => ({ host: '127.0.0.1', port: Number(portOf(each)) }));
    const manager = managerFor({ sentinels, name: MASTER_NAME, password: PASSWORD, ...login });
    await manager.registerDevice('d1', 'lamp');
    expect(await manager.getDeviceState('d1')).toMatchObject({ deviceId: 'd1' });
  });
});

describe('with a connection name', () => {
  const redis = useRedis();

  test('its connections have the name', async () => {
    const proxy = await useFaultProxy(redis.url);
    const manager = managerFor({ port: proxy.port, connectionName: 'lamps' });
    await manager.subscribeToPresence(() => {});
    await manager.registerDevice('d1', 'lamp');
    const client = await redis.client();
    await until(async () => String(await client.client('LIST')).match(/ name=lamps /g)?.length === 2);
  });

  test.each<[what: string, disturb: (flow: Flow) => void]>([
    ['reset', (flow) => flow.reset()],
    ['cut off without a word', (flow) => flow.blackHole()],
  ])('it connects again when the connection is %s before the name is set', async (_what, disturb) => {
    const proxy = await useFaultProxy(redis.url);
    atFirstName(proxy, disturb);
    const manager = managerFor({ port: proxy.port, connectionName: 'lamps' }, 2000);
    await manager.registerDevice('d1', 'lamp');
    expect(proxy.flows.length).toBeGreaterThan(1);
  });
});

/** Calls `act` once, when a client names its connection. */
function atFirstName(proxy: FaultProxy, act: (flow: Flow) => void): void {
  proxy.onData = (flow, chunk, direction) => {
    if (direction !== 'toServer' || !/setname/i.test(chunk.toString())) return;
    proxy.onData = () => {};
    act(flow);
  };
}
