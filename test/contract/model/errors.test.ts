/** Failed operations: the error code, the key or device that the message names, and that nothing is written. */
import { beforeEach, describe, expect, test } from 'vitest';
import { DevstateError } from '../../../src/core/model/errors.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { onlineDevices } from '../../../src/core/query/list.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import { delta } from '../../../src/core/shadow/delta.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { cut, failure, idsOf, openFleet, type SingleFleet, snapshot } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

/** Settles d1, and throws its verdict when that is an error. */
async function settleOrThrow(fleet: SingleFleet): Promise<void> {
  const { verdicts } = await settle(fleet.only, ['d1']);
  if (verdicts[0] instanceof DevstateError) throw verdicts[0];
}

const operations: Record<string, (fleet: SingleFleet) => Promise<unknown>> = {
  register: (fleet) => register(fleet, 'd1', 'plug', { ttl: 30_000 }),
  heartbeat: (fleet) => heartbeat(fleet, { id: 'd1', reportedJson: '{"on":true}' }),
  merge: (fleet) => heartbeat(fleet, { id: 'd1', patch: { on: true } }),
  settle: settleOrThrow,
  disconnect: (fleet) => disconnect(fleet, 'd1'),
  'set desired': (fleet) => setDesired(fleet, 'd1', { on: true }),
  unregister: (fleet) => unregister(fleet, 'd1'),
};
/** The keys that any change of a device's presence writes. */
const PRESENCE_KEYS = [
  'device:state:d1',
  'devices:online',
  'devices:activity',
  'devices:presence:log',
  'devices:pulse',
  'device:history:presence:d1',
];
const HEARTBEAT_KEYS = [...PRESENCE_KEYS, 'device:heartbeat:d1', 'device:history:reported:d1'];
const keysOf: Record<string, string[]> = {
  register: [
    'device:state:d1',
    'devices:registered',
    'devices:types',
    'devices:activity',
    'devices:type:plug',
    'devices:type:lamp',
  ],
  heartbeat: HEARTBEAT_KEYS,
  merge: HEARTBEAT_KEYS,
  settle: PRESENCE_KEYS,
  disconnect: PRESENCE_KEYS,
  'set desired': ['device:state:d1', 'device:history:desired:d1'],
  unregister: [
    'devices:registered',
    'devices:types',
    'devices:online',
    'devices:activity',
    'devices:presence:log',
    'devices:type:lamp',
  ],
};
const cases = Object.entries(keysOf).flatMap(([name, keys]) =>
  keys.map((key): [string, string] => [name, key]),
);

describe('a key that holds the wrong Redis type', () => {
  let fleet: SingleFleet;

  /** A device that was announced online and has expired, so that every operation has an event to announce. */
  beforeEach(async () => {
    fleet = await openFleet(redis);
    await register(fleet, 'd1', 'lamp');
    await heartbeat(fleet, { id: 'd1' });
    await cut(fleet, 'd1');
  });

  test.each(cases)('%s fails, the error names %s, and nothing is written', async (name, key) => {
    await fleet.redis.del(key);
    await fleet.redis.geoadd(key, 1, 1, 'x'); // a sorted set is the wrong type for all keys but the index
    if (key === 'devices:activity') await fleet.redis.set(key, 'x');
    const before = await snapshot(fleet.redis);
    const error = await failure(operations[name]?.(fleet) as Promise<unknown>);
    expect(error).toMatchObject({ code: 'BAD_RECORD', reason: 'WRONG_KEY_TYPE' });
    expect(error.message).toMatch(new RegExp(`^${key} holds a`));
    // settle removes a device that it cannot read from the index, because it would be due in every round, and from the
    // set of online devices, because its heartbeat key has expired.
    if (name === 'settle' && key.startsWith('device:'))
      for (const each of ['devices:activity', 'devices:online']) delete before[each];
    expect(await snapshot(fleet.redis)).toEqual(before);
  });

  test.each(Object.keys(operations).filter((name) => name !== 'unregister'))(
    '%s fails in the same way when the script is not loaded yet',
    async (name) => {
      await fleet.redis.script('FLUSH');
      await fleet.redis.set('device:state:d1', 'x');
      expect((await failure(operations[name]?.(fleet) as Promise<unknown>)).message).toMatch(
        /^device:state:d1 holds/,
      );
    },
  );

  test('fails reads of that device only', async () => {
    await register(fleet, 'd2', 'lamp');
    await heartbeat(fleet, { id: 'd2' });
    await fleet.redis.set('device:state:d1', 'x');
    expect(await failure(readDevice(fleet, 'd1'))).toMatchObject({ code: 'BAD_RECORD' });
    expect(await failure(delta(fleet, 'd1'))).toMatchObject({ code: 'BAD_RECORD' });
    const problems: string[] = [];
    expect(await idsOf(onlineDevices(fleet, { onProblem: ({ id }) => problems.push(id) }))).toEqual(['d2']);
    expect(problems).toEqual(['d1']);
    await fleet.redis.set('devices:online', 'x');
    const error = await failure(idsOf(onlineDevices(fleet)));
    expect(error).toMatchObject({
      code: 'BAD_RECORD',
      message: expect.stringMatching(/^devices:online holds/),
    });
  });
});

