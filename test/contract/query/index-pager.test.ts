/** pageIndex yields the index in order, and each device whose score does not change once, while others move. */
import { describe, expect, test, vi } from 'vitest';
import { type IndexRange, pageIndex } from '../../../src/core/query/index-pager.js';
import { SeenIds } from '../../../src/core/store/seen-ids.js';
import { allOf, openFleet, type SingleFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const ONLINE: IndexRange = { from: 1, to: Infinity };
const NEVER: IndexRange = { from: 0, to: 0 };
const OFFLINE: IndexRange = { from: -1, to: -Infinity, down: true };

/** Fills the index with `on0001` (deadline 1000 ms), …, `off0001` (last seen at 1 ms), … and `never0001`, … */
async function seedIndex(counts: Partial<Record<'on' | 'off' | 'never', number>>): Promise<SingleFleet> {
  const fleet = await openFleet(redis);
  const scores = { on: (i: number) => i * 1000, off: (i: number) => -i, never: () => 0 };
  for (const [kind, count] of Object.entries(counts)) {
    const scored = numbersTo(count).flatMap((i) => [scores[kind as 'on'](i), idOf(kind, i)]);
    if (count > 0) await fleet.redis.zadd(fleet.keys.activity, ...scored);
  }
  return fleet;
}

const numbersTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const idOf = (kind: string, i: number) => `${kind}${String(i).padStart(4, '0')}`;
const idsUpTo = (kind: string, count: number) => numbersTo(count).map((i) => idOf(kind, i));
const idsInPages = async (fleet: SingleFleet, range: IndexRange, seen?: SeenIds) =>
  (await allOf(pageIndex(fleet.only, range, seen))).flat();

test('yields by deadline, by last seen, and by id when never seen', async () => {
  const fleet = await seedIndex({ on: 1100, off: 1100, never: 1100 });
  expect(await idsInPages(fleet, ONLINE)).toEqual(idsUpTo('on', 1100));
  expect(await idsInPages(fleet, OFFLINE)).toEqual(idsUpTo('off', 1100));
  expect(await idsInPages(fleet, NEVER)).toEqual(idsUpTo('never', 1100));
});

test.each<[range: IndexRange, kind: 'on' | 'off', from: number, to: number]>([
  [{ from: 1, to: 700_000 }, 'on', 1, 700],
  [{ from: 300_000, to: 700_999 }, 'on', 300, 700],
  [{ from: 300_001, to: 300_999 }, 'on', 301, 300],
  [{ from: -1, to: -700, down: true }, 'off', 1, 700],
  [{ from: -600, to: -700, down: true }, 'off', 600, 700],
  [{ from: -1, to: 5, down: true }, 'off', 1, 0],
])('the range %j includes both ends', async (range, kind, from, to) => {
  const fleet = await seedIndex({ on: 1000, off: 1000, never: 3 });
  expect(await idsInPages(fleet, range)).toEqual(idsUpTo(kind, 1000).slice(from - 1, to));
});

test.each([0, 1, 499, 500, 501, 1000])('yields all of %i devices', async (count) => {
  const fleet = await seedIndex({ on: count, off: count, never: count });
  expect([
    await idsInPages(fleet, ONLINE),
    await idsInPages(fleet, OFFLINE),
    await idsInPages(fleet, NEVER),
  ]).toEqual([idsUpTo('on', count), idsUpTo('off', count), idsUpTo('never', count)]);
});

test('yields 2,000 devices of one score, without those already seen', async () => {
  const fleet = await seedIndex({ never: 2000 });
  const seen = new SeenIds();
  for (const id of idsUpTo('never', 1200)) seen.add(id);
  expect(await idsInPages(fleet, NEVER, seen)).toEqual(idsUpTo('never', 2000).slice(1200));
});

describe('while scores change', () => {
  const COUNT = 1500;

  /** Pages through `range`, and runs `move` after each of the first ten pages. */
  async function pageWhileMoving(
    fleet: SingleFleet,
    range: IndexRange,
    move: (round: number, ids: string[]) => Promise<unknown>,
  ) {
    const found: string[] = [];
    let round = 0;
    for await (const ids of pageIndex(fleet.only, range)) {
      found.push(...ids);
      if (round < 10) await move(round++, ids);
    }
    expect(new Set(found).size).toBe(found.length);
    return found;
  }

  test.each<
    [what: string, range: IndexRange, kind: 'on' | 'off' | 'never', score: (round: number) => number]
  >([
    ['beat', ONLINE, 'on', () => 9e12],
    ['beat with a shorter TTL', ONLINE, 'on', (round) => round + 1],
    ['expire', ONLINE, 'on', (round) => -9e12 - round],
    ['come online', OFFLINE, 'off', () => 9e12],
    ['are seen and go offline', OFFLINE, 'off', (round) => -9e12 - round],
    ['come online for the first time', NEVER, 'never', () => 9e12],
  ])('when a third of the devices %s, the others are yielded once', async (_what, range, kind, score) => {
    const fleet = await seedIndex({ on: 4000, off: 4000, never: 4000, [kind]: COUNT });
    // Every third device moves: the last ones of the current page, and the first ones of the next.
    const isMoved = (i: number) => i % 3 === 0;
    const stays = idsUpTo(kind, COUNT).filter((_, i) => !isMoved(i + 1));
    const found = await pageWhileMoving(fleet, range, async (round, ids) => {
      const lastIndex = Number(ids.at(-1)?.slice(kind.length));
      const movers = numbersTo(COUNT).filter((i) => isMoved(i) && Math.abs(i - lastIndex) < 300);
      await fleet.redis.zadd(fleet.keys.activity, ...movers.flatMap((i) => [score(round), idOf(kind, i)]));
    });
    expect(found.filter((id) => stays.includes(id))).toEqual(stays);
  });

  test.each<[range: IndexRange, kind: 'on' | 'off' | 'never']>([
    [ONLINE, 'on'],
    [OFFLINE, 'off'],
    [NEVER, 'never'],
  ])('continues in the range %j, when the last devices of each page are removed', async (range, kind) => {
    const fleet = await seedIndex({ on: 300, off: 300, never: 300, [kind]: 2000 });
    const gone = new Set<string>();
    const found = await pageWhileMoving(fleet, range, async (_round, ids) => {
      const last = ids.slice(-50);
      for (const id of last) gone.add(id);
      await fleet.redis.zrem(fleet.keys.activity, ...last);
    });
    expect(gone.size).toBeGreaterThan(150);
    expect(found).toEqual(idsUpTo(kind, 2000));
  });

  test('skips no device, when others move between the lookup of the position and the read of the page', async () => {
    const fleet = await seedIndex({ on: 3000 });
    const send = fleet.only.pipeline.bind(fleet.only);
    let next = 1;
    // Before each page is read, 40 devices of earlier pages get a later deadline.
    vi.spyOn(fleet.only, 'pipeline').mockImplementation(async (commands) => {
      const replies: unknown[] = [];
      for (const command of commands) {
        if (command[0] === 'zrange') {
          const beats = numbersTo(40).flatMap((i) => [9e12 + next, idOf('on', ((next + i) % 400) + 1)]);
          next += 40;
          if (next > 60) await fleet.redis.zadd(fleet.keys.activity, ...beats);
        }
        replies.push(...(await send([command])));
      }
      return replies;
    });
    const found = await idsInPages(fleet, ONLINE);
    expect(new Set(found).size).toBe(found.length);
    expect(found.filter((id) => id > 'on0401')).toEqual(idsUpTo('on', 3000).slice(401));
  });
});

test('fails with BAD_RECORD, when the index holds the wrong type', async () => {
  const fleet = await openFleet(redis);
  await fleet.redis.set(fleet.keys.activity, 'x');
  await expect(idsInPages(fleet, ONLINE)).rejects.toMatchObject({ code: 'BAD_RECORD' });
});
