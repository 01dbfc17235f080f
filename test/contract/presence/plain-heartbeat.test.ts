/**
 * The heartbeat of a device with a login of its own, when the connection is lost or delayed between its two rounds, or
 * another program writes the device meanwhile: what Redis refused is made again, and nothing is done after its time.
 */
import { Redis, type RedisOptions } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { detect } from '../../../src/core/detection/detector.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { closeConnection } from '../../../src/core/store/close-connection.js';
import { Fleet, type FleetOptions } from '../../../src/core/store/fleet.js';
import { DeviceStateManager } from '../../../src/library/device-state-manager.js';
import { createLink } from '../../../src/redis/client.js';
import { ServerLink } from '../../../src/redis/server-link.js';
import { type FaultProxy, useFaultProxy } from '../../support/faults/fault-proxy.js';
import { expired, failure, openFleet, type SingleFleet, snapshot, until } from '../../support/fleet.js';
import { interceptCommands } from '../../support/intercept-commands.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const ID = 'd1';

async function registered(): Promise<SingleFleet> {
  const fleet = await openFleet(redis);
  await register(fleet, ID, 'lamp');
  return fleet;
}

function connectedTo(url: string, options: RedisOptions = {}): Redis {
  const client = new Redis(url, { autoResendUnfulfilledCommands: false, ...options });
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

async function ownFleet(url = redis.url, options: FleetOptions = {}): Promise<Fleet> {
  const client = connectedTo(url);
  await client.ping();
  return new Fleet(new ServerLink(client), { role: 'device', ...options });
}

/** Calls `act` once, when the second round of a heartbeat is on its way to the server, and may set faults of it. */
function atSecondRound(proxy: FaultProxy, act: () => void): void {
  proxy.onData = (_flow, chunk, direction) => {
    if (direction !== 'toServer' || !chunk.includes('multi')) return;
    proxy.onData = () => {};
    act();
  };
}

describe('between the rounds of a heartbeat', () => {
  test.each<[what: string, change: (admin: Fleet) => Promise<unknown>, reported: string]>([
    ['another report', (admin) => heartbeat(admin, { id: ID, patch: { b: true } }), '{"a":true,"b":true}'],
    ['a desired state', (admin) => setDesired(admin, ID, { c: true }), '{"a":true}'],
    ['a goodbye', (admin) => disconnect(admin, ID), '{"a":true}'],
  ])('%s makes it again', async (_what, change, reported) => {
    const admin = await registered();
    const proxy = await useFaultProxy(redis.url);
    const own = await ownFleet(proxy.url);
    await heartbeat(own, { id: ID, reportedJson: '{}' });
    await settle(admin.only, [ID]);
    let isSeen = false;
    atSecondRound(proxy, () => {
      isSeen = true;
      proxy.set({ swallow: true }, 'toServer');
    });
    const beat = heartbeat(own, { id: ID, patch: { a: true } });
    await until(() => isSeen);
    await change(admin);
    proxy.set({ swallow: false }, 'toServer');
    await beat;
    expect(JSON.parse((await readDevice(admin, ID)).reportedJson)).toEqual(JSON.parse(reported));
    expect(await readDevice(admin, ID)).toMatchObject({ status: 'online' });
  });

  test('an unregistration makes it fail, and nothing is left of the device', async () => {
    const admin = await registered();
    const proxy = await useFaultProxy(redis.url);
    const own = await ownFleet(proxy.url);
    let isSeen = false;
    atSecondRound(proxy, () => {
      isSeen = true;
      proxy.set({ swallow: true }, 'toServer');
    });
    const beat = failure(heartbeat(own, { id: ID, reportedJson: '{"a":1}' }));
    await until(() => isSeen);
    await unregister(admin, ID);
    proxy.set({ swallow: false }, 'toServer');
    expect(await beat).toMatchObject({ code: 'NOT_FOUND' });
    const { keys } = admin.only;
    expect(await admin.redis.exists(keys.state(ID), keys.heartbeat(ID), keys.history('reported', ID))).toBe(
      0,
    );
  });

  test('a reconnection makes it again, on the new connection', async () => {
    await registered();
    const own = await ownFleet();
    let drops = 1;
    const { stream } = own.redis;
    interceptCommands(own.redis, ([name], send) => {
      if (name === 'multi' && drops-- > 0) own.redis.disconnect(true);
      return send();
    });
    const beat = heartbeat(own, { id: ID, reportedJson: '{"a":1}' });
    await expect(beat.catch(({ code }) => code)).resolves.toEqual(
      expect.toSatisfy((result) => result === 'CONNECTION' || result.deviceId === ID),
    );
    expect(await heartbeat(own, { id: ID, reportedJson: '{"a":2}' })).toMatchObject({ status: 'online' });
    expect(own.redis.stream).not.toBe(stream);
    expect((await readDevice(own, ID)).reportedJson).toBe('{"a":2}');
  });
});

describe('when the answer to the second round is lost', () => {
  /** A fleet whose connection is reset once the server has answered the second round of a heartbeat. */
  async function answerLost(): Promise<{ admin: SingleFleet; own: Fleet }> {
    const admin = await registered();
    const proxy = await useFaultProxy(redis.url);
    const link = createLink({ host: '127.0.0.1', port: Number(new URL(proxy.url).port) }, 600);
    onTestFinished(() => closeConnection(link.client));
    const own = new Fleet(link, { role: 'device', requestTimeout: 600 });
    atSecondRound(proxy, () => {
      proxy.onData = (_flow, _chunk, direction) => {
        if (direction !== 'toClient') return;
        proxy.onData = () => {};
        proxy.reset();
      };
    });
    return { admin, own };
  }

  test('a report is told as unknown', async () => {
    const { admin, own } = await answerLost();
    const error = await failure(heartbeat(own, { id: ID, reportedJson: '{"a":1}' }));
    expect(error).toMatchObject({ code: 'CONNECTION', outcome: 'unknown' });
    expect((await readDevice(admin, ID)).reportedVersion).toBe(1);
  });

  test('a heartbeat without a report is sent again, and does not say whether the device was offline', async () => {
    const { own } = await answerLost();
    expect(await heartbeat(own, { id: ID })).toMatchObject({ status: 'online', wasOffline: null });
  });
});

test('a write that arrives after its time is refused by Redis', async () => {
  const admin = await registered();
  const proxy = await useFaultProxy(redis.url);
  const own = await ownFleet(proxy.url, { requestTimeout: 300 });
  atSecondRound(proxy, () => proxy.set({ swallow: true }, 'toServer'));
  expect(await failure(heartbeat(own, { id: ID, reportedJson: '{"a":1}' }))).toMatchObject({
    code: 'CONNECTION',
  });
  const before = await snapshot(admin.redis);
  expect(before).not.toHaveProperty(admin.only.keys.fence(ID));
  const [flow] = proxy.open;
  proxy.set({ swallow: false }, 'toServer');
  await proxy.until(() => flow?.toServer.passed === flow?.toServer.seen);
  await own.redis.ping(); // Redis has read all that was late
  expect(await snapshot(admin.redis)).toEqual(before);
});

test('a write that was delayed does not undo a later one, which another program made', async () => {
  const admin = await registered();
  const proxy = await useFaultProxy(redis.url);
  const own = await ownFleet(proxy.url);
  let isSeen = false;
  atSecondRound(proxy, () => {
    isSeen = true;
    proxy.set({ swallow: true }, 'toServer');
  });
  const late = heartbeat(own, { id: ID, reportedJson: '{"t":1}' }).catch(() => undefined);
  await until(() => isSeen);
  await heartbeat(await ownFleet(), { id: ID, reportedJson: '{"t":2}' });
  own.redis.disconnect(); // the caller gives up; what is in the path arrives later
  await late;
  proxy.set({ swallow: false }, 'toServer');
  await proxy.until(() => proxy.open.length === 0); // Redis has read it to its end
  expect((await readDevice(admin, ID)).reportedJson).toBe('{"t":2}');
});

test('while Redis is silent each heartbeat fails within its own time', async () => {
  const admin = await registered();
  const proxy = await useFaultProxy(redis.url);
  const own = await ownFleet(proxy.url, { requestTimeout: 200 });
  proxy.set({ swallow: true });
  const begin = performance.now();
  const codes = await Promise.all(
    Array.from({ length: 50 }, () => failure(heartbeat(own, { id: ID })).then(({ code }) => code)),
  );
  expect(new Set(codes)).toEqual(new Set(['CONNECTION']));
  expect(performance.now() - begin).toBeLessThan(1000);
  proxy.set({ swallow: false });
  await until(() =>
    heartbeat(own, { id: ID }).then(
      () => true,
      () => false,
    ),
  );
  expect(await readDevice(admin, ID)).toMatchObject({ status: 'online' });
});

test('a client that resends commands after a reconnection is refused', async () => {
  await registered();
  const client = connectedTo(redis.url, { autoResendUnfulfilledCommands: true });
  expect(
    await failure(heartbeat(new Fleet(new ServerLink(client), { role: 'device' }), { id: ID })),
  ).toMatchObject({
    code: 'USAGE',
    message: 'the role device needs a client with autoResendUnfulfilledCommands: false',
  });
});

describe('with the role device', () => {
  test('every other write is refused before anything is sent', async () => {
    const client = new Redis(redis.url, { lazyConnect: true });
    const fleet = new Fleet(new ServerLink(client), { role: 'device' });
    for (const write of [
      register(fleet, ID, 'lamp'),
      unregister(fleet, ID),
      setDesired(fleet, ID, { a: true }),
      declareFleet(fleet),
      detect(fleet).next(),
      heartbeat(fleet, { id: ID, registerAs: 'lamp' }),
      settle((await fleet.partitions())[0] as never, [ID]),
      fleet.raiseLongestTtl(1e9),
    ])
      expect(await failure(write)).toMatchObject({ code: 'USAGE', reason: 'DEVICE_ROLE' });
    expect(client.status).toBe('wait'); // it has not even connected
  });

  test.each<[options: FleetOptions, message: string]>([
    [
      { partitions: 2 },
      'only the role device takes partitions and historyCap; otherwise the fleet declares them',
    ],
    [
      { historyCap: 2 },
      'only the role device takes partitions and historyCap; otherwise the fleet declares them',
    ],
    [{ role: 'device', partitions: 1025 }, 'partitions must be a whole number from 1 to 1024, not 1025'],
    [{ role: 'device', partitions: 1.5 }, 'partitions must be a whole number from 1 to 1024, not 1.5'],
    [
      { role: 'device', historyCap: -1 },
      'historyCap must be a whole number from 0 to 9007199254740991, not -1',
    ],
  ])('the options %j are refused', (options, message) => {
    expect(() => new Fleet(new ServerLink(new Redis({ lazyConnect: true })), options)).toThrow(message);
  });

  test('the library sends heartbeats of one tick in order', async () => {
    const admin = await registered();
    const manager = new DeviceStateManager(
      { path: redis.server.url.slice('unix://'.length) },
      { role: 'device' },
    );
    onTestFinished(() => manager.close());
    const values = Array.from({ length: 20 }, (_, i) => i);
    await Promise.all(values.map((n) => manager.deviceHeartbeat(ID, { n })));
    expect(await readDevice(admin, ID)).toMatchObject({ reportedJson: '{"n":19}', reportedVersion: 20 });
    expect(await manager.disconnectDevice(ID)).toBe(true);
  });

  test('many heartbeats of a device are applied in order', async () => {
    const admin = await registered();
    const own = await ownFleet();
    const results = await heartbeats(
      own,
      [1, 2, 3].map((n) => ({ id: ID, reportedJson: `{"n":${n}}`, ttl: n < 3 ? 60_000 : 30 })),
    );
    expect(results).toMatchObject([{ wasOffline: true }, { wasOffline: false }, { wasOffline: false }]);
    await expired(admin.only, ID);
    expect((await readDevice(admin, ID)).reportedVersion).toBe(3);
  });
});
