/** Heartbeats in the future: of a program whose clock is ahead of the server's, or written before that was set back. */
import { beforeEach, describe, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { isDetectorRunning } from '../../../src/core/detection/detector-running.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { register } from '../../../src/core/registry/register.js';
import { DIALECTS, openFleet, type SingleFleet, scoreOf, serverNow, storyOf } from '../../support/fleet.js';
import { pulseText } from '../../support/hold/pulse.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const TTL = 10_000;
const LONG_TTL = 300_000;
const LONGEST_TTL = 60_000;
const HOUR = 3_600_000;
/** What a slow machine may take between two commands, ms. */
const MARGIN = 5000;

let fleet: SingleFleet;

const leftMs = () => fleet.redis.pttl(fleet.keys.heartbeat('d1'));

/** Writes what a heartbeat leaves of a program whose clock is ahead of the server's. */
async function beatAhead(aheadMs: number, ttl: number): Promise<number> {
  const seenAt = (await serverNow(fleet.redis)) + aheadMs;
  const isPython = (await fleet.settings()).dialect === 'python';
  const [field, value] = isPython ? ['last_seen', seenAt / 1000] : ['lastSeen', seenAt];
  await fleet.redis.hset(fleet.keys.state('d1'), String(field), value as number);
  await fleet.redis.set(fleet.keys.heartbeat('d1'), '1', 'PX', ttl);
  return seenAt;
}

/** Writes a pulse of before the clock was set back by an hour. */
async function setBack(): Promise<void> {
  await fleet.redis.set(fleet.keys.pulse, pulseText({ last: (await serverNow(fleet.redis)) + HOUR }));
}

beforeEach(async () => {
  fleet = await openFleet(redis);
});

describe.each(DIALECTS)('the clock of another program is ahead, in a %s fleet', (dialect) => {
  beforeEach(async () => {
    fleet = await openFleet(redis, { dialect });
    await register(fleet, 'd1', 'lamp');
  });

  test.each([TTL, LONG_TTL])('its device keeps a TTL of %d ms, however often it is settled', async (ttl) => {
    await beatAhead(ttl / 2, ttl);
    await settle(fleet.only, ['d1']);
    await settle(fleet.only, ['d1']);
    await fleet.redis.zadd(fleet.keys.activity, (await serverNow(fleet.redis)) - 1, 'd1');
    await settle(fleet.only, ['d1']);
    expect(await leftMs()).toBeGreaterThan(ttl - MARGIN);
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online observed']);
  });

  test('also if the clock of the server was set back before', async () => {
    await setBack();
    await beatAhead(TTL / 2, TTL);
    await fleet.redis.zadd(fleet.keys.activity, (await serverNow(fleet.redis)) - 1, 'd1');
    await settle(fleet.only, ['d1']);
    expect(await leftMs()).toBeGreaterThan(TTL - MARGIN);
  });
});

describe('the clock of the server was set back', () => {
  test('a device whose heartbeat is in the future keeps its TTL from now', async () => {
    await register(fleet, 'd1', 'lamp');
    await heartbeat(fleet, { id: 'd1', ttl: TTL });
    const seenAt = await beatAhead(HOUR, HOUR + TTL);
    await fleet.redis.zadd(fleet.keys.activity, seenAt + TTL, 'd1');
    await setBack();
    await settle(fleet.only, ['d1']);
    expect(await leftMs()).toBeLessThanOrEqual(TTL);
    expect(await leftMs()).toBeGreaterThan(TTL - MARGIN);
  });

  test('a device with a login of its own keeps the longest TTL, also if it sent a heartbeat since it was settled', async () => {
    await declareFleet(fleet, { deviceLogins: true });
    await register(fleet, 'd1', 'lamp');
    await beatAhead(HOUR, HOUR + TTL);
    await setBack();
    await settle(fleet.only, ['d1']);
    expect(await leftMs()).toBeLessThanOrEqual(LONGEST_TTL);
    expect(await leftMs()).toBeGreaterThan(LONGEST_TTL - MARGIN);
  });

  test('a detector that noted its last step before is not taken to run', async () => {
    const now = await serverNow(fleet.redis);
    await fleet.redis.set(fleet.keys.pulse, pulseText({ step: now + HOUR }));
    expect(await isDetectorRunning(fleet)).toBe(false);
    await fleet.redis.set(fleet.keys.pulse, pulseText({ step: now }));
    expect(await isDetectorRunning(fleet)).toBe(true);
  });
});

test('a held device whose record gives it a TTL out of bounds is due by the longest TTL', async () => {
  await register(fleet, 'd1', 'lamp');
  const seenAt = (await serverNow(fleet.redis)) - TTL;
  const packed = `0 0 0 0 1 ${seenAt} ${'9'.repeat(15)}`;
  await fleet.redis.hset(fleet.keys.state('d1'), 'lastSeen', seenAt, 'devstate', packed);
  expect((await settle(fleet.only, ['d1'])).verdicts).toEqual(['held']);
  expect(await scoreOf(fleet, 'd1')).toBe(seenAt + LONGEST_TTL);
});
