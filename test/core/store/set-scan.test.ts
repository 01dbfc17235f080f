/** A scan finds every member that stays in the set, each once, whatever happens meanwhile. */
import { describe, expect, test } from 'vitest';
import { scanSet } from '../../../src/core/store/set-scan.js';
import { openFleet, type SingleFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

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
  ])('that %s during the scan gives every member that stays, and none twice', async (_what, step) => {
    const fleet = await openFleet(redis);
    await fleet.redis.sadd('set', ...names(8000));
    let round = 0;
    const found = await scanned(fleet, async () => round < 8 && step(fleet, round++));
    expect(round).toBe(8);
    const all = new Set(found);
    expect(all.size).toBe(found.length);
    expect(names(1000).filter((id) => !all.has(id))).toEqual([]);
  });

  test.each([0, 1, 2000])(
    'of %i integers comes in chunks, though Redis stores it in the compact encoding intset',
    async (count) => {
      const fleet = await openFleet(redis);
      await fleet.redis.config('SET', 'set-max-intset-entries', '5000');
      const ids = Array.from({ length: count }, (_, i) => `${i}`); // SSCAN replies with all members of an intset at once
      if (count > 0) await fleet.redis.sadd('set', ...ids);
      expect((await scanned(fleet, async () => {})).sort()).toEqual(ids.sort());
    },
  );

  test('with a key prefix gives all members, though the connection is lost during the scan', async () => {
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
