/** What goes wrong is said once, by name, and nothing is half-written. */
import { beforeEach, describe, expect, test } from 'vitest';
import { DevstateError } from '../../../src/core/model/errors.js';
import { disconnect, heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { onlineDevices } from '../../../src/core/query/list.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register, unregister } from '../../../src/core/registry/register.js';
import { delta, setDesired } from '../../../src/core/shadow/desired.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { cut, failure, idsOf, openFleet, snapshot } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

/** A settle whose only verdict is an error fails with it. */
async function settled(fleet: Fleet): Promise<void> {
  const { verdicts } = await settle(fleet, ['d1']);
  if (verdicts[0] instanceof DevstateError) throw verdicts[0];
}

const operations: Record<string, (fleet: Fleet) => Promise<unknown>> = {
  register: (fleet) => register(fleet, 'd1', 'plug', { ttl: 30_000 }),
  heartbeat: (fleet) => heartbeat(fleet, { id: 'd1', reportedJson: '{"on":true}' }),
  merge: (fleet) => heartbeat(fleet, { id: 'd1', patch: { on: true } }),
  settle: settled,
  disconnect: (fleet) => disconnect(fleet, 'd1'),
  'set desired': (fleet) => setDesired(fleet, 'd1', { on: true }),
  unregister: (fleet) => unregister(fleet, 'd1'),
};
const touched: Record<string, string[]> = {
  register: [
    'device:state:d1',
    'devices:registered',
    'devices:types',
    'devices:activity',
    'devices:type:plug',
    'devices:type:lamp',
  ],
  heartbeat: [
    'device:state:d1',
    'devices:online',
    'devices:activity',
    'devices:presence:log',
    'devices:pulse',
    'device:heartbeat:d1',
    'device:history:reported:d1',
    'device:history:presence:d1',
  ],
  merge: [
    'device:state:d1',
    'devices:online',
    'devices:activity',
    'devices:presence:log',
    'devices:pulse',
    'device:heartbeat:d1',
    'device:history:reported:d1',
    'device:history:presence:d1',
  ],
  settle: [
    'device:state:d1',
    'devices:online',
    'devices:activity',
    'devices:presence:log',
    'devices:pulse',
    'device:history:presence:d1',
  ],
  disconnect: [
    'device:state:d1',
    'devices:online',
    'devices:activity',
    'devices:presence:log',
    'devices:pulse',
    'device:history:presence:d1',
  ],
  'set desired': ['device:state:d1', 'device:history:desired:d1'],
  unregister: [
    'device:state:d1',
    'devices:registered',
    'devices:types',
    'devices:online',
    'devices:activity',
    'devices:presence:log',
    'devices:type:lamp',
  ],
};
const cases = Object.entries(touched).flatMap(([name, keys]) =>
  keys.map((key): [string, string] => [name, key]),
);

describe('a key of another type', () => {
  let fleet: Fleet;

  /** Announced online, and lapsed: whatever comes next has something to tell. */
  beforeEach(async () => {
    fleet = await openFleet(redis);
    await register(fleet, 'd1', 'lamp');
    await heartbeat(fleet, { id: 'd1' });
    await cut(fleet, 'd1');
  });

  test.each(cases)('%s: %s is named, and nothing written', async (name, key) => {
    await fleet.redis.del(key);
    await fleet.redis.geoadd(key, 1, 1, 'x'); // a zset is another type for most of them
    if (key === 'devices:activity') await fleet.redis.set(key, 'x');
    const before = await snapshot(fleet.redis);
    const error = await failure(operations[name]?.(fleet) as Promise<unknown>);
    expect(error).toMatchObject({ code: 'BAD_RECORD', hint: expect.stringContaining('rename or delete it') });
    expect(error.message).toMatch(new RegExp(`^${key} holds a`));
    // A detector takes a device that it cannot judge out of the index, where it would be due for ever.
    if (name === 'settle' && key.startsWith('device:')) delete before['devices:activity'];
    expect(await snapshot(fleet.redis)).toEqual(before);
  });

  test.each(Object.keys(operations))('%s: it is named at the script’s first use as well', async (name) => {
    await fleet.redis.script('FLUSH');
    await fleet.redis.set('device:state:d1', 'x');
    expect((await failure(operations[name]?.(fleet) as Promise<unknown>)).message).toMatch(
      /^device:state:d1 holds/,
    );
  });

  test('fails for reads too, but for no other device', async () => {
    await register(fleet, 'd2', 'lamp');
    await heartbeat(fleet, { id: 'd2' });
    await fleet.redis.set('device:state:d1', 'x');
    expect(await failure(readDevice(fleet, 'd1'))).toMatchObject({ code: 'BAD_RECORD' });
    expect(await failure(delta(fleet, 'd1'))).toMatchObject({ code: 'BAD_RECORD' });
    const problems: string[] = [];
    expect(await idsOf(onlineDevices(fleet, { onProblem: ({ id }) => problems.push(id) }))).toEqual(['d2']);
    expect(problems).toEqual(['d1']);
    await fleet.redis.set('devices:online', 'x');
    const lost = await failure(idsOf(onlineDevices(fleet)));
    expect(lost).toMatchObject({
      code: 'BAD_RECORD',
      message: expect.stringMatching(/^devices:online holds/),
    });
  });
});

describe('an unknown device', () => {
  test.each(Object.entries(operations).filter(([name]) => name !== 'register' && name !== 'settle'))(
    '%s: not found, and nothing written',
    async (_name, operation) => {
      const fleet = await openFleet(redis);
      expect(await failure(operation(fleet))).toMatchObject({
        code: 'NOT_FOUND',
        message: 'device "d1" is not registered',
        hint: 'devstate register ID --type TYPE',
      });
      expect(await snapshot(fleet.redis)).toEqual({});
    },
  );

  test('get and delta: not found', async () => {
    const fleet = await openFleet(redis);
    expect(await failure(readDevice(fleet, 'd1'))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await failure(delta(fleet, 'd1'))).toMatchObject({ code: 'NOT_FOUND' });
  });
});

test.each(['', ' d1', 'd1\u0000', 'd1\n', '-', 'x'.repeat(257)])(
  'no operation takes the id %j',
  async (id) => {
    const fleet = await openFleet(redis);
    const tried = [
      ...[register(fleet, id, 'lamp'), heartbeat(fleet, { id }), heartbeat(fleet, { id, patch: {} })],
      ...[
        disconnect(fleet, id),
        setDesired(fleet, id, {}),
        delta(fleet, id),
        unregister(fleet, id),
        readDevice(fleet, id),
      ],
    ];
    for (const error of await Promise.all(tried.map(failure))) expect(error.code).toBe('USAGE');
    expect(await snapshot(fleet.redis)).toEqual({});
  },
);

test('a record with broken JSON: device and document are named, and nothing written', async () => {
  const fleet = await openFleet(redis);
  await register(fleet, 'd1', 'lamp');
  await fleet.redis.hset('device:state:d1', { desiredState: '{"on":', reportedState: '[1]' });
  const before = await snapshot(fleet.redis);
  expect(await failure(setDesired(fleet, 'd1', { on: true }))).toMatchObject({
    code: 'BAD_RECORD',
    message: expect.stringMatching(/^device "d1": the desired state is broken: .*position 6/),
  });
  expect(await failure(heartbeat(fleet, { id: 'd1', patch: {} }))).toMatchObject({
    code: 'BAD_RECORD',
    message: 'device "d1": the report is broken: a JSON object is due, not an array',
  });
  expect(await failure(delta(fleet, 'd1'))).toMatchObject({ code: 'BAD_RECORD' });
  expect(await snapshot(fleet.redis)).toEqual(before);
  expect(await heartbeats(fleet, [{ id: 'd1', reportedJson: '{}' }])).toMatchObject([{ deviceId: 'd1' }]);
});

test('a desired version that is another one: a conflict, and nothing written', async () => {
  const fleet = await openFleet(redis);
  await register(fleet, 'd1', 'lamp');
  expect(await setDesired(fleet, 'd1', { on: true }, { ifVersion: 0 })).toMatchObject({ version: 1 });
  const before = await snapshot(fleet.redis);
  expect(await failure(setDesired(fleet, 'd1', { on: false }, { ifVersion: 0 }))).toMatchObject({
    code: 'CONFLICT',
    message: 'device "d1" has desired version 1, not 0',
  });
  expect(await snapshot(fleet.redis)).toEqual(before);
});

test('settings that are no settings are named', async () => {
  const fleet = await openFleet(redis);
  await fleet.redis.hset('devices:meta', 'historyCap', 'many');
  expect(await failure(register(fleet, 'd1', 'lamp'))).toMatchObject({
    code: 'BAD_RECORD',
    message: 'devices:meta holds "many" where a number is due',
  });
  await fleet.redis.hset('devices:meta', { historyCap: '7', dialect: 'python' });
  expect(await failure((await openFleet(redis, { dialect: 'node' })).settings())).toMatchObject({
    code: 'USAGE',
  });
  expect(await fleet.settings()).toMatchObject({ historyCap: 7, dialect: 'python' });
});

test('a permission that is missing is named', async () => {
  const admin = await openFleet(redis);
  await register(admin, 'd1', 'lamp');
  await admin.redis.call('ACL', 'SETUSER', 'reader', 'reset', 'on', '>secret', '~*', '+@all', '-pttl');
  const fleet = await openFleet(redis, {}, { username: 'reader', password: 'secret' });
  expect(await failure(readDevice(fleet, 'd1'))).toMatchObject({
    code: 'CONNECTION',
    message: expect.stringMatching(/^permission refused: .*pttl/),
  });
});

test('a read-only fleet sends no write', async () => {
  const writer = await openFleet(redis);
  await register(writer, 'd1', 'lamp');
  const fleet = await openFleet(redis, { readOnly: true });
  await fleet.redis.config('RESETSTAT');
  for (const operation of Object.values(operations)) {
    expect(await failure(operation(fleet))).toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('read-only'),
    });
  }
  const stats = await fleet.redis.info('commandstats');
  const sent = [...stats.matchAll(/^cmdstat_(\w+)/gm)].map(([, command]) => command);
  expect(
    sent.filter(
      (command) => !['hmget', 'pttl', 'time', 'srandmember', 'hexists', 'config'].includes(command ?? ''),
    ),
  ).toEqual([]);
  expect(await readDevice(fleet, 'd1')).toMatchObject({ deviceType: 'lamp' });
});
