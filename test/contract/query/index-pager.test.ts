/** The index in its order while the fleet beats: each device that stays where it is, once. */
import { describe, expect, test, vi } from 'vitest';
import { type IndexRange, pageIndex } from '../../../src/core/query/index-pager.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { SeenIds } from '../../../src/core/store/set-scan.js';
import { allOf, openFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const ONLINE: IndexRange = { from: 1, to: Infinity };
const NEVER: IndexRange = { from: 0, to: 0 };
const OFFLINE: IndexRange = { from: -1, to: -Infinity, down: true };

/** `on0001` with the deadline 1000, …; `off0001` last seen at 1, …; `never0001`, …. */
async function indexed(counts: Partial<Record<'on' | 'off' | 'never', number>>): Promise<Fleet> {
  const fleet = await openFleet(redis);
  const scores = { on: (i: number) => i * 1000, off: (i: number) => -i, never: () => 0 };
  for (const [kind, count] of Object.entries(counts)) {
    const scored = range(count).flatMap((i) => [scores[kind as 'on'](i), name(kind, i)]);
    if (count > 0) await fleet.redis.zadd(fleet.keys.activity, ...scored);
  }
  return fleet;
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const name = (kind: string, i: number) => `${kind}${String(i).padStart(4, '0')}`;
const names = (kind: string, count: number) => range(count).map((i) => name(kind, i));
const walked = async (fleet: Fleet, walk: IndexRange, seen?: SeenIds) =>
  (await allOf(pageIndex(fleet, walk, seen))).flat();

test('in the order of the deadline, of last seen, and by id of those never seen', async () => {
  const fleet = await indexed({ on: 1100, off: 1100, never: 1100 });
  expect(await walked(fleet, ONLINE)).toEqual(names('on', 1100));
  expect(await walked(fleet, OFFLINE)).toEqual(names('off', 1100));
  expect(await walked(fleet, NEVER)).toEqual(names('never', 1100));
});

test.each<[walk: IndexRange, kind: 'on' | 'off', from: number, to: number]>([
  [{ from: 1, to: 700_000 }, 'on', 1, 700],
  [{ from: 300_000, to: 700_999 }, 'on', 300, 700],
  [{ from: 300_001, to: 300_999 }, 'on', 301, 300],
  [{ from: -1, to: -700, down: true }, 'off', 1, 700],
  [{ from: -600, to: -700, down: true }, 'off', 600, 700],
  [{ from: -1, to: 5, down: true }, 'off', 1, 0],
])('both ends belong to it: %j', async (walk, kind, from, to) => {
  const fleet = await indexed({ on: 1000, off: 1000, never: 3 });
  expect(await walked(fleet, walk)).toEqual(names(kind, 1000).slice(from - 1, to));
});

test.each([0, 1, 499, 500, 501, 1000])('%i devices', async (count) => {
  const fleet = await indexed({ on: count, off: count, never: count });
  expect([await walked(fleet, ONLINE), await walked(fleet, OFFLINE), await walked(fleet, NEVER)]).toEqual([
    names('on', count),
    names('off', count),
    names('never', count),
  ]);
});

test('2,000 of one score, and what was seen by another walk not again', async () => {
  const fleet = await indexed({ never: 2000 });
  const seen = new SeenIds();
  for (const id of names('never', 1200)) seen.add(id);
  expect(await walked(fleet, NEVER, seen)).toEqual(names('never', 2000).slice(1200));
});

describe('while the fleet moves', () => {
  const STAY = 1500;

  /** Runs `move` after each chunk of a walk. */
  async function moving(
    fleet: Fleet,
    walk: IndexRange,
    move: (round: number, ids: string[]) => Promise<unknown>,
  ) {
    const found: string[] = [];
    let round = 0;
    for await (const ids of pageIndex(fleet, walk)) {
      found.push(...ids);
      if (round < 10) await move(round++, ids);
    }
    expect(new Set(found).size).toBe(found.length);
    return found;
  }

  test.each<[what: string, walk: IndexRange, kind: 'on' | 'off' | 'never', score: (round: number) => number]>(
    [
      ['beats', ONLINE, 'on', () => 9e12],
      ['beats for a shorter time', ONLINE, 'on', (round) => round + 1],
      ['lapses', ONLINE, 'on', (round) => -9e12 - round],
      ['comes online', OFFLINE, 'off', () => 9e12],
      ['is seen and leaves', OFFLINE, 'off', (round) => -9e12 - round],
      ['comes online for the first time', NEVER, 'never', () => 9e12],
    ],
  )('each device that %s moves the others, and they are there once', async (_what, walk, kind, score) => {
    const fleet = await indexed({ on: 4000, off: 4000, never: 4000, [kind]: STAY });
    // Every third moves: of what was walked just now the last, and as many of what is to come.
    const leaves = (i: number) => i % 3 === 0;
    const stays = names(kind, STAY).filter((_, i) => !leaves(i + 1));
    const found = await moving(fleet, walk, async (round, ids) => {
      const at = Number(ids.at(-1)?.slice(kind.length));
      const movers = range(STAY).filter((i) => leaves(i) && Math.abs(i - at) < 300);
      await fleet.redis.zadd(fleet.keys.activity, ...movers.flatMap((i) => [score(round), name(kind, i)]));
    });
    expect(found.filter((id) => stays.includes(id))).toEqual(stays);
  });

  test.each<[walk: IndexRange, kind: 'on' | 'off' | 'never']>([
    [ONLINE, 'on'],
    [OFFLINE, 'off'],
    [NEVER, 'never'],
  ])('whose every anchor is gone: %j', async (walk, kind) => {
    const fleet = await indexed({ on: 300, off: 300, never: 300, [kind]: 2000 });
    const gone = new Set<string>();
    const found = await moving(fleet, walk, async (_round, ids) => {
      const last = ids.slice(-50);
      for (const id of last) gone.add(id);
      await fleet.redis.zrem(fleet.keys.activity, ...last);
    });
    expect(gone.size).toBeGreaterThan(150);
    expect(found).toEqual(names(kind, 2000));
  });

  test('between being placed and being read: nobody who stays is gone by', async () => {
    const fleet = await indexed({ on: 3000 });
    const send = fleet.pipeline.bind(fleet);
    let next = 1;
    // Before each page is read, 40 of those that were walked long ago beat again.
    vi.spyOn(fleet, 'pipeline').mockImplementation(async (commands) => {
      const replies: unknown[] = [];
      for (const command of commands) {
        if (command[0] === 'zrange') {
          const beats = range(40).flatMap((i) => [9e12 + next, name('on', ((next + i) % 400) + 1)]);
          next += 40;
          if (next > 60) await fleet.redis.zadd(fleet.keys.activity, ...beats);
        }
        replies.push(...(await send([command])));
      }
      return replies;
    });
    const found = await walked(fleet, ONLINE);
    expect(new Set(found).size).toBe(found.length);
    expect(found.filter((id) => id > 'on0401')).toEqual(names('on', 3000).slice(401));
  });
});

test('an index that is none is said', async () => {
  const fleet = await openFleet(redis);
  await fleet.redis.set(fleet.keys.activity, 'x');
  await expect(walked(fleet, ONLINE)).rejects.toMatchObject({ code: 'BAD_RECORD' });
});
