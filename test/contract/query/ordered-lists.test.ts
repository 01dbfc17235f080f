/**
 * Ordered lists and stale queries: an exclusive fleet, which reads its index, gives the same rows in the same order
 * as a shared fleet, which reads every record, and yields the first rows before the last ones are read.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { listDevices, onlineDevices } from '../../../src/core/query/list.js';
import { type StaleOptions, staleDevices } from '../../../src/core/query/stale.js';
import { registerAll } from '../../../src/core/registry/register.js';
import { allOf, openFleet, SingleFleet, serverNow } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** More devices than one page of the index. */
const MANY = 600;

let shared: SingleFleet;
let now: number;

/** Declares the fleet exclusive, and returns a new Fleet, because `shared` has cached the old setting. */
async function declareExclusive(): Promise<SingleFleet> {
  await shared.redis.hset(shared.keys.meta, 'writers', 'exclusive');
  return new SingleFleet(shared.redis);
}

/** Sends heartbeats as of `agoMs` before now, with a TTL in ms. */
async function beatInThePast(ids: readonly string[], agoMs: number, ttl = MINUTE_MS): Promise<void> {
  const then = new SingleFleet(shared.redis, { clock: () => now - agoMs });
  await heartbeats(
    then,
    ids.map((id) => ({ id, ttl })),
  );
}

const idsOf = (kind: string, count: number) => Array.from({ length: count }, (_, i) => `${kind}${i}`);

beforeEach(async () => {
  shared = await openFleet(redis);
  now = await serverNow(shared.redis);
});

describe('an exclusive fleet', () => {
  /** Registers devices of every kind in mixed order: never seen, gone, same last seen, expired, long TTL, alive. */
  beforeEach(async () => {
    const [never, gone, equal, lapsed, long, alive] = [
      idsOf('never', MANY),
      idsOf('gone', 20),
      idsOf('equal', MANY),
      idsOf('lapsed', 20),
      idsOf('long', 20),
      idsOf('alive', 20),
    ] as const;
    const all = [...equal, ...gone, ...alive, ...never, ...long, ...lapsed].reverse();
    const aDayAgo = new SingleFleet(shared.redis, { clock: () => now - 24 * HOUR_MS });
    await registerAll(
      aDayAgo,
      all.map((id, i) => ({ id, type: i % 2 === 0 ? 'lamp' : 'plug' })),
    );
    await beatInThePast(equal, 5 * HOUR_MS);
    for (const [i, id] of gone.entries()) await beatInThePast([id], (1 + ((i * 7) % 20)) * HOUR_MS);
    await settle(shared.only, [...equal, ...gone]);
    // The devices up to here are settled, those that follow are not.
    for (const [i, id] of lapsed.entries()) await beatInThePast([id], (1 + ((i * 3) % 20)) * HOUR_MS - 1);
    for (const [i, id] of long.entries())
      await beatInThePast([id], (1 + ((i * 9) % 20)) * HOUR_MS, 48 * HOUR_MS + i * MINUTE_MS);
    for (const [i, id] of alive.entries())
      await beatInThePast([id], 500 - i, 10 * MINUTE_MS - ((i * 11) % 20) * 1000);
  });

  const STALE: [name: string, options: StaleOptions, count: number][] = [
    ['an hour', {}, 2 * MANY + 60],
    ['six hours', { olderThan: 6 * HOUR_MS + MINUTE_MS }, MANY + 3 * 14],
    ['exactly five hours', { olderThan: 5 * HOUR_MS }, 2 * MANY + 3 * 16],
    ['an hour, without those never seen', { never: false }, MANY + 60],
    ['zero', { olderThan: 0, never: false }, MANY + 80],
    ['before 1970', { olderThan: 1e13 }, 0],
    ['longer than registered', { olderThan: 25 * HOUR_MS }, 0],
    ['before 1970, without those never seen', { olderThan: 1e13, never: false }, 0],
    ['an hour, one type', { type: 'lamp' }, MANY + 30],
    ['twelve hours, with metadata', { withMetadata: true, olderThan: 12 * HOUR_MS }, MANY + 3 * 9],
  ];
  type Query = (fleet: SingleFleet) => ReturnType<typeof listDevices>;
  const LISTS: [name: string, query: Query, count: number][] = [
    ['list by deadline', (fleet) => listDevices(fleet, { order: 'deadline' }), 2 * MANY + 80],
    ['list by last seen', (fleet) => listDevices(fleet, { order: 'lastSeen' }), 2 * MANY + 80],
    ['list by id', (fleet) => listDevices(fleet, { order: 'id' }), 2 * MANY + 80],
    ['online, by deadline', (fleet) => listDevices(fleet, { order: 'deadline', status: 'online' }), 40],
    [
      'offline, by deadline',
      (fleet) => listDevices(fleet, { order: 'deadline', status: 'offline' }),
      2 * MANY + 40,
    ],
    ['never, by deadline', (fleet) => listDevices(fleet, { order: 'deadline', status: 'never' }), MANY],
    [
      'offline, by last seen',
      (fleet) => listDevices(fleet, { order: 'lastSeen', status: 'offline' }),
      2 * MANY + 40,
    ],
    ['one type, by last seen', (fleet) => listDevices(fleet, { order: 'lastSeen', type: 'plug' }), MANY + 40],
    ['list-online by deadline', (fleet) => onlineDevices(fleet, { order: 'deadline' }), 40],
    ['list-online of one type', (fleet) => onlineDevices(fleet, { order: 'deadline', type: 'lamp' }), 20],
    ['list-online by id', (fleet) => onlineDevices(fleet, { order: 'id' }), 40],
  ];

  test('has the same stale devices and lists as a shared fleet', async () => {
    const queries = [
      ...STALE.map(([name, options, count]) => ({
        name: `stale: ${name}`,
        count,
        rows: async (fleet: SingleFleet) =>
          (await allOf(staleDevices(fleet, options))).map(({ ageSeconds, ...row }) => row),
      })),
      ...LISTS.map(([name, query, count]) => ({
        name,
        count,
        // expiresAt is computed from a remaining TTL, so it may differ by some ms between the two reads.
        rows: async (fleet: SingleFleet) =>
          (await allOf(query(fleet))).map((row) => ({ ...row, expiresAt: row.expiresAt !== null })),
      })),
    ];
    const expected = [];
    for (const { rows } of queries) expected.push(await rows(shared));
    const exclusive = await declareExclusive();
    for (const [i, { name, rows, count }] of queries.entries()) {
      expect(await rows(exclusive), name).toEqual(expected[i]);
      expect(expected[i], name).toHaveLength(count);
    }
  });
});

