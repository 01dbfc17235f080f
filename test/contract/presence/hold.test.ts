/** The hold: after an outage of Redis, expired devices are not announced offline until they had time to beat again. */
import { beforeEach, describe, expect, test } from 'vitest';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import { cut, openFleet, type SingleFleet, serverNow, storyOf } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const GAP_MS = 10_000;

describe('the hold', () => {
  let fleet: SingleFleet;
  let now: number;

  const pulse = async (last: number, detector: number, hold = 0) =>
    fleet.redis.set(fleet.keys.pulse, `${last} ${detector} ${hold}`);
  const readPulse = async () => (await fleet.redis.get(fleet.keys.pulse))?.split(' ').map(Number) ?? [];
  /** d1 and d2 were announced online, and their heartbeat keys are deleted. */
  beforeEach(async () => {
    fleet = await openFleet(redis);
    await Promise.all(['d1', 'd2'].map((id) => register(fleet, id, 'lamp')));
    await heartbeats(fleet, [{ id: 'd1' }, { id: 'd2' }]);
    await cut(fleet, 'd1', 'd2');
    now = await serverNow(fleet.redis);
  });

  test('lets expired devices beat again without events, after an outage with a running detector before', async () => {
    await pulse(now - GAP_MS, now - GAP_MS - 500);
    expect(await heartbeat(fleet, { id: 'd1' })).toMatchObject({ wasOffline: true });
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat']);
    const [last = 0, detector, hold = 0] = await readPulse();
    expect(detector).toBe(now - GAP_MS - 500);
    expect(hold - last).toBe(last - (now - GAP_MS));
    expect(await settle(fleet.only, ['d1', 'd2'])).toEqual({
      holdUntil: hold,
      verdicts: ['online', 'held'],
      events: [],
      isAnswerLost: false,
      bypassed: false,
    });
    expect(await storyOf(fleet, 'd2')).toEqual(['1 online heartbeat']);
    expect(await readDevice(fleet, 'd2')).toMatchObject({ status: 'offline', presenceSeq: 1 });
  });

  test('is opened by a detector’s settle, before its verdicts', async () => {
    await pulse(now - GAP_MS, now - GAP_MS);
    const { holdUntil, verdicts } = await settle(fleet.only, ['d1', 'd2'], { detector: true });
    expect(verdicts).toEqual(['held', 'held']);
    const [last = 0, detector, hold] = await readPulse();
    expect([detector, hold]).toEqual([last, holdUntil]);
    await heartbeat(fleet, { id: 'd2' });
    expect(await storyOf(fleet, 'd2')).toEqual(['1 online heartbeat']);
  });

  test('lasts at most the longest TTL', async () => {
    await pulse(now - 3_600_000, now - 3_600_000);
    const { holdUntil } = await settle(fleet.only, [], { detector: true });
    const [last = 0] = await readPulse();
    expect(holdUntil - last).toBe(60_000);
  });

  test('after its end, settle announces offline', async () => {
    await pulse(now, now, now - 1);
    expect((await settle(fleet.only, ['d1'], { detector: true })).verdicts).toEqual(['offline']);
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat', '2 offline timeout']);
  });

  test.each([
    ['during the hold', () => pulse(now, now, now + GAP_MS)],
    ['before the hold was opened', () => pulse(now - GAP_MS, now - GAP_MS)],
  ])('%s, unregister of an expired device announces the reason unregister', async (_when, before) => {
    await before();
    await unregister(fleet, 'd1');
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat', '2 offline unregister']);
    await pulse(now, now, now - 1);
    await unregister(fleet, 'd2');
    expect(await storyOf(fleet, 'd2')).toEqual(['1 online heartbeat', '2 offline timeout']);
  });

  test('is ignored with honourHold: false', async () => {
    await pulse(now, now, now + GAP_MS);
    expect((await settle(fleet.only, ['d1', 'd2'])).verdicts).toEqual(['held', 'held']);
    expect((await settle(fleet.only, ['d1'], { honourHold: false })).verdicts).toEqual(['offline']);
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat', '2 offline timeout']);
  });

  test.each([
    ['no detector ran before', GAP_MS, 0],
    ['the detector had stopped well before the gap', GAP_MS, 2 * GAP_MS],
    ['the gap was short', 2_000, 2_000],
  ])('is not opened, when %s', async (_why, gapMs, detectorAgoMs) => {
    await pulse(now - gapMs, detectorAgoMs === 0 ? 0 : now - detectorAgoMs);
    await heartbeat(fleet, { id: 'd1' });
    expect(await storyOf(fleet, 'd1')).toEqual([
      '1 online heartbeat',
      '2 offline timeout',
      '3 online heartbeat',
    ]);
    expect((await readPulse())[2]).toBe(0);
  });
});

test('heartbeats write the pulse at most twice a second, and settle without the detector option does not', async () => {
  const fleet = await openFleet(redis);
  await register(fleet, 'd1', 'lamp');
  await settle(fleet.only, ['d1']);
  expect(await fleet.redis.get(fleet.keys.pulse)).toBeNull();
  const { lastSeen } = await heartbeat(fleet, { id: 'd1' });
  expect(await fleet.redis.get(fleet.keys.pulse)).toBe(`${lastSeen} 0 0`);
  const later = (await serverNow(fleet.redis)) + 200_000;
  await fleet.redis.set(fleet.keys.pulse, `${later} 0 0`); // as if the clock had been set back since
  const next = await heartbeat(fleet, { id: 'd1' });
  expect(await fleet.redis.get(fleet.keys.pulse)).toBe(`${next.lastSeen} 0 0`);
});
