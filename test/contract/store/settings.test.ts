/** The settings of a fleet (dialect, writers, longest TTL): how they are found, and how long they are cached. */
import { describe, expect, it } from 'vitest';
import { parseJsonObject } from '../../../src/core/model/json.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { listDevices, onlineDevices } from '../../../src/core/query/list.js';
import { readDevice, readWholeDevices } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { articleProgram } from '../../support/article.mjs';
import { allOf, failure, failures, openFleet, snapshot } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

it('an empty fleet gets the dialect of the first record, also in a process that read the settings before', async () => {
  const fleet = await openFleet(redis);
  expect((await fleet.settings()).dialect).toBe('node');
  await articleProgram(fleet.redis, 'python').register('d1', 'meter');
  await register(fleet, 'd2', 'meter');
  expect(await fleet.redis.hget('device:state:d2', 'device_id')).toBe('d2');
});

it('a record without an id field does not decide the dialect', async () => {
  const fleet = await openFleet(redis);
  await fleet.redis.sadd(fleet.keys.registered, 'early');
  await fleet.redis.hset(fleet.keys.state('early'), 'status', 'online');
  expect((await fleet.settings()).dialect).toBe('node');
  await fleet.redis.hset(fleet.keys.state('early'), 'device_id', 'early');
  expect((await fleet.settings()).dialect).toBe('python');
});

describe('the dialect option', () => {
  const openWith = (dialect: 'node' | 'python') => openFleet(redis, { dialect });
  const registerByArticle = async (dialect: 'node' | 'python', ...ids: string[]) => {
    const program = articleProgram((await openFleet(redis)).redis, dialect);
    for (const id of ids) await program.register(id, 'meter');
  };

  it('is refused before any write, when all records have the other dialect', async () => {
    await registerByArticle('node', 'd1', 'd2');
    const fleet = await openWith('python');
    await articleProgram(fleet.redis, 'node').heartbeat('d1');
    const before = await snapshot(fleet.redis);
    const errors = await failures(
      fleet.settings(),
      register(fleet, 'd3', 'meter'),
      heartbeat(fleet, { id: 'd1' }),
      setDesired(fleet, 'd1', { on: true }),
      readDevice(fleet, 'd1'),
      allOf(listDevices(fleet)),
      allOf(onlineDevices(fleet, { order: 'id' })),
    );
    for (const error of errors)
      expect(error).toMatchObject({ code: 'USAGE', message: "this fleet's dialect is node, not python" });
    expect(await snapshot(fleet.redis)).toEqual(before);
  });

  it('is used, when some records have it or there are none', async () => {
    expect((await (await openWith('python')).settings()).dialect).toBe('python');
    await registerByArticle('node', 'd1', 'd2');
    await registerByArticle('python', 'd3');
    expect((await (await openWith('python')).settings()).dialect).toBe('python');
    expect((await (await openWith('node')).settings()).dialect).toBe('node');
  });

  it('defaults to the dialect of most records', async () => {
    await registerByArticle('python', 'd1', 'd2', 'd3');
    await registerByArticle('node', 'd4', 'd5');
    expect((await (await openFleet(redis)).settings()).dialect).toBe('python');
    await registerByArticle('node', 'd6', 'd7');
    expect((await (await openFleet(redis)).settings()).dialect).toBe('node');
  });
});

it('an unknown stored dialect is a BAD_RECORD', async () => {
  const fleet = await openFleet(redis);
  await fleet.redis.hset(fleet.keys.meta, 'dialect', 'ruby');
  expect(await failure(fleet.settings())).toMatchObject({ code: 'BAD_RECORD' });
});

it('setDesired ignores the order of keys and how numbers are written', async () => {
  const fleet = await openFleet(redis);
  await register(fleet, 'd1', 'meter');
  await setDesired(fleet, 'd1', parseJsonObject('{"a":1,"b":{"c":0.10}}'));
  const reordered = parseJsonObject('{"b":{"c":0.10},"a":1}');
  expect(await setDesired(fleet, 'd1', reordered, { replace: true })).toMatchObject({
    changed: false,
    version: 1,
  });
  expect(await setDesired(fleet, 'd1', parseJsonObject('{"a":1.0}'))).toMatchObject({
    changed: false,
    version: 1,
  });
});

it('a refused heartbeat or registration does not raise the longest TTL', async () => {
  const fleet = await openFleet(redis);
  expect(await failure(heartbeat(fleet, { id: 'nobody', ttl: 900_000 }))).toMatchObject({
    code: 'NOT_FOUND',
  });
  await register(fleet, 'd1', 'meter');
  const again = register(fleet, 'd1', 'meter', { ttl: 900_000, onlyIfNew: true });
  expect(await failure(again)).toMatchObject({ code: 'CONFLICT' });
  expect(await fleet.redis.exists(fleet.keys.meta)).toBe(0);
  await heartbeat(fleet, { id: 'd1', ttl: 900_000 });
  expect(await fleet.redis.hget(fleet.keys.meta, 'longestTtl')).toBe('900000');
});

it('a record with fields of both dialects is read in the fleet’s dialect', async () => {
  const fleet = await openFleet(redis);
  await fleet.redis.hset(fleet.keys.meta, 'dialect', 'python');
  await fleet.redis.sadd(fleet.keys.registered, 'd1');
  await fleet.redis.hset(fleet.keys.state('d1'), {
    deviceId: 'd1',
    deviceType: 'node type',
    device_id: 'd1',
    device_type: 'python type',
  });
  expect(await readDevice(fleet, 'd1')).toMatchObject({ deviceType: 'python type' });
  expect(await readWholeDevices(fleet, ['d1'])).toMatchObject([{ deviceType: 'python type' }]);
});