describe('a list in an exclusive fleet', () => {
  const SIZE = 3000;

  beforeEach(async () => {
    await registerAll(
      shared,
      idsOf('d', SIZE).map((id) => ({ id, type: 'lamp' })),
    );
  });

  test.each<[name: string, query: (fleet: SingleFleet) => AsyncGenerator<{ deviceId: string }>]>([
    ['stale', (fleet) => staleDevices(fleet, { olderThan: 0 })],
    ['by last seen', (fleet) => listDevices(fleet, { order: 'lastSeen' })],
    ['by deadline', (fleet) => listDevices(fleet, { order: 'deadline' })],
    ['without an order', (fleet) => listDevices(fleet)],
  ])('%s: yields its first row before the last records are read', async (_name, query) => {
    const ids = idsOf('d', SIZE);
    for (let from = 0; from < SIZE; from += 100)
      await beatInThePast(ids.slice(from, from + 100), HOUR_MS + from);
    await settle(shared.only, ids);
    const fleet = await declareExclusive();
    let reads = 0;
    const pipeline = fleet.only.pipeline.bind(fleet.only);
    Object.assign(fleet.only, {
      pipeline: (...args: Parameters<typeof pipeline>) => {
        if (args[0].some(([name]) => name === 'hmget')) reads += 1;
        return pipeline(...args);
      },
    });
    const rows = query(fleet);
    await rows.next();
    const readsBeforeFirstRow = reads;
    let count = 1;
    for await (const _ of rows) count += 1;
    expect(count).toBe(SIZE);
    expect(reads).toBeGreaterThanOrEqual(SIZE / 500);
    expect(readsBeforeFirstRow).toBeLessThanOrEqual(4);
  });

  test.each(['lastSeen', 'deadline'] as const)(
    'by %s: yields devices that come online during the list once',
    async (order) => {
      const fleet = await declareExclusive();
      const found: string[] = [];
      for await (const { deviceId } of listDevices(fleet, { order })) {
        found.push(deviceId);
        if (found.length === 1000)
          await heartbeats(
            fleet,
            idsOf('d', 400).map((id) => ({ id })),
          );
        if (found.length === 2000) await heartbeat(fleet, { id: found[0] as string });
      }
      expect(found.toSorted()).toEqual(idsOf('d', SIZE).sort());
    },
  );

  test('onProgress reports a rising number of records read', async () => {
    await beatInThePast(idsOf('d', 700), HOUR_MS, 2 * HOUR_MS);
    const looked: number[] = [];
    const rows = listDevices(await declareExclusive(), {
      order: 'lastSeen',
      onProgress: (count) => looked.push(count),
    });
    await allOf(rows);
    expect(looked).toEqual(looked.toSorted((a, b) => a - b));
    expect(looked.at(-1)).toBe(SIZE);
  });
});
