/** The hold: devices whose heartbeats could not arrive are not announced offline until they had time to beat again. */
import { beforeEach, describe, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { type SettleOptions, settle } from '../../../src/core/presence/settle.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { registerAll } from '../../../src/core/registry/register.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import {
  DIALECTS,
  numberedIds,
  openFleet,
  type SingleFleet,
  serverNow,
  storyOf,
} from '../../support/fleet.js';
import { type Pulse, parsePulse, pulseText } from '../../support/hold/pulse.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const TTL = 10_000;
const ONLINE = ['1 online heartbeat'];
const TIMED_OUT = [...ONLINE, '2 offline timeout'];
const RETURNED = [...TIMED_OUT, '3 online heartbeat'];
const HOUR = 3_600_000;

let fleet: SingleFleet;
let now: number;

const write = (fields: Partial<Pulse>) => fleet.redis.set(fleet.keys.pulse, pulseText(fields));
const readPulse = async () => parsePulse((await fleet.redis.get(fleet.keys.pulse)) ?? '');

/** Devices that were seen `ago` ms ago for the last time: their TTL has run out if that is longer than `ttl`. */
async function seen(ids: readonly string[], ago: number, ttl = TTL): Promise<void> {
  for (const id of ids) {
    const { keys } = fleet;
    await fleet.redis.hset(keys.state(id), 'lastSeen', now - ago);
    await fleet.redis.zadd(keys.activity, now - ago + ttl, id);
    if (ago > ttl) await fleet.redis.del(keys.heartbeat(id));
  }
}

/** Registers the devices and brings them online. @returns their ids */
async function online(count: number): Promise<string[]> {
  const ids = numberedIds(count);
  await registerAll(
    fleet,
    ids.map((id) => ({ id, type: 'lamp' })),
  );
  await heartbeats(
    fleet,
    ids.map((id) => ({ id, ttl: TTL })),
  );
  now = await serverNow(fleet.redis);
  return ids;
}

const verdicts = async (ids: readonly string[], options?: SettleOptions) =>
  (await settle(fleet.only, ids, options)).verdicts;

beforeEach(async () => {
  fleet = await openFleet(redis);
});

describe('what is taken for an outage', () => {
  const LOST = TTL + 3000;
  const cases: [what: string, pulse: () => Partial<Pulse>, isOutage: boolean][] = [
    ['a detector and the devices were cut off', () => ({ last: now - 5000, step: now - 4500 }), true],
    ['no detector ran', () => ({ last: now - 5000 }), false],
    ['the detector had stopped before', () => ({ last: now - 5000, step: now - 9000 }), false],
    ['a detector ran all the time', () => ({ last: now - 5000, step: now - 500 }), false],
    ['heartbeats came all the time', () => ({ last: now - 500, step: now - 5000 }), false],
    ['devices were silent', () => ({ last: now - 5000, gap: 200, step: now - 100 }), true],
    ['such gaps are usual', () => ({ last: now - 5000, gap: 4000, step: now - 100 }), false],
    [
      'such gaps were usual in the window before',
      () => ({ last: now - 5000, gap: 9, gapBefore: 4000 }),
      false,
    ],
    ['the outage was short for the TTL', () => ({ last: now - 1000, gap: 200 }), false],
    ['the pulse is of devstate 0.1, with an outage', () => ({}), true],
  ];

  test.each(cases)('%s', async (what, pulse, isOutage) => {
    const [d0 = '', d1 = ''] = await online(2);
    await seen([d0, d1], LOST);
    if (what.includes('0.1')) await fleet.redis.set(fleet.keys.pulse, `${now - 5000} ${now - 5500} 0`);
    else await write(pulse());
    const { wasOffline } = await heartbeat(fleet, { id: d0, ttl: TTL });
    expect(await storyOf(fleet, d0)).toEqual(isOutage ? ONLINE : RETURNED);
    expect(wasOffline).toBe(!isOutage);
    expect(await verdicts([d1])).toEqual([isOutage ? 'held' : 'offline']);
    expect((await readDevice(fleet, d1)).presenceSeq).toBe(isOutage ? 1 : 2);
  });

  test('the first settle after a cut notes it, whoever asks; silence it only feels', async () => {
    const ids = await online(5);
    await seen(ids, LOST);
    await write({ last: now - 5000, step: now - 5500 });
    expect(await verdicts(ids)).toEqual(ids.map(() => 'held'));
    expect(await readPulse()).toMatchObject({ from: now - 5000, last: now - 5000, step: now - 5500 });
    await write({ last: now - 5000, gap: 100 });
    expect(await verdicts(ids)).toEqual(ids.map(() => 'held'));
    expect(await readPulse()).toMatchObject({ from: 0, to: 0 });
    const { holdEnds } = await settle(fleet.only, ids);
    expect(holdEnds).toEqual({ first: now - 5000 + 2 * TTL, last: now - 5000 + 2 * TTL });
  });

  test('a detector that was itself stopped shows none', async () => {
    const [d0 = ''] = await online(1);
    await seen([d0], LOST);
    await write({ last: now - 5000, step: now - 5500 });
    expect(await verdicts([d0], { detector: true, isStalled: true })).toEqual(['offline']);
  });

  test('a lost pulse holds for one TTL', async () => {
    const ids = await online(2);
    await seen(ids, LOST);
    await fleet.redis.del(fleet.keys.pulse);
    expect(await verdicts(ids)).toEqual(['held', 'held']);
    const { from, to = 0 } = (await readPulse()) ?? {};
    expect(from).toBe(1);
    expect((await settle(fleet.only, ids)).holdEnds).toEqual({ first: to + TTL, last: to + TTL });
    await write({ from: 1, to: now - TTL - 1, last: now });
    expect(await verdicts(ids)).toEqual(['offline', 'offline']);
  });
});

describe('who is held', () => {
  const outage = (ms: number, endedAgo = 10) => ({
    from: now - endedAgo - ms,
    to: now - endedAgo,
    last: now,
    step: now,
  });
  const cases: [what: string, ago: number, ttl: number, pulse: () => Partial<Pulse>, isHeld: boolean][] = [
    ['its time ran out in the outage', 14_000, TTL, () => outage(5000), true],
    ['its time ran out before the outage', 14_000, TTL - 6500, () => outage(5000), false],
    ['it was seen since', 14_000, TTL, () => outage(20_000, 13_000), false],
    ['the outage was less than an eighth of its TTL', 10_500, TTL, () => outage(1200), false],
    ['the outage was an eighth of its TTL', 10_500, TTL, () => outage(1260), true],
    ['four gaps have passed since a short outage', 14_000, TTL, () => outage(1300, 5300), false],
    ['its TTL has passed since a long outage', 24_000, TTL, () => outage(9000, TTL + 1), false],
  ];

  test.each(cases)('%s', async (_what, ago, ttl, pulse, isHeld) => {
    const [d0 = '', d1 = ''] = await online(2);
    await seen([d0, d1], ago, ttl);
    await write(pulse());
    expect(await verdicts([d0])).toEqual([isHeld ? 'held' : 'offline']);
    await heartbeat(fleet, { id: d1, ttl });
    expect(await storyOf(fleet, d1)).toEqual(isHeld ? ONLINE : RETURNED);
  });

  test('each device goes by its own TTL', async () => {
    const [d0 = '', d1 = '', d2 = ''] = await online(3);
    await seen([d0], 2500, 2000);
    await seen([d1], 50_000, 49_000);
    await seen([d2], 11_000, TTL);
    await write(outage(2000, 0));
    const { verdicts: found, holdEnds } = await settle(fleet.only, [d0, d1, d2]);
    expect(found).toEqual(['held', 'offline', 'held']);
    expect(holdEnds).toEqual({ first: now + 2000, last: now + 8000 });
  });

  test.each([
    [4, 1],
    [5, 2],
  ])('silence holds %i devices for %i TTL', async (count, ttls) => {
    const ids = await online(count);
    await seen(ids, TTL + 3000);
    await write({ last: now - 5000, gap: 100 });
    const ends = now - 5000 + ttls * TTL;
    expect((await settle(fleet.only, ids)).holdEnds).toEqual({ first: ends, last: ends });
    await write({ last: now - ttls * TTL - 1, gap: 100 });
    expect(await verdicts(ids)).toEqual(ids.map(() => 'offline'));
  });

  test('a device that was not in the index is found by its deadline when the hold ends', async () => {
    const [d0 = ''] = await online(1);
    await seen([d0], TTL + 1000);
    await fleet.redis.zrem(fleet.keys.activity, d0);
    await fleet.redis.hset(fleet.keys.state(d0), 'devstate', `0 0 0 0 1 ${now} ${TTL}`);
    await write(outage(5000));
    expect(await verdicts([d0])).toEqual(['held']);
    expect(Number(await fleet.redis.zscore(fleet.keys.activity, d0))).toBe(now - 1000);
  });

  test('disconnect and unregister of a held device announce one event, with their reason', async () => {
    const [d0 = '', d1 = '', d2 = ''] = await online(3);
    await seen([d0, d1, d2], 12_000);
    await write(outage(5000));
    await disconnect(fleet, d0);
    expect(await storyOf(fleet, d0)).toEqual([...ONLINE, '2 offline disconnect']);
    await unregister(fleet, d1);
    expect(await storyOf(fleet, d1)).toEqual([...ONLINE, '2 offline unregister']);
    await write({ last: now, step: now });
    await unregister(fleet, d2);
    expect(await storyOf(fleet, d2)).toEqual(TIMED_OUT);
  });

  test('with honourHold: false it is announced offline, and the end of the hold is told', async () => {
    const [d0 = ''] = await online(1);
    await seen([d0], 12_000);
    await write(outage(5000, 0));
    const { verdicts: found, holdEnds } = await settle(fleet.only, [d0], { honourHold: false });
    expect([found, holdEnds]).toEqual([['offline'], { first: now + TTL, last: now + TTL }]);
  });

  test.each(DIALECTS)('in the dialect %s, the timestamp after a hold is the deadline', async (dialect) => {
    fleet = await openFleet(redis, { dialect });
    await online(1);
    await fleet.redis.del(fleet.keys.heartbeat('d0'));
    const deadline = now - 1500;
    await fleet.redis.hset(
      fleet.keys.state('d0'),
      dialect === 'node' ? { lastSeen: now - 11_500 } : { last_seen: (now - 11_500) / 1000 },
    );
    await fleet.redis.hset(fleet.keys.state('d0'), 'devstate', `0 0 0 0 1 ${now - 20_000} 0`);
    await fleet.redis.zadd(fleet.keys.activity, deadline, 'd0');
    await write(outage(5000));
    expect(await verdicts(['d0'])).toEqual(['held']);
    await write({ last: now, step: now });
    expect((await settle(fleet.only, ['d0'])).events).toMatchObject([
      { status: 'offline', timestamp: deadline },
    ]);
  });
});

describe('the setting hold', () => {
  test.each([
    [2, 2],
    [1.5, 1.5],
    [1, 1],
    [0, 0],
  ] as const)('%s: silence holds for %s TTL', async (hold, ttls) => {
    const ids = await online(5);
    await declareFleet(fleet, { hold });
    await seen(ids, TTL + 3000);
    await write({ last: now - 5000, gap: 100 });
    const ends = ttls === 0 ? 0 : now - 5000 + ttls * TTL;
    expect((await settle(fleet.only, ids)).holdEnds).toEqual({ first: ends, last: ends });
  });

  test('0: no device is held, and a heartbeat after an outage announces both events', async () => {
    const [d0 = '', d1 = ''] = await online(2);
    expect(await declareFleet(fleet, { hold: 0 })).toMatchObject({ hold: 0 });
    expect(await declareFleet(fleet)).toMatchObject({ hold: 0 });
    await seen([d0, d1], 12_000);
    await write({ last: now - 5000, step: now - 5000 });
    expect(await verdicts([d0])).toEqual(['offline']);
    await heartbeat(fleet, { id: d1 });
    expect(await storyOf(fleet, d1)).toEqual(RETURNED);
  });

  test.each(['3', '-1', 'NaN', '', '1e9'])('the stored value %j is refused', async (text) => {
    await online(1);
    await fleet.redis.hset(fleet.keys.meta, 'hold', text);
    fleet.invalidateSettings();
    await expect(settle(fleet.only, ['d0'])).rejects.toMatchObject({ code: 'BAD_RECORD' });
  });
});

describe('nothing stored binds the future', () => {
  const cases: [what: string, pulse: () => Partial<Pulse>][] = [
    ['the changes', () => ({ last: now, change2: now + HOUR, change1: now + HOUR, since: now + HOUR })],
    ['the end of an outage', () => ({ last: now, from: now - 5000, to: now + HOUR })],
    ['an outage', () => ({ last: now, from: now + HOUR, to: now + HOUR + 5000 })],
    ['the usual gap', () => ({ last: now, gap: HOUR, gapBefore: HOUR })],
  ];

  test.each(cases)('%s lies in the future: a device that died is told', async (_what, pulse) => {
    const [d0 = ''] = await online(1);
    await seen([d0], TTL + 100);
    await write(pulse());
    expect(await verdicts([d0])).toEqual(['offline']);
  });

  const ahead: [what: string, pulse: () => Partial<Pulse>][] = [
    ['heartbeat', () => ({ last: now + HOUR, gap: 100 })],
    ['step', () => ({ last: now, step: now + HOUR })],
    [
      'heartbeat and step, out of all bounds,',
      () => ({ last: 9e15, change2: 9e15, step: 9e15, from: 1, to: 9e15 }),
    ],
  ];

  test.each(ahead)(
    'the last %s lies in the future: devices are held for a TTL from now',
    async (_what, pulse) => {
      const [d0 = ''] = await online(1);
      await seen([d0], TTL + 100);
      await write(pulse());
      expect(await verdicts([d0])).toEqual(['held']);
      const { from, to } = (await readPulse()) as Pulse;
      expect(from).toBe(2);
      expect(to).toBeLessThanOrEqual(await serverNow(fleet.redis));
      await write({ last: to, from, to: to - TTL });
      expect(await verdicts([d0])).toEqual(['offline']);
    },
  );

  test('the last heartbeat of a device lies in the future too: it is held for its TTL, and not longer', async () => {
    const [d0 = ''] = await online(1);
    await seen([d0], TTL + 100 - HOUR);
    await fleet.redis.del(fleet.keys.heartbeat(d0));
    await write({ last: now + HOUR, gap: 100 });
    expect(await verdicts([d0])).toEqual(['held']);
    await write({ last: now, from: 2, to: now - TTL });
    expect(await verdicts([d0])).toEqual(['offline']);
  });

  test('the first heartbeat after a clock that was set back writes times of now', async () => {
    const [d0 = ''] = await online(1);
    const later = now + HOUR;
    await write({
      last: later,
      change2: later,
      change1: later,
      since: later,
      step: later,
      from: now,
      to: later,
    });
    const { lastSeen } = await heartbeat(fleet, { id: d0 });
    const { from, to, ...rest } = (await readPulse()) as Pulse;
    expect([from, to]).toEqual([2, lastSeen]);
    expect(Object.values(rest).filter((value) => Number(value) > lastSeen)).toEqual([]);
  });
});

describe('the pulse', () => {
  test('is written by heartbeats at most every 100 ms, but for another device', async () => {
    const [d0 = '', d1 = ''] = await online(2);
    now = await serverNow(fleet.redis);
    const recent = pulseText({ last: now, change2: now, change1: now, id: d0 });
    await fleet.redis.set(fleet.keys.pulse, recent);
    const { lastSeen } = await heartbeat(fleet, { id: d1 });
    if (lastSeen - now < 100) expect(await fleet.redis.get(fleet.keys.pulse)).toBe(recent);
    await write({ last: lastSeen, change2: now - 500, change1: now - 500, id: d0 });
    await heartbeat(fleet, { id: d1 });
    expect(await readPulse()).toMatchObject({ id: d1, change2: now - 500 });
  });

  test('takes two devices of a script, and none that is not registered', async () => {
    const ids = await online(3);
    await fleet.redis.del(fleet.keys.pulse);
    await heartbeats(fleet, [{ id: 'unknown' }]);
    expect(await readPulse()).toBeUndefined();
    const [first] = await heartbeats(
      fleet,
      ids.map((id) => ({ id })),
    );
    const at = (first as { lastSeen: number }).lastSeen;
    expect(await readPulse()).toMatchObject({ last: at, change2: at, change1: at });
  });

  test('takes heartbeats of other programs when settle finds the device due, but alive', async () => {
    const ids = await online(3);
    for (const [i, id] of ids.entries()) await seen([id], 1000 * (3 - i), 500);
    await fleet.redis.mset(ids.flatMap((id) => [fleet.keys.heartbeat(id), '1']));
    await write({ last: now - 5000, change1: now - 5000, id: 'd9' });
    await settle(fleet.only, ['d2', 'd0', 'd1']);
    expect(await readPulse()).toMatchObject({
      last: now - 1000,
      change2: now - 2000,
      change1: now - 1000,
      id: 'd2',
    });
  });

  test('is stamped by a detector’s settle', async () => {
    const ids = await online(1);
    await write({});
    await settle(fleet.only, ids);
    expect((await readPulse())?.step).toBe(0);
    await settle(fleet.only, ids, { detector: true });
    expect((await readPulse())?.step).toBeGreaterThanOrEqual(now);
  });

  test('forgets gaps after two windows of twice the TTL of the devices, not of the fleet', async () => {
    const [d0 = '', d1 = ''] = await online(2);
    const beatAfter = async (id: string, since: number, fields: Partial<Pulse>) => {
      now = await serverNow(fleet.redis);
      const past = { last: now - 200, change2: now - 200, change1: now - 200, since: now - since, step: now };
      await write({ ...past, id: id === d0 ? d1 : d0, ...fields });
      await heartbeat(fleet, { id, ttl: 1000 });
      return readPulse();
    };
    const young = await beatAfter(d0, 0, { ttl: 1000, gap: 5000 });
    expect(young).toMatchObject({ ttl: 1000, gap: 5000, gapBefore: 0 });
    const ended = await beatAfter(d1, 2000, { ttl: 1000, gap: 5000 });
    expect(ended).toMatchObject({ ttl: 1000, gapBefore: 5000 });
    expect(ended?.gap).toBeLessThan(5000);
    expect(await beatAfter(d0, 120_000, { ttl: 60_000, gap: 5000 })).toMatchObject({ ttl: 30_000 });
  });
});