describe('an unregistered device', () => {
  test.each(Object.entries(operations).filter(([name]) => name !== 'register' && name !== 'settle'))(
    '%s fails with NOT_FOUND, and nothing is written',
    async (_name, operation) => {
      const fleet = await openFleet(redis);
      expect(await failure(operation(fleet))).toMatchObject({
        code: 'NOT_FOUND',
        message: 'device "d1" is not registered',
        reason: 'NOT_REGISTERED',
      });
      expect(await snapshot(fleet.redis)).toEqual({});
    },
  );

  test('readDevice and delta fail with NOT_FOUND', async () => {
    const fleet = await openFleet(redis);
    expect(await failure(readDevice(fleet, 'd1'))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await failure(delta(fleet, 'd1'))).toMatchObject({ code: 'NOT_FOUND' });
  });
});

test.each(['', ' d1', 'd1\u0000', 'd1\n', '-', 'x'.repeat(257)])(
  'every operation refuses the id %j',
  async (id) => {
    const fleet = await openFleet(redis);
    const attempts = [
      register(fleet, id, 'lamp'),
      heartbeat(fleet, { id }),
      heartbeat(fleet, { id, patch: {} }),
      disconnect(fleet, id),
      setDesired(fleet, id, {}),
      delta(fleet, id),
      unregister(fleet, id),
      readDevice(fleet, id),
    ];
    for (const error of await Promise.all(attempts.map(failure))) expect(error.code).toBe('USAGE');
    expect(await snapshot(fleet.redis)).toEqual({});
  },
);

test('a record with broken JSON: the error names device and document, and nothing is written', async () => {
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
    message: 'device "d1": the report is broken: expected a JSON object, not an array',
  });
  expect(await failure(delta(fleet, 'd1'))).toMatchObject({ code: 'BAD_RECORD' });
  expect(await snapshot(fleet.redis)).toEqual(before);
  expect(await heartbeats(fleet, [{ id: 'd1', reportedJson: '{}' }])).toMatchObject([{ deviceId: 'd1' }]);
});

test('setDesired with another version than ifVersion fails with CONFLICT, and nothing is written', async () => {
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

test('an invalid setting is named in the error', async () => {
  const fleet = await openFleet(redis);
  await fleet.redis.hset('devices:meta', 'historyCap', 'many');
  expect(await failure(register(fleet, 'd1', 'lamp'))).toMatchObject({
    code: 'BAD_RECORD',
    message: 'devices:meta holds "many" instead of a number',
  });
  await fleet.redis.hset('devices:meta', { historyCap: '7', dialect: 'python' });
  expect(await failure((await openFleet(redis, { dialect: 'node' })).settings())).toMatchObject({
    code: 'USAGE',
  });
  expect(await fleet.settings()).toMatchObject({
    historyCaps: { reported: 7, desired: 7, presence: 7 },
    dialect: 'python',
  });
});

test('a missing permission is named in the error', async () => {
  const admin = await openFleet(redis);
  await register(admin, 'd1', 'lamp');
  await admin.redis.call('ACL', 'SETUSER', 'reader', 'reset', 'on', '>secret', '~*', '+@all', '-pttl');
  const fleet = await openFleet(redis, {}, { username: 'reader', password: 'secret' });
  expect(await failure(readDevice(fleet, 'd1'))).toMatchObject({
    code: 'CONNECTION',
    message: expect.stringMatching(/^permission refused: .*PTTL/),
  });
});

test('a read-only fleet refuses changes, and sends no write command', async () => {
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
