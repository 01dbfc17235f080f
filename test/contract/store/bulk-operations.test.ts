/**
 * Operations on many devices in one call: each item succeeds or fails by itself, results are in the order of
 * the items, and Redis holds the same as after one call per item.
 */

import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ItemResult } from '../../../src/core/async/item-results.js';
import { DevstateError } from '../../../src/core/model/errors.js';
import type { Heartbeat } from '../../../src/core/model/heartbeat.js';
import { type JsonObject, parseJsonObject } from '../../../src/core/model/json.js';
import { disconnectAll } from '../../../src/core/presence/disconnect.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { readDevice, readWholeDevices } from '../../../src/core/query/read-devices.js';
import { register, registerAll } from '../../../src/core/registry/register.js';
import type { Registrant } from '../../../src/core/registry/registration.js';
import { unregisterAll } from '../../../src/core/registry/unregister.js';
import { MAX_DEVICES_PER_SCRIPT } from '../../../src/core/store/scripts.js';
import { entriesOf, logOf, openFleet, SingleFleet, serverNow, storyOf } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis);
});

/** For each result its error code, or `done`. */
const codes = (results: readonly ItemResult<unknown>[]) =>
  results.map((result) => (result instanceof DevstateError ? result.code : 'done'));

/** Registers devices, and leaves a broken report and a state key of the wrong type. */
async function seedWithBrokenRecords(): Promise<void> {
  await registerAll(
    fleet,
    ['a', 'b', 'broken'].map((id) => ({ id, type: 'lamp' })),
  );
  await fleet.redis.hset(fleet.keys.state('broken'), 'reportedState', '{');
  await fleet.redis.set(fleet.keys.state('wrong'), 'x');
}

describe('items that fail among items that succeed', () => {
  beforeEach(seedWithBrokenRecords);
  const IDS = ['a', 'nobody', '', 'wrong', 'b\n', 'broken', 'b'];

  test('heartbeats with a merged report', async () => {
    const beats = IDS.map((id) => ({ id, patch: { on: true } }));
    const results = await heartbeats(fleet, beats);
    const expected = ['done', 'NOT_FOUND', 'USAGE', 'BAD_RECORD', 'USAGE', 'BAD_RECORD', 'done'];
    expect(codes(results)).toEqual(expected);
    expect(results[0]).toMatchObject({ deviceId: 'a', wasOffline: true });
    expect(results[1]).toMatchObject({ message: 'device "nobody" is not registered' });
    expect(results[3]).toMatchObject({ message: 'device:state:wrong holds a string, not a hash' });
    expect(results[5]).toMatchObject({ message: expect.stringMatching(/^device "broken": the report is/) });
    expect((await logOf(fleet)).map(({ deviceId }) => deviceId)).toEqual(['a', 'b']);
  });

  test('heartbeats without a report ignore a broken stored report', async () => {
    const results = await heartbeats(
      fleet,
      IDS.map((id) => ({ id })),
    );
    const expected = ['done', 'NOT_FOUND', 'USAGE', 'BAD_RECORD', 'USAGE', 'done', 'done'];
    expect(codes(results)).toEqual(expected);
  });

  test('registrations', async () => {
    await fleet.redis.set(fleet.keys.type('taken'), 'x');
    const results = await registerAll(fleet, [
      ...IDS.map((id) => ({ id, type: 'plug' })),
      { id: 'c', type: 'taken' },
      { id: 'c', type: ' plug' },
      { id: 'c', type: 'plug', ttl: 0 },
      { id: 'c', type: 'plug' },
    ]);
    expect(codes(results)).toEqual([
      'done',
      'done',
      'USAGE',
      'BAD_RECORD',
      'USAGE',
      'done',
      'done',
      'BAD_RECORD',
      'USAGE',
      'USAGE',
      'done',
    ]);
    expect(results[7]).toMatchObject({ message: 'devices:type:taken holds a string, not a set' });
    expect(results[10]).toMatchObject({ deviceId: 'c', created: true });
    const again = await registerAll(
      fleet,
      [
        { id: 'd', type: 'plug' },
        { id: 'c', type: 'lamp' },
      ],
      true,
    );
    expect(codes(again)).toEqual(['done', 'CONFLICT']);
    expect((await readDevice(fleet, 'c')).deviceType).toBe('plug');
  });

  test('disconnects', async () => {
    await heartbeats(fleet, [{ id: 'b' }]);
    const results = await disconnectAll(fleet, IDS);
    const [a, , , , , broken, b] = results;
    expect([a, broken, b]).toEqual([false, false, true]);
    const expected = ['done', 'NOT_FOUND', 'USAGE', 'BAD_RECORD', 'USAGE', 'done', 'done'];
    expect(codes(results)).toEqual(expected);
  });

  test('reads and unregistrations', async () => {
    const results = await readWholeDevices(fleet, IDS);
    const expected = ['done', 'NOT_FOUND', 'USAGE', 'BAD_RECORD', 'USAGE', 'done', 'done'];
    expect(codes(results)).toEqual(expected);
    expect(codes(await unregisterAll(fleet, IDS))).toEqual(expected);
    expect(await fleet.redis.smembers(fleet.keys.registered)).toEqual([]);
    expect(await fleet.redis.exists(fleet.keys.types)).toBe(0);
  });

  test('an empty list gives an empty result', async () => {
    expect(
      await Promise.all([heartbeats(fleet, []), registerAll(fleet, []), readWholeDevices(fleet, [])]),
    ).toEqual([[], [], []]);
    expect(await Promise.all([disconnectAll(fleet, []), unregisterAll(fleet, [])])).toEqual([[], []]);
  });
});

