/** How many entries a history keeps: the caps by kind, their defaults, what 0.1 declared, and lists when a cap falls. */
import { describe, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { HISTORY_KINDS, type HistoryKind } from '../../../src/core/model/keyspace.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { cli } from '../../support/cli.js';
import { failure, openFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const devstate = cli(redis);
const OLD_ENTRY = '{"at":1764000000000,"version":1,"value":{}}';

/** Lists of a device as 0.1 may have left them. */
async function fill(fleet: Fleet, id: string, length: number) {
  const { redis: client, keys } = await fleet.partitionFor(id).then((partition) => ({
    redis: partition.connection,
    keys: partition.keys,
  }));
  for (const kind of HISTORY_KINDS)
    await client.rpush(keys.history(kind, id), ...Array.from({ length }, () => OLD_ENTRY));
}

async function lengths(fleet: Fleet, id: string): Promise<number[]> {
  const partition = await fleet.partitionFor(id);
  return Promise.all(
    HISTORY_KINDS.map((kind) => partition.connection.llen(partition.keys.history(kind, id))),
  );
}

async function report(fleet: Fleet, id: string, times: number) {
  for (let n = 0; n < times; n++) await heartbeat(fleet, { id, reportedJson: `{"n":${n}}` });
}

test('a fleet that declares nothing keeps 20 reports', async () => {
  const fleet = await openFleet(redis);
  await register(fleet, 'd1', 'lamp');
  await report(fleet, 'd1', 25);
  expect(await lengths(fleet, 'd1')).toEqual([20, 0, 1]);
});

test('lists of 0.1 in a fleet that declares nothing keep their length, until a cap is declared', async () => {
  const fleet = await openFleet(redis);
  await register(fleet, 'd1', 'lamp');
  await fill(fleet, 'd1', 100);
  await report(fleet, 'd1', 2);
  expect(await lengths(fleet, 'd1')).toEqual([100, 100, 100]);
  expect(await declareFleet(fleet, { hold: 1 })).toMatchObject({ history: { reported: 20 } });
  await report(fleet, 'd1', 2);
  expect(await lengths(fleet, 'd1')).toEqual([100, 100, 100]);
  await declareFleet(fleet, { history: { reported: 20 } });
  expect(await lengths(fleet, 'd1')).toEqual([20, 100, 100]);
});

test('the historyCap of 0.1 holds for each kind that has no cap of its own', async () => {
  const fleet = await openFleet(redis);
  await fleet.redis.hset(fleet.keys.meta, { historyCap: '7', desiredCap: '3' });
  expect((await fleet.settings()).historyCaps).toEqual({ reported: 7, desired: 3, presence: 7 });
  await register(fleet, 'd1', 'lamp');
  await fill(fleet, 'd1', 50);
  await report(fleet, 'd1', 1);
  expect(await lengths(fleet, 'd1')).toEqual([7, 50, 7]);
  expect(await declareFleet(fleet, { history: { presence: 5 } })).toMatchObject({
    history: { reported: 7, desired: 3, presence: 5 },
  });
  expect(await lengths(fleet, 'd1')).toEqual([7, 50, 5]);
  expect(await fleet.redis.hmget(fleet.keys.meta, 'historyCap', 'reportedCap')).toEqual(['7', null]);
});

describe.each([1, 4])('in a fleet of %i partitions', (partitions) => {
  test('declared caps trim the lists of all devices, and 0 deletes them', async () => {
    const opened = await openFleet(redis);
    await declareFleet(opened, { partitions });
    const ids = Array.from({ length: 30 }, (_, i) => `d${i}`);
    for (const id of ids) await register(opened, id, 'lamp');
    for (const id of ids) await fill(opened, id, 30);
    const counts: number[] = [];
    const onProgress = (count: number) => counts.push(count);
    await declareFleet(opened, { history: { reported: 5, presence: 0 }, onProgress });
    for (const id of ids) expect(await lengths(opened, id)).toEqual([5, 30, 0]);
    expect(counts.at(-1)).toBe(30);
    await declareFleet(opened, { history: { reported: 50 } });
    await report(opened, 'd1', 60);
    expect(await lengths(opened, 'd1')).toEqual([50, 30, 0]);
  });
});

test('a history of another Redis type is told, and all others are trimmed', async () => {
  const fleet = await openFleet(redis);
  for (const id of ['d1', 'd2']) {
    await register(fleet, id, 'lamp');
    await fill(fleet, id, 9);
  }
  await fleet.redis.del(fleet.keys.history('reported', 'd1'));
  await fleet.redis.set(fleet.keys.history('reported', 'd1'), 'x');
  const error = await failure(declareFleet(fleet, { history: { reported: 2, desired: 2 } }));
  expect(error).toMatchObject({ code: 'BAD_RECORD' });
  expect(await lengths(fleet, 'd2')).toEqual([2, 2, 9]);
  expect(await fleet.redis.llen(fleet.keys.history('desired', 'd1'))).toBe(2);
});

describe('init', () => {
  test('sets and shows the caps', async () => {
    const set = await devstate.run('init --history reported=50,desired=0 --log-cap 1000');
    expect(set.stdout).toContain('history reported=50 desired=0 presence=100, log 1000\n');
    const shown = await devstate.run('init --json');
    expect(JSON.parse(shown.stdout)).toMatchObject({
      history: { reported: 50, desired: 0, presence: 100 } satisfies Record<HistoryKind, number>,
      logCap: 1000,
    });
  });

  test.each([
    ['--history 50', 'not caps of a history: "50"'],
    ['--history reported', 'not caps of a history: "reported"'],
    ['--history reported=1,reported=2', 'not caps of a history: "reported=1,reported=2"'],
    ['--history other=5', 'not caps of a history: "other=5"'],
    ['--history reported=-1', 'bad count "-1"'],
    ['--history reported=1000001', 'too many entries: 1000001'],
    ['--log-cap 1000000001', 'too many entries: 1000000001'],
  ])('refuses %s', async (options, message) => {
    const { stderr, exit } = await devstate.run(`init ${options}`);
    expect([stderr, exit]).toEqual([expect.stringContaining(message), 2]);
    expect(await (await redis.client()).exists('devices:meta')).toBe(0);
  });
});
