/**
 * A fleet whose devices have logins of their own: detectors find devices that come back without telling anyone, and what
 * a device writes into its own keys harms nobody else.
 */
import { describe, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { listDevices } from '../../../src/core/query/list.js';
import { readDevice, readDevices } from '../../../src/core/query/read-devices.js';
import { register, registerAll } from '../../../src/core/registry/register.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import { Fleet } from '../../../src/core/store/fleet.js';
import { SET_DESIRED } from '../../../src/core/store/scripts.js';
import { ServerLink } from '../../../src/redis/server-link.js';
import { describeIfAble } from '../../support/abilities.js';
import { articleProgram } from '../../support/article.mjs';
import { cli } from '../../support/cli.js';
import { openDetector } from '../../support/detector.js';
import {
  allOf,
  failure,
  listen,
  numberedIds,
  openFleet,
  type SingleFleet,
  scoreOf,
  serverNow,
  snapshot,
  storyOf,
  until,
} from '../../support/fleet.js';
import { pulseText } from '../../support/hold/pulse.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis({ port: true });
const SEQ_2_53 = '0 0 0 0 9007199254740993 1 0';

async function withLogins(...ids: string[]): Promise<SingleFleet> {
  const fleet = await openFleet(redis);
  await declareFleet(fleet, { deviceLogins: true });
  await registerAll(
    fleet,
    ids.map((id) => ({ id, type: 'lamp' })),
  );
  return fleet;
}

async function device(): Promise<Fleet> {
  const client = await redis.client({ autoResendUnfulfilledCommands: false });
  return new Fleet(new ServerLink(client), { role: 'device' });
}

describe('a detector', () => {
  test.each(['deadline', 'poll', 'keyspace'] as const)(
    'of the strategy %s finds returns',
    async (strategy) => {
      const fleet = await withLogins('d1', ...numberedIds(450));
      const detector = await openDetector(fleet, { strategy });
      const own = await device();
      await heartbeat(own, { id: 'd1' });
      await heartbeat(own, { id: 'd449' });
      const events = await detector.first(2);
      expect(events.map(({ deviceId, status, reason }) => [deviceId, status, reason]).sort()).toEqual([
        ['d1', 'online', 'observed'],
        ['d449', 'online', 'observed'],
      ]);
      await heartbeat(own, { id: 'd1', ttl: 50 });
      await until(
        async () =>
          (await storyOf(fleet.only, 'd1')).length >= 2 || (await settle(fleet.only, ['d1'])) === undefined,
      );
    },
  );

  test('looks for returns only where devices have logins of their own', async () => {
    const fleet = await openFleet(redis);
    await declareFleet(fleet);
    await registerAll(fleet, [{ id: 'd1', type: 'lamp' }]);
    await fleet.redis.config('RESETSTAT');
    const detector = await openDetector(fleet);
    await until(async () =>
      /cmdstat_zrangebyscore:calls=([3-9]|\d\d)/.test(await fleet.redis.info('commandstats')),
    );
    expect(await fleet.redis.info('commandstats')).not.toMatch(/cmdstat_exists|cmdstat_zrange:/);
    await detector.stop();
  });

  test('settles a device that comes and goes less and less often', async () => {
    const fleet = await withLogins('flaps', 'steady');
    const detector = await openDetector(fleet);
    const { keys } = fleet.only;
    const end = performance.now() + 6000;
    // Comes back at once whenever it was found, which is faster than a detector looks.
    while (performance.now() < end) {
      await fleet.redis.set(keys.heartbeat('flaps'), '1', 'PX', 150);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const returns = detector.events.filter(({ status }) => status === 'online').length;
    expect(returns).toBeGreaterThan(0);
    expect(returns).toBeLessThanOrEqual(3); // at most after 0, 1 and 3 s
    await heartbeat(await device(), { id: 'steady' });
    await until(() => detector.events.some(({ deviceId }) => deviceId === 'steady'));
  });
});

describe('a pause after a return', () => {
  test.each(['deadline', 'poll', 'keyspace'] as const)(
    'delays no expiry with the strategy %s',
    async (strategy) => {
      const fleet = await withLogins('d1');
      const detector = await openDetector(fleet, { strategy, interval: 100 });
      for (let lapse = 1; lapse <= 3; lapse++) {
        await heartbeat(fleet, { id: 'd1', ttl: 300 });
        const [event] = (await detector.first(lapse)).slice(-1);
        expect(event).toMatchObject({ status: 'offline', reason: 'timeout' });
        expect((await serverNow(fleet.redis)) - (event?.timestamp ?? 0)).toBeLessThan(900);
      }
    },
  );

  test('does not keep a device that returned from being told offline', async () => {
    const fleet = await withLogins('d1');
    await fleet.redis.set(fleet.only.keys.pulse, pulseText({})); // without one, devices not seen since are held
    const detector = await openDetector(fleet, { strategy: 'keyspace' });
    await fleet.redis.set(fleet.only.keys.heartbeat('d1'), '1', 'PX', 1500);
    const events = await detector.first(2);
    expect(events.map(({ status }) => status)).toEqual(['online', 'offline']);
    expect((await serverNow(fleet.redis)) - (events[1]?.timestamp ?? 0)).toBeLessThan(900);
  });
});

describe('a script that reads a record', () => {
  const attempts: [name: string, field: string, run: (fleet: SingleFleet) => Promise<unknown>][] = [
    ['heartbeat', 'deviceType', (fleet) => heartbeat(fleet, { id: 'd1' })],
    ['heartbeat', 'deviceId', (fleet) => heartbeat(fleet, { id: 'd1' })],
    ['heartbeat', 'devstate', (fleet) => heartbeat(fleet, { id: 'd1' })],
    ['heartbeat', 'reportedState', (fleet) => heartbeat(fleet, { id: 'd1', reportedJson: '{"a":1}' })],
    ['disconnect', 'deviceType', (fleet) => disconnect(fleet, 'd1')],
    ['register', 'deviceType', (fleet) => register(fleet, 'd1', 'lamp')],
    ['register', 'metadata', (fleet) => register(fleet, 'd1', 'lamp')],
    [
      'set_desired',
      'desiredState',
      (fleet) =>
        fleet.only.run(SET_DESIRED, {}, [
          { id: 'd1', expectedVersion: 0, expectedText: '{}', desired: '{"a":1}', patch: '{"a":1}' },
        ]),
    ],
  ];

  test.each(attempts)('%s reads no field %s that is too large', async (_, field, run) => {
    const fleet = await withLogins('d1', 'd2');
    const { keys } = fleet.only;
    await fleet.redis.set(keys.heartbeat('d1'), '1', 'PX', 60_000);
    await fleet.redis.hset(keys.state('d1'), field, 'x'.repeat(2_000_000));
    const { heard, settled } = await listen(redis);
    expect(await failure(run(fleet))).toMatchObject({ code: 'BAD_RECORD', reason: 'OVERSIZE_FIELD' });
    expect(await fleet.redis.exists(keys.log)).toBe(0);
    await settled();
    expect(heard).toEqual([]);
    await heartbeat(fleet, { id: 'd2' });
  });

  test('announces a long type of another program as none, where devices have no logins', async () => {
    const fleet = await openFleet(redis);
    const { keys } = fleet.only;
    await register(fleet, 'd1', 'lamp');
    await register(fleet, 'd2', 'lamp');
    for (const id of ['d1', 'd2']) await fleet.redis.hset(keys.state(id), 'deviceType', 'x'.repeat(257));
    const { heard, settled } = await listen(redis);
    await heartbeat(fleet, { id: 'd1' });
    await fleet.redis.set(keys.heartbeat('d2'), '1', 'PX', 60_000);
    expect((await settle(fleet.only, ['d2'])).events).toMatchObject([{ deviceType: null }]);
    const [entry] = await fleet.redis.xrange(keys.log, '-', '+');
    expect(entry?.[1]).toEqual(expect.arrayContaining(['deviceType', '']));
    await settled();
    expect(heard).toHaveLength(2);
    for (const [, message] of heard) expect(message).toContain('"deviceType":""');
  });
});

describe('settle', () => {
  test('takes a device for registered by the index, not by the record that it writes itself', async () => {
    const fleet = await withLogins('d1');
    const { keys } = fleet.only;
    await unregister(fleet, 'd1');
    await fleet.redis.hset(keys.state('d1'), 'deviceId', 'd1', 'deviceType', 'lamp');
    await fleet.redis.set(keys.heartbeat('d1'), '1');
    expect((await settle(fleet.only, ['d1'])).verdicts).toEqual(['stray']);
    expect(await fleet.redis.exists(keys.log)).toBe(0);
    expect(await scoreOf(fleet.only, 'd1')).toBeNull();
    expect(await fleet.redis.sismember(keys.online, 'd1')).toBe(0);
  });

  test('reads no field that is too large, and keeps the device', async () => {
    const fleet = await withLogins('d1', 'd2');
    const { keys } = fleet.only;
    await fleet.redis.hset(keys.state('d1'), 'deviceType', 'x'.repeat(2_000_000));
    await heartbeat(fleet, { id: 'd2' });
    const { verdicts } = await settle(fleet.only, ['d1', 'd2']);
    expect(verdicts).toMatchObject([
      {
        code: 'BAD_RECORD',
        reason: 'OVERSIZE_FIELD',
        message: 'device "d1": the field deviceType of its record is too large: 2000000 bytes',
      },
      'online',
    ]);
    expect(await scoreOf(fleet.only, 'd1')).toBe(0);
    await fleet.redis.hset(keys.state('d1'), 'deviceType', 'lamp');
    expect((await settle(fleet.only, ['d1'])).verdicts).toEqual(['offline']);
  });

  test.each<[packed: string, announcements: number]>([
    [SEQ_2_53, 1],
    ['9'.repeat(400), 1],
    ['x', 1],
    ['1 2 3', 1],
    ['-1 0 0 0 1 0 0', 1],
    [`${'1'.repeat(16)} 0 0 0 1 0 0`, 0],
  ])('with the numbers %j a live device is announced at most once', async (packed, announcements) => {
    const fleet = await withLogins('d1');
    const { keys } = fleet.only;
    await fleet.redis.hset(keys.state('d1'), 'devstate', packed);
    await fleet.redis.set(keys.heartbeat('d1'), '1', 'PX', 60_000);
    for (let i = 0; i < 3; i++) await settle(fleet.only, ['d1']);
    expect(await storyOf(fleet.only, 'd1')).toHaveLength(announcements);
    expect((await readDevice(fleet, 'd1')).presenceSeq).toBe(1);
  });

  describeIfAble('redis.acl_check_cmd', 'a script asks before it writes', () => {
    test('a user who may not ask for lengths changes nothing', async () => {
      const admin = await withLogins('d1');
      await admin.redis.set(admin.only.keys.heartbeat('d1'), '1');
      await admin.redis.call('ACL', 'SETUSER', 'old', 'on', '>pw', '~*', '&*', '+@all', '-hstrlen');
      const fleet = await openFleet(redis, {}, { username: 'old', password: 'pw' });
      const before = await snapshot(admin.redis);
      expect(await failure(settle(fleet.only, ['d1']))).toMatchObject({ reason: 'PERMISSION_DENIED' });
      expect(await snapshot(admin.redis)).toEqual(before);
    });
  });

  test('a heartbeat key that expires in the far future harms nobody', async () => {
    const fleet = await withLogins('d1');
    const { keys } = fleet.only;
    await fleet.redis.call('SET', keys.heartbeat('d1'), '1', 'PXAT', '9223372036854775807');
    expect((await settle(fleet.only, ['d1'])).verdicts).toEqual(['online']);
    expect(await scoreOf(fleet.only, 'd1')).toBe(9007199254740991);
    expect((await fleet.settings()).longestTtl).toBe(60_000);
  });

  test('takes no heartbeat of a single device for a sign that others can send theirs', async () => {
    const fleet = await withLogins('d1');
    await heartbeat(await device(), { id: 'd1' });
    const now = await serverNow(fleet.redis);
    const pulse = pulseText({ last: now - 5000, id: 'd1' });
    await fleet.redis.set(fleet.only.keys.pulse, pulse);
    await fleet.redis.zadd(fleet.only.keys.activity, now - 1, 'd1');
    await settle(fleet.only, ['d1']);
    expect(await fleet.redis.get(fleet.only.keys.pulse)).toBe(pulse);
  });
});

describe('queries', () => {
  test.each(['type', 'report', 'metadata'])('a %s that is too large is that device’s error', async (what) => {
    const fleet = await withLogins('d1', 'd2');
    const field = { type: 'deviceType', report: 'reportedState', metadata: 'metadata' }[what] as string;
    const text = what === 'type' ? 'x'.repeat(1025) : JSON.stringify({ a: 'x'.repeat(1_100_000) });
    await fleet.redis.hset(fleet.only.keys.state('d1'), field, text);
    expect(await failure(readDevice(fleet, 'd1'))).toMatchObject({
      code: 'BAD_RECORD',
      reason: 'OVERSIZE_FIELD',
    });
    const devstate = cli(redis);
    const { exit, stdout, stderr } = await devstate.run('list --with-state -o ndjson');
    expect({ exit, ids: stdout.match(/"deviceId":"\w+"/g) }).toEqual({ exit: 7, ids: ['"deviceId":"d2"'] });
    expect(stderr).toContain('is too large');
    await fleet.redis.hset(fleet.only.keys.state('d1'), field, what === 'type' ? 'lamp' : '{}');
    expect(await allOf(listDevices(fleet))).toHaveLength(2);
  });
});

describe('a user who may not read one device', () => {
  test('reads the others', async () => {
    const admin = await withLogins('d1', 'd2');
    const { keys } = admin.only;
    const allowed = [keys.state('d1'), keys.heartbeat('d1'), keys.registered, keys.meta].map(
      (key) => `~${key}`,
    );
    await admin.redis.call('ACL', 'SETUSER', 'some', 'on', '>pw', ...allowed, '+@all');
    const fleet = await openFleet(redis, {}, { username: 'some', password: 'pw' });
    const readings = await readDevices(fleet, ['d1', 'd2'], ['type']);
    expect(readings).toMatchObject([
      { device: { deviceType: 'lamp' } },
      { error: { reason: 'DEVICE_DENIED' } },
    ]);
  });
});

describe('declareFleet', () => {
  test('indexes the devices that another program registered', async () => {
    const fleet = await openFleet(redis);
    const article = articleProgram(await redis.client(), 'node');
    await article.register('d1', 'lamp');
    expect(await scoreOf(fleet.only, 'd1')).toBeNull();
    expect(await declareFleet(fleet, { deviceLogins: true })).toMatchObject({
      deviceLogins: true,
      writers: 'shared',
    });
    expect(await scoreOf(fleet.only, 'd1')).toBe(0);
    expect(await declareFleet(fleet)).toMatchObject({ deviceLogins: true });
    await article.register('d2', 'lamp');
    expect((await settle(fleet.only, ['d2'])).verdicts).toEqual(['stray']);
    await declareFleet(fleet, { deviceLogins: true });
    expect((await settle(fleet.only, ['d2'])).verdicts).toEqual(['offline']);
    await article.register('d3', 'lamp');
    await declareFleet(fleet, { deviceLogins: false, writers: 'exclusive' });
    expect(await scoreOf(fleet.only, 'd3')).toBe(0);
  });

  test('refuses device logins on an exclusive fleet', async () => {
    const fleet = await openFleet(redis);
    await declareFleet(fleet, { writers: 'exclusive' });
    expect(await failure(declareFleet(fleet, { deviceLogins: true }))).toMatchObject({ code: 'USAGE' });
    await declareFleet(fleet, { deviceLogins: true, writers: 'shared' });
    expect(await failure(declareFleet(fleet, { writers: 'exclusive' }))).toMatchObject({ code: 'USAGE' });
  });

  test('the command line declares, shows and takes back', async () => {
    const devstate = cli(redis);
    expect((await devstate.run('init --device-logins')).stdout).toBe(
      'layout version 1, one partition, dialect node, shared writers, device logins, hold 2, history reported=20 desired=100 presence=100, log 100000\n',
    );
    expect(await devstate.json('init')).toMatchObject({ deviceLogins: true });
    expect((await devstate.run('init --no-device-logins')).stdout).not.toContain('logins');
  });

  test.each(['1025', '9007199254740991', '1e9'])(
    'a number of partitions of %s is not believed',
    async (partitions) => {
      const fleet = await openFleet(redis);
      await fleet.redis.hset('devices:meta', 'partitions', partitions);
      expect(await failure(register(fleet, 'd1', 'lamp'))).toMatchObject({ code: 'BAD_RECORD' });
    },
  );
});