describe('the same device several times in one call', () => {
  test('reports, merges and heartbeats without a report apply in order', async () => {
    await register(fleet, 'a', 'lamp');
    const results = await heartbeats(fleet, [
      { id: 'a', reportedJson: '{"n":1}' },
      { id: 'a', patch: { m: 'x' } },
      { id: 'a' },
      { id: 'a', patch: { m: null } },
      { id: 'a', patch: { last: true } },
    ]);
    expect(codes(results)).toEqual(Array(5).fill('done'));
    const device = await readDevice(fleet, 'a');
    expect(device).toMatchObject({ reportedJson: '{"n":1,"last":true}', reportedVersion: 4 });
    const history = (await entriesOf(fleet, 'reported', 'a')).map((entry) => entry.value);
    expect(history).toEqual([{ n: 1 }, { n: 1, m: 'x' }, { n: 1 }, { n: 1, last: true }]);
  });

  test('reports apply in order, when another device in the call has a merge', async () => {
    const count = MAX_DEVICES_PER_SCRIPT + 1;
    await registerAll(
      fleet,
      ['a', 'b', 'c'].map((id) => ({ id, type: 'lamp' })),
    );
    await heartbeats(fleet, [
      { id: 'a', patch: { on: true } },
      ...Array.from({ length: count }, (_, i) => ({ id: 'b', reportedJson: `{"n":${i}}` })),
      { id: 'c', reportedJson: '{}' },
    ]);
    expect((await readDevice(fleet, 'b')).reportedJson).toBe(`{"n":${count - 1}}`);
  });

  test('registers one type, another, and the first again, in order', async () => {
    const types = ['A', 'B', 'A'];
    const results = await registerAll(
      fleet,
      types.map((type) => ({ id: 'a', type })),
    );
    expect(results.map((result) => 'created' in result && result.created)).toEqual([true, false, false]);
    expect((await readDevice(fleet, 'a')).deviceType).toBe('A');
    expect(await fleet.redis.smembers(fleet.keys.types)).toEqual(['A']);
    expect(await fleet.redis.smembers(fleet.keys.type('A'))).toEqual(['a']);
    expect(await fleet.redis.exists(fleet.keys.type('B'))).toBe(0);
  });

  test('the first heartbeat with registerAs registers the device', async () => {
    const results = await heartbeats(fleet, [
      { id: 'a', registerAs: 'A', reportedJson: '{"n":1}' },
      { id: 'b' },
      { id: 'a', registerAs: 'B', patch: { m: 'x' } },
      { id: 'c', registerAs: '' },
      { id: 'a' },
    ]);
    expect(codes(results)).toEqual(['done', 'NOT_FOUND', 'done', 'USAGE', 'done']);
    expect(results[2]).toMatchObject({ wasOffline: false });
    expect(await readDevice(fleet, 'a')).toMatchObject({ deviceType: 'A', reportedJson: '{"n":1,"m":"x"}' });
    expect(await storyOf(fleet, 'a')).toEqual(['1 online heartbeat']);
  });
});

test('1,700 items in one call: each result is at the index of its item', async () => {
  const ids = Array.from({ length: 1700 }, (_, i) => `d${i}`);
  const invalidIndex = 1234;
  const itemIds = ids.map((id, i) => (i === invalidIndex ? '' : id));
  const expected = ids.map((_, i) => (i === invalidIndex ? 'USAGE' : 'done'));
  const registered = await registerAll(
    fleet,
    itemIds.map((id, i) => ({ id, type: `t${i % 3}` })),
  );
  expect(codes(registered)).toEqual(expected);
  const beats = await heartbeats(
    fleet,
    itemIds.map((id, i) => ({ id, reportedJson: `{"n":${i}}` })),
  );
  expect(codes(beats)).toEqual(expected);
  const read = await readWholeDevices(fleet, itemIds);
  expect(read.map((device) => ('reportedJson' in device ? device.reportedJson : device.code))).toEqual(
    ids.map((_, i) => (i === invalidIndex ? 'USAGE' : `{"n":${i}}`)),
  );
  expect(codes(await disconnectAll(fleet, itemIds))).toEqual(expected);
  expect(codes(await unregisterAll(fleet, itemIds))).toEqual(expected);
  expect(await logOf(fleet)).toHaveLength(2 * (ids.length - 1));
  expect((await fleet.redis.keys('*')).sort()).toEqual(['devices:presence:log', 'devices:pulse']);
});

