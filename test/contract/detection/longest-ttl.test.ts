/**
 * A detector lowers the longest TTL of the fleet when no device uses it, and queries of stale devices never miss one
 * because of that.
 */
import { describe, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { Audit } from '../../../src/core/detection/audit.js';
import { LongestTtlAudit } from '../../../src/core/detection/longest-ttl-audit.js';
import { settleBatch } from '../../../src/core/detection/settle-batch.js';
import { DevstateError } from '../../../src/core/model/errors.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { staleDevices } from '../../../src/core/query/stale.js';
import { register } from '../../../src/core/registry/register.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import type { Partition } from '../../../src/core/store/partition.js';
import { openDetector } from '../../support/detector.js';
import { openFleet, type SingleFleet, serverNow, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const HOUR = 3_600_000;
const MINUTE = 60_000;

const storedIn = (fleet: Fleet) => fleet.redis.hmget(fleet.keys.meta, 'longestTtl', 'foundTtl');

/** Waits until a detector has told writers to which TTL the setting is to fall, and makes it that this is long ago. */
async function makeKnown(fleet: Fleet, ttl: number): Promise<void> {
  await until(async () => (await storedIn(fleet))[1]?.startsWith(`${ttl} `) ?? false);
  await fleet.redis.hset(
    fleet.keys.meta,
    'foundTtl',
    `${ttl} ${(await serverNow(fleet.redis)) - 2 * MINUTE}`,
  );
}

describe.each([1, 3])('a detector of a fleet of %i partitions lowers the longest TTL', (partitions) => {
  test.each([
    ['is unregistered', (fleet: Fleet) => unregister(fleet, 'd0'), MINUTE],
    ['gets a shorter TTL', (fleet: Fleet) => shorten(fleet, 2 * MINUTE), 2 * MINUTE],
  ])('after the device that used it %s', async (_, change, ttl) => {
    const fleet = await openFleet(redis);
    await declareFleet(fleet, { partitions });
    for (const id of ['d0', 'd1', 'd2', 'd3', 'd4']) {
      await register(fleet, id, 'lamp', { ttl: id === 'd0' ? HOUR : 90_000 });
      await heartbeat(fleet, { id });
    }
    await change(fleet);
    await openDetector(await openFleet(redis), { auditRound: 10 });
    const longest = Math.max(ttl, 90_000);
    await makeKnown(fleet, longest);
    await until(async () => (await storedIn(fleet))[0] === String(longest));
    expect(await storedIn(fleet)).toEqual([String(longest), '']);
  });
});

async function shorten(fleet: Fleet, ttl: number): Promise<void> {
  await register(fleet, 'd0', 'lamp', { ttl });
  await heartbeat(fleet, { id: 'd0' });
}

test('a detector that may not lower it says so and goes on', async () => {
  const fleet = await openFleet(redis);
  await register(fleet, 'd0', 'lamp', { ttl: HOUR });
  await register(fleet, 'd0', 'lamp', { ttl: MINUTE });
  const keys = ['~device:*', '~devices:[^m]*', '%R~devices:meta'];
  await fleet.redis.call('ACL', 'SETUSER', 'old', 'on', '>pw', '&*', '+@all', ...keys);
  const detector = await openDetector(await openFleet(redis, {}, { username: 'old', password: 'pw' }));
  await detector.says('the longest TTL of the fleet cannot be lowered');
  await detector.stop();
});

describe('what settle finds', () => {
  test.each<[string, (fleet: SingleFleet) => Promise<unknown>, number]>([
    ['of a device that was never seen', async () => {}, 0],
    [
      'of an offline device with a TTL of its own',
      (fleet) => register(fleet, 'd1', 'lamp', { ttl: HOUR }),
      HOUR,
    ],
    ['of a heartbeat with another TTL', (fleet) => heartbeat(fleet, { id: 'd1', ttl: HOUR }), HOUR],
    [
      'of a heartbeat that another program wrote',
      ({ redis, keys }) => redis.set(keys.heartbeat('d1'), '1', 'PX', HOUR),
      HOUR,
    ],
    ['of a heartbeat key that never expires', ({ redis, keys }) => redis.set(keys.heartbeat('d1'), '1'), 0],
  ])('%s', async (_, change, ttl) => {
    const fleet = await openFleet(redis);
    await register(fleet, 'd1', 'lamp');
    await change(fleet);
    const { ttlInUse } = await settle(fleet.only, ['d1', 'unknown']);
    expect(ttlInUse).toBeLessThanOrEqual(ttl);
    expect(ttlInUse).toBeGreaterThanOrEqual(ttl - 15_000 * Math.sign(ttl)); // PTTL counts on while the test runs
  });

  test('of a heartbeat that was sent long ago', async () => {
    const fleet = await openFleet(redis);
    await register(fleet, 'd1', 'lamp');
    await heartbeat(fleet, { id: 'd1', ttl: MINUTE });
    const sent = (await serverNow(fleet.redis)) - HOUR + MINUTE;
    await fleet.redis.hset(fleet.keys.state('d1'), 'lastSeen', sent);
    await fleet.redis.zadd(fleet.keys.activity, sent + HOUR, 'd1');
    await fleet.redis.pexpireat(fleet.keys.heartbeat('d1'), sent + HOUR);
    expect((await settle(fleet.only, ['d1'])).ttlInUse).toBe(HOUR);
  });
});

describe('between two audits', () => {
  async function lowering() {
    const fleet = await openFleet(redis);
    await declareFleet(fleet, { writers: 'exclusive' });
    for (const id of ['d1', 'd2']) await register(fleet, id, 'lamp');
    await heartbeat(fleet, { id: 'd1', ttl: HOUR });
    const early = await openFleet(redis);
    await early.settings();
    await heartbeat(fleet, { id: 'd1', ttl: MINUTE });
    let known = '';
    /** Audits the fleet as a detector does. The next audit begins when it ends. */
    const audit = async (ids: string[] = ['d1', 'd2']) => {
      const { ttlInUse } = await settle(fleet.only, ids);
      known = await fleet.only.lowerLongestTtl(Math.max(ttlInUse, MINUTE), known);
    };
    await audit();
    expect(await storedIn(fleet)).toEqual([String(HOUR), expect.stringMatching(/^60000 \d+$/)]);
    /** Makes the field `foundTtl` older by `ms`; with a negative time, as if the clock had been set back. */
    const pass = async (ms: number) => {
      const [ttl, at] = (await storedIn(fleet))[1]?.split(' ') ?? [];
      await fleet.redis.hset(fleet.keys.meta, 'foundTtl', `${ttl} ${Number(at) - ms}`);
    };
    return { fleet, early, late: await openFleet(redis), audit, pass };
  }

  /** The devices that the index says are stale, to a program that has just read the settings. */
  async function staleNow(olderThan: number): Promise<string[]> {
    const found: string[] = [];
    for await (const { deviceId } of staleDevices(await openFleet(redis), { olderThan, never: false }))
      found.push(deviceId);
    return found;
  }

  test('it falls only when all writers know to what it is to fall', async () => {
    const { fleet, audit, pass } = await lowering();
    await pass(MINUTE);
    await audit();
    expect((await storedIn(fleet))[0]).toBe(String(HOUR));
    await pass(MINUTE);
    await audit(); // it began when they did not know
    expect((await storedIn(fleet))[0]).toBe(String(HOUR));
    await audit();
    expect(await storedIn(fleet)).toEqual([String(MINUTE), '']);
  });

  test('a writer with the old settings uses it: it stays, and stale finds the device', async () => {
    const { fleet, early, audit, pass } = await lowering();
    await heartbeat(early, { id: 'd2', ttl: HOUR });
    expect((await storedIn(fleet))[1]).not.toBe(''); // the writer did not know
    await pass(2 * MINUTE);
    await audit();
    await audit();
    expect((await storedIn(fleet))[0]).toBe(String(HOUR));
    const now = await serverNow(fleet.redis);
    await fleet.redis.hset(fleet.keys.state('d2'), 'lastSeen', now - 10 * MINUTE);
    await fleet.redis.zadd(fleet.keys.activity, now + 50 * MINUTE, 'd2');
    expect(await staleNow(5 * MINUTE)).toEqual(['d2']);
  });

  test('a writer with the new settings uses a longer one: it stays', async () => {
    const { fleet, late, audit, pass } = await lowering();
    await pass(2 * MINUTE);
    await audit();
    await heartbeat(late, { id: 'd2', ttl: 2 * MINUTE });
    expect(await storedIn(fleet)).toEqual([String(HOUR), '']);
    await audit(['d1']); // it had settled d2 before
    await audit(['d1']);
    expect((await storedIn(fleet))[0]).toBe(String(HOUR));
  });

  test('it falls for a writer that raises it again with its next heartbeat', async () => {
    const { fleet, early, audit, pass } = await lowering();
    await pass(2 * MINUTE);
    await audit();
    await audit();
    expect((await storedIn(fleet))[0]).toBe(String(MINUTE));
    early.invalidateSettings(); // as happens after a minute
    await heartbeat(early, { id: 'd2', ttl: HOUR });
    expect((await storedIn(fleet))[0]).toBe(String(HOUR));
  });

  test('a longer TTL in a record, which a device with a login of its own may write, does not raise it', async () => {
    const { fleet, audit } = await lowering();
    await fleet.redis.hset(fleet.keys.state('d1'), 'devstate', `0 0 0 0 1 0 ${10 * HOUR}`);
    await audit();
    expect(await storedIn(fleet)).toEqual([String(HOUR), '']);
  });

  test('the clock is set back: it begins again', async () => {
    const { fleet, audit, pass } = await lowering();
    await pass(-HOUR);
    await audit();
    const [, at] = (await storedIn(fleet))[1]?.split(' ') ?? [];
    expect(Number(at)).toBeLessThanOrEqual(await serverNow(fleet.redis));
  });

  test('another detector began again meanwhile: an audit that began before does not lower it', async () => {
    const { fleet, late, audit, pass } = await lowering();
    await pass(3 * MINUTE);
    await audit(); // all writers know it now, and the next audit begins
    await late.only.lowerLongestTtl(2 * MINUTE, ''); // it found a longer TTL
    await pass(3 * MINUTE);
    await audit();
    expect((await storedIn(fleet))[0]).toBe(String(HOUR));
    await audit();
    expect(await storedIn(fleet)).toEqual([String(2 * MINUTE), '']);
  });
});

describe('an audit of the whole fleet', () => {
  /** Waits until Redis has done what would have been sent by now: it needs one reply at most to be sent. */
  async function sent({ redis }: SingleFleet): Promise<void> {
    await redis.ping();
    await redis.ping();
  }

  async function opened() {
    const fleet = await openFleet(redis);
    await register(fleet, 'd0', 'lamp', { ttl: HOUR });
    await register(fleet, 'd0', 'lamp', { ttl: MINUTE });
    const whole = new LongestTtlAudit(1, (notice) => expect.unreachable(notice));
    const audit = new Audit(fleet.only, 'registered', 10, 1);
    return { fleet, whole, audit };
  }

  const nothing = { settledCount: 0, waitingCount: 0 };
  const settled = (partition: Partition, ids: readonly string[]) => settleBatch(partition, [], ids, {});

  test('ends when the devices of its last slice are settled', async () => {
    const { fleet, whole, audit } = await opened();
    whole.note(fleet.only, { settled: await settled(fleet.only, []), ...nothing, audit });
    const ids = await audit.next();
    whole.note(fleet.only, { settled: await settled(fleet.only, []), ...nothing, waitingCount: 1, audit });
    await sent(fleet);
    expect((await storedIn(fleet))[1]).toBeNull();
    whole.note(fleet.only, { settled: await settled(fleet.only, ids), ...nothing, settledCount: 1, audit });
    await until(async () => (await storedIn(fleet))[1] !== null);
  });

  test('begins again after a step in which a device could not be settled', async () => {
    const { fleet, whole, audit } = await opened();
    whole.note(fleet.only, { settled: await settled(fleet.only, []), ...nothing, audit });
    const ids = await audit.next();
    const batch = await settled(fleet.only, ids);
    const refused = new DevstateError('CONNECTION', 'refused');
    whole.note(fleet.only, { settled: { ...batch, verdicts: [refused] }, ...nothing, audit });
    whole.note(fleet.only, { settled: await settled(fleet.only, []), ...nothing, audit });
    await sent(fleet);
    expect((await storedIn(fleet))[1]).toBeNull();
  });
});
