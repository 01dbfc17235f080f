/** What a fleet says of itself, and how long it is believed. */
import { describe, expect, it } from 'vitest';
import { parseJsonObject } from '../../../src/core/model/json.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { listDevices, onlineDevices } from '../../../src/core/query/list.js';
import { readDevice, readWholeDevices } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { articleProgram } from '../../support/article.js';
import { allOf, failure, failures, openFleet, snapshot } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

it('an empty fleet takes the dialect of whoever registers first, also in a process that looked before', async () => {
  const fleet = await openFleet(redis);
  expect((await fleet.settings()).dialect).toBe('node');
  await articleProgram(fleet.redis, 'python').register('d1', 'meter');
  await register(fleet, 'd2', 'meter');
  expect(await fleet.redis.hget('device:state:d2', 'device_id')).toBe('d2');
});

it('a record without an id field says nothing of the dialect', async () => {
  const fleet = await openFleet(redis);
  await fleet.redis.sadd(fleet.keys.registered, 'early');
  await fleet.redis.hset(fleet.keys.state('early'), 'status', 'online');
  expect((await fleet.settings()).dialect).toBe('node');
  await fleet.redis.hset(fleet.keys.state('early'), 'device_id', 'early');
  expect((await fleet.settings()).dialect).toBe('python');
});

describe('a dialect that is asked for', () => {
  const asked = (dialect: 'node' | 'python') => openFleet(redis, { dialect });
  const records = async (dialect: 'node' | 'python', ...ids: string[]) => {
    const program = articleProgram((await openFleet(redis)).redis, dialect);
    for (const id of ids) await program.register(id, 'meter');
  };

  it('is refused where all records are of the other one, before anything is written', async () => {
    await records('node', 'd1', 'd2');
    const fleet = await asked('python');
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

  it('is taken where some records are of it, or none is there', async () => {
    expect((await (await asked('python')).settings()).dialect).toBe('python');
    await records('node', 'd1', 'd2');
    await records('python', 'd3');
    expect((await (await asked('python')).settings()).dialect).toBe('python');
    expect((await (await asked('node')).settings()).dialect).toBe('node');
  });

  it('is, where none is, that of the most records', async () => {
    await records('python', 'd1', 'd2', 'd3');
    await records('node', 'd4', 'd5');
    expect((await (await openFleet(redis)).settings()).dialect).toBe('python');
    await records('node', 'd6', 'd7');
    expect((await (await openFleet(redis)).settings()).dialect).toBe('node');
  });
});

it('a dialect that there is not is a broken record', async () => {
  const fleet = await openFleet(redis);
  await fleet.redis.hset(fleet.keys.meta, 'dialect', 'ruby');
  expect(await failure(fleet.settings())).toMatchObject({ code: 'BAD_RECORD' });
});

it('a desired document in another order of keys changes nothing, other digits do', async () => {
  const fleet = await openFleet(redis);
  await register(fleet, 'd1', 'meter');
  await setDesired(fleet, 'd1', parseJsonObject('{"a":1,"b":{"c":0.10}}'));
  const reordered = parseJsonObject('{"b":{"c":0.10},"a":1}');
  expect(await setDesired(fleet, 'd1', reordered, { replace: true })).toMatchObject({
    changed: false,
    version: 1,
  });
  expect(await setDesired(fleet, 'd1', parseJsonObject('{"a":1.0}'))).toMatchObject({
    changed: true,
    version: 2,
  });
});

it('a refused command notes no TTL', async () => {
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

it('a record in both dialects is read in the fleet’s, alone or in a list', async () => {
  const fleet = await openFleet(redis);
  await fleet.redis.hset(fleet.keys.meta, 'dialect', 'python');
  await fleet.redis.sadd(fleet.keys.registered, 'd1');
  await fleet.redis.hset(fleet.keys.state('d1'), {
    ...{ deviceId: 'd1', deviceType: 'node type', device_id: 'd1', device_type: 'python type' },
  });
  expect(await readDevice(fleet, 'd1')).toMatchObject({ deviceType: 'python type' });
  expect(await readWholeDevices(fleet, ['d1'])).toMatchObject([{ deviceType: 'python type' }]);
});