test('the whole call fails, when the connection is lost', async () => {
  await registerAll(fleet, [{ id: 'a', type: 'lamp' }]);
  fleet.redis.disconnect();
  for (const all of [
    () => heartbeats(fleet, [{ id: '' }, { id: 'a' }]),
    () => registerAll(fleet, [{ id: 'a', type: 'lamp' }]),
    () => disconnectAll(fleet, ['a']),
    () => unregisterAll(fleet, ['a']),
  ])
    await expect(all()).rejects.toMatchObject({ code: 'CONNECTION' });
});

/**
 * All keys of a namespace with their values. Log entries are grouped by device, without the ids that Redis assigns. Of the
 * devices that beat in the same millisecond the pulse names one, so it is left out.
 */
async function contentsOfNamespace(raw: Redis, namespace: string): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  const logged: Record<string, string[]> = {};
  for (const key of (await raw.keys(`${namespace}:*`)).sort()) {
    const name = key.slice(namespace.length + 1);
    if (name === 'devices:pulse') continue;
    switch (await raw.type(key)) {
      case 'hash':
        found[name] = await raw.hgetall(key);
        break;
      case 'set':
        found[name] = (await raw.smembers(key)).sort();
        break;
      case 'zset':
        found[name] = await raw.zrange(key, 0, -1, 'WITHSCORES');
        break;
      case 'list':
        found[name] = await raw.lrange(key, 0, -1);
        break;
      case 'stream':
        for (const [, [, id = '', ...event]] of await raw.xrange(key, '-', '+'))
          logged[id] = [...(logged[id] ?? []), event.join(' ')];
        found[name] = logged;
        break;
      default:
        found[name] = [await raw.get(key), await raw.call('PEXPIRETIME', key)];
    }
  }
  return found;
}

/** The results without the namespace, so that two namespaces can be compared. */
const comparable = (results: readonly ItemResult<unknown>[]) =>
  results.map((result) =>
    result instanceof DevstateError ? result.message.replace(/\b(?:one|all):/, '') : result,
  );

const id = fc.oneof(
  { weight: 8, arbitrary: fc.nat(80).map((i) => `d${i}`) },
  fc.constantFrom('broken', 'wrong', 'unknown', ''),
);
const type = fc.constantFrom('A', 'B', '');
const ttl = fc.constantFrom(70_000, 80_000, 0);
const json = fc.constantFrom('{}', '{"n":1}', '{"n":2,"m":{"x":1}}');
const patch = json.map((text): JsonObject => parseJsonObject(text.replace('1', 'null')));
const beat: fc.Arbitrary<Heartbeat> = fc
  .tuple(
    fc.record({ id }),
    // Few merges, so that scripts fill up: an item after a merge must not be applied before it.
    fc.oneof(
      { weight: 80, arbitrary: fc.record({ reportedJson: json }, { requiredKeys: [] }) },
      fc.record({ patch }),
    ),
    fc.oneof({ weight: 5, arbitrary: fc.constant({}) }, fc.record({ ttl })),
    fc.oneof({ weight: 80, arbitrary: fc.constant({}) }, fc.record({ registerAs: type })),
  )
  .map((parts) => Object.assign({}, ...parts));
const registrant: fc.Arbitrary<Registrant> = fc.record(
  { id, type, ttl, metadataJson: json },
  { requiredKeys: ['id', 'type'] },
);
const many = <Item>(item: fc.Arbitrary<Item>) => fc.array(item, { maxLength: 250, size: 'max' });
const few = <Item>(item: fc.Arbitrary<Item>) => fc.array(item, { maxLength: 40, size: 'max' });

test('random operations in one call leave the same data and results as one call per item', async () => {
  const raw = await redis.client();
  const now = await serverNow(raw);
  await fc.assert(
    fc.asyncProperty(
      many(registrant),
      many(beat),
      few(id),
      few(beat),
      few(registrant),
      few(id),
      few(id),
      async (registered, beats, disconnected, laterBeats, changed, disconnectedAgain, removed) => {
        await raw.flushall();
        const [one, all] = await Promise.all(
          ['one', 'all'].map(async (namespace) => {
            const space = new SingleFleet(raw, { namespace, clock: () => now });
            await raw.set(space.keys.state('wrong'), 'x');
            await raw.hset(space.keys.state('broken'), { deviceId: 'broken', reportedState: '{' });
            const atOnce = namespace === 'all';
            async function run<Item>(items: Item[], work: (items: Item[]) => Promise<ItemResult<unknown>[]>) {
              if (atOnce) return comparable(await work(items));
              const results: ItemResult<unknown>[] = [];
              for (const item of items) results.push(...(await work([item])));
              return comparable(results);
            }
            return {
              results: [
                await run(registered, (items) => registerAll(space, items)),
                await run(beats, (items) => heartbeats(space, items)),
                await run(disconnected, (items) => disconnectAll(space, items)),
                await run(laterBeats, (items) => heartbeats(space, items)),
                await run(changed, (items) => registerAll(space, items)),
                await run(disconnectedAgain, (items) => disconnectAll(space, items)),
                await run(removed, (items) => unregisterAll(space, items)),
              ],
              contents: await contentsOfNamespace(raw, namespace),
            };
          }),
        );
        expect(all).toEqual(one);
      },
    ),
    { numRuns: 8, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: true },
  );
});
