/** Sets of any size, each member once. */
import { describe, expect, test } from 'vitest';
import { SeenIds, scanSet } from '../../../src/core/store/set-scan.js';
import { openFleet, type SingleFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

describe('seen ids', () => {
  test.each<[kind: string, id: (i: number) => string]>([
    ['numbered', (i) => `sensor-${i}`],
    ['that differ in front', (i) => `${i}-of-a-building-with-a-long-name`],
    ['of 16 bits a character', (i) => String.fromCodePoint(0x4e00 + (i >> 8), 0x3041 + (i & 0x3f)) + i],
  ])('%s: 200,000 are each new once', (_kind, id) => {
    const seen = new SeenIds();
    let fresh = 0;
    for (let i = 0; i < 200_000; i++) if (seen.add(id(i))) fresh += 1;
    expect(fresh).toBe(200_000);
    for (let i = 0; i < 200_000; i += 17) expect(seen.add(id(i))).toBe(false);
  });
});

describe('the scan of a set', () => {
  const redis = useRedis();
  const name = (i: number) => `d${i}`;
  const names = (count: number, from = 0) => Array.from({ length: count }, (_, i) => name(from + i));

  async function scanned(fleet: SingleFleet, meanwhile: () => Promise<unknown>): Promise<string[]> {
    const found: string[] = [];
    for await (const ids of scanSet(fleet.only, 'set')) {
      expect(ids.length).toBeLessThanOrEqual(500);
      found.push(...ids);
      await meanwhile();
    }
    return found;
  }

  test.each<[what: string, step: (fleet: SingleFleet, round: number) => Promise<unknown>]>([
    ['grows', (fleet, round) => fleet.redis.sadd('set', ...names(700, 10_000 + 700 * round))],
    ['shrinks', (fleet, round) => fleet.redis.srem('set', ...names(700, 1000 + 700 * round))],
    [
      'grows and shrinks by turns',
      (fleet, round) =>
        round % 2 === 0
          ? fleet.redis.sadd('set', ...names(8000, 10_000))
          : fleet.redis.srem('set', ...names(8000, 10_000)),
    ],
  ])('that %s meanwhile gives whoever stays, and nobody twice', async (_what, step) => {
    const fleet = await openFleet(redis);
    await fleet.redis.sadd('set', ...names(8000));
    let round = 0;
    const found = await scanned(fleet, async () => round < 8 && step(fleet, round++));
    expect(round).toBe(8);
    const all = new Set(found);
    expect(all.size).toBe(found.length);
    expect(names(1000).filter((id) => !all.has(id))).toEqual([]);
  });

  test.each([0, 1, 2000])('of %i, kept as Redis likes, comes in chunks', async (count) => {
    const fleet = await openFleet(redis);
    await fleet.redis.config('SET', 'set-max-intset-entries', '5000');
    const ids = Array.from({ length: count }, (_, i) => `${i}`); // whole numbers come all at once
    if (count > 0) await fleet.redis.sadd('set', ...ids);
    expect((await scanned(fleet, async () => {})).sort()).toEqual(ids.sort());
  });

  test('is whole through a client with a prefix, though its connection is lost meanwhile', async () => {
    const fleet = await openFleet(redis, {}, { keyPrefix: 'mine:' });
    const admin = await redis.client();
    await admin.sadd('mine:set', ...names(2000));
    let lost = false;
    const found = await scanned(fleet, async () => {
      if (!lost) await admin.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      lost = true;
    });
    expect(lost).toBe(true);
    expect(found.sort()).toEqual(names(2000).sort());
  });
});
