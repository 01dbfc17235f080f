/**
 * Lists in an order: the index of an exclusive fleet gives what a look at every record of a shared one does, in
 * the same order, and the first rows before the last are read.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { listDevices, onlineDevices } from '../../../src/core/query/list.js';
import { type StaleOptions, staleDevices } from '../../../src/core/query/stale.js';
import { registerAll } from '../../../src/core/registry/register.js';
import { Fleet } from '../../../src/core/store/fleet.js';
import { allOf, openFleet, serverNow } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** More than a page. */
const MANY = 600;

let shared: Fleet;
let now: number;

/** Fleets keep what they read of their settings. */
async function declared(): Promise<Fleet> {
  await shared.redis.hset(shared.keys.meta, 'writers', 'exclusive');
  return new Fleet(shared.redis);
}

/** Those that beat so long ago, ms, for that long. */
async function beaten(ids: readonly string[], ago: number, ttl = MINUTE): Promise<void> {
  const then = new Fleet(shared.redis, { clock: () => now - ago });
  await heartbeats(
    then,
    ids.map((id) => ({ id, ttl })),
  );
}

const names = (kind: string, count: number) => Array.from({ length: count }, (_, i) => `${kind}${i}`);

beforeEach(async () => {
  shared = await openFleet(redis);
  now = await serverNow(shared.redis);
});

describe('an exclusive fleet', () => {
  /** Every kind of device, in no order. */
  beforeEach(async () => {
    const [never, gone, equal, lapsed, long, alive] = [
      names('never', MANY),
      names('gone', 20),
      names('equal', MANY),
      names('lapsed', 20),
      names('long', 20),
      names('alive', 20),
    ] as const;
    const all = [...equal, ...gone, ...alive, ...never, ...long, ...lapsed].reverse();
    await registerAll(
      shared,
      all.map((id, i) => ({ id, type: i % 2 === 0 ? 'lamp' : 'plug' })),
    );
    await beaten(equal, 5 * HOUR);
    for (const [i, id] of gone.entries()) await beaten([id], (1 + ((i * 7) % 20)) * HOUR);
    await settle(shared, [...equal, ...gone]);
    // Until here a detector was at work; what comes now nobody has settled.
    for (const [i, id] of lapsed.entries()) await beaten([id], (1 + ((i * 3) % 20)) * HOUR - 1);
    for (const [i, id] of long.entries())
      await beaten([id], (1 + ((i * 9) % 20)) * HOUR, 48 * HOUR + i * MINUTE);
    for (const [i, id] of alive.entries()) await beaten([id], 500 - i, 10 * MINUTE - ((i * 11) % 20) * 1000);
  });

  const STALE: [name: string, options: StaleOptions, count: number][] = [
    ['an hour', {}, 2 * MANY + 60],
    ['six hours', { olderThan: 6 * HOUR + MINUTE }, MANY + 3 * 14],
    ['five hours, to the moment', { olderThan: 5 * HOUR }, 2 * MANY + 3 * 16],
    ['an hour, those seen', { never: false }, MANY + 60],
    ['no time at all', { olderThan: 0, never: false }, MANY + 80],
    ['longer than there is time', { olderThan: 1e13 }, MANY],
    ['longer than there is time, those seen', { olderThan: 1e13, never: false }, 0],
    ['an hour, of a type', { type: 'lamp' }, MANY + 30],
    ['an hour, with metadata', { withMetadata: true, olderThan: 12 * HOUR }, MANY + 3 * 9],
  ];
  type Query = (fleet: Fleet) => ReturnType<typeof listDevices>;
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
    [
      'of a type, by last seen',
      (fleet) => listDevices(fleet, { order: 'lastSeen', type: 'plug' }),
      MANY + 40,
    ],
    ['list-online by deadline', (fleet) => onlineDevices(fleet, { order: 'deadline' }), 40],
    ['list-online of a type', (fleet) => onlineDevices(fleet, { order: 'deadline', type: 'lamp' }), 20],
    ['list-online by id', (fleet) => onlineDevices(fleet, { order: 'id' }), 40],
  ];

  test('has the same stale devices as a shared one, and the same lists', async () => {
    const queries = [
      ...STALE.map(([name, options, count]) => ({
        ...{ name: `stale: ${name}`, count },
        rows: async (fleet: Fleet) =>
          (await allOf(staleDevices(fleet, options))).map(({ ageSeconds, ...row }) => row),
      })),
      ...LISTS.map(([name, query, count]) => ({
        ...{ name, count },
        // Redis says how long a key lives, by which a deadline is known to some ms.
        rows: async (fleet: Fleet) =>
          (await allOf(query(fleet))).map((row) => ({ ...row, expiresAt: row.expiresAt !== null })),
      })),
    ];
    const expected = [];
    for (const { rows } of queries) expected.push(await rows(shared));
    const exclusive = await declared();
    for (const [i, { name, rows, count }] of queries.entries()) {
      expect(await rows(exclusive), name).toEqual(expected[i]);
      expect(expected[i], name).toHaveLength(count);
    }
  });
});

describe('a list that the index gives', () => {
  const SIZE = 3000;

  beforeEach(async () => {
    await registerAll(
      shared,
      names('d', SIZE).map((id) => ({ id, type: 'lamp' })),
    );
  });

  test.each<[name: string, query: (fleet: Fleet) => AsyncGenerator<{ deviceId: string }>]>([
    ['stale', (fleet) => staleDevices(fleet)],
    ['by last seen', (fleet) => listDevices(fleet, { order: 'lastSeen' })],
    ['by deadline', (fleet) => listDevices(fleet, { order: 'deadline' })],
    ['in no order', (fleet) => listDevices(fleet)],
  ])('gives its first row before the last is read: %s', async (_name, query) => {
    const fleet = await declared();
    let reads = 0;
    const pipeline = fleet.pipeline.bind(fleet);
    Object.assign(fleet, {
      pipeline: (...args: Parameters<typeof pipeline>) => {
        if (args[0].some(([name]) => name === 'hmget')) reads += 1;
        return pipeline(...args);
      },
    });
    const rows = query(fleet);
    await rows.next();
    const first = reads;
    let count = 1;
    for await (const _ of rows) count += 1;
    expect(count).toBe(SIZE);
    expect(reads).toBeGreaterThanOrEqual(SIZE / 500);
    expect(first).toBeLessThanOrEqual(4);
  });

  test.each(['lastSeen', 'deadline'] as const)(
    'by %s, has those who come online meanwhile, once',
    async (order) => {
      const fleet = await declared();
      const found: string[] = [];
      for await (const { deviceId } of listDevices(fleet, { order })) {
        found.push(deviceId);
        if (found.length === 1000)
          await heartbeats(
            fleet,
            names('d', 400).map((id) => ({ id })),
          );
        if (found.length === 2000) await heartbeat(fleet, { id: found[0] as string });
      }
      expect(found.toSorted()).toEqual(names('d', SIZE).sort());
    },
  );

  test('tells how many were looked at, and never fewer than before', async () => {
    await beaten(names('d', 700), HOUR, 2 * HOUR);
    const looked: number[] = [];
    const rows = listDevices(await declared(), {
      order: 'lastSeen',
      onLooked: (count) => looked.push(count),
    });
    await allOf(rows);
    expect(looked).toEqual(looked.toSorted((a, b) => a - b));
    expect(looked.at(-1)).toBe(SIZE);
  });
});
