/** `get --at` of devices that other programs also write: each field is right or reported as unknown. */
import { beforeEach, describe, expect, test } from 'vitest';
import { parseJsonObject } from '../../../src/core/model/json.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { register } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { articleProgram } from '../../support/article.mjs';
import { cli } from '../../support/cli.js';
import { ID, NOON, usePastFleet } from '../../support/past-fleet.js';
import { useRedis } from '../../support/redis.js';
import { shownAt as shownInPast } from '../../support/shown-at.js';

const redis = useRedis();
const devstate = cli(redis);
const past = usePastFleet(redis);
const shownAt = (moment: string | number) => shownInPast(devstate, ID, moment);

describe('with another program writing', () => {
  const minute = (n: number) => NOON + n * 60_000;
  const clock = (n: number) => new Date(minute(n)).toISOString();
  const theirs = () => articleProgram(past.fleet.redis, 'node', { now: () => past.now });
  const reportedAt = async (n: number) => (await shownAt(minute(n))).reportedState;

  test('its report is known from the time it was last seen, and the report before it is not', async () => {
    await register(past.fleet, ID, 'lamp');
    past.now = minute(10);
    await heartbeat(past.fleet, { id: ID, reportedJson: '{"n":1}' });
    expect([await reportedAt(9), await reportedAt(15)]).toEqual([{}, { n: 1 }]);
    past.now = minute(20);
    await theirs().heartbeat(ID, { n: 2 });
    expect([await reportedAt(9), await reportedAt(15), await reportedAt(20)]).toEqual([{}, null, { n: 2 }]);
    expect((await shownAt(minute(15))).notices).toContain(`reported is known from ${clock(20)} on`);
    past.now = minute(30);
    await heartbeat(past.fleet, { id: ID, reportedJson: '{"n":3}' });
    expect([await reportedAt(9), await reportedAt(15), await reportedAt(25), await reportedAt(30)]).toEqual([
      {},
      null,
      null,
      { n: 3 },
    ]);
    expect((await shownAt(minute(15))).notices).toContain(`reported is known from ${clock(30)} on`);
  });

  test('its desired state is unknown, because its time was not recorded, until devstate writes again', async () => {
    await register(past.fleet, ID, 'lamp');
    past.now = minute(10);
    await setDesired(past.fleet, ID, parseJsonObject('{"n":1}'));
    await theirs().setDesired(ID, { m: 2 });
    const before = await shownAt(minute(15));
    expect([before.desiredState, before.notices]).toEqual([null, ['desired is not known']]);
    past.now = minute(20);
    await setDesired(past.fleet, ID, parseJsonObject('{"n":3}'));
    const after = await Promise.all([9, 15, 20].map((n) => shownAt(minute(n))));
    expect(after.map(({ desiredState }) => desiredState)).toEqual([{}, null, { n: 3, m: 2 }]);
    expect(after[1]?.notices).toEqual([`desired is known from ${clock(20)} on`]);
  });

  test('a device that only it writes: the state when last seen and at registration is known', async () => {
    await theirs().register(ID, 'lamp');
    expect(await shownAt(minute(5))).toMatchObject({
      reportedState: {},
      desiredState: {},
      status: 'offline',
      notices: [],
    });
    past.now = minute(10);
    await theirs().heartbeat(ID, { n: 1 });
    past.now = minute(20);
    await theirs().heartbeat(ID);
    expect(await shownAt(minute(5))).toMatchObject({ reportedState: null, status: null });
    expect(await shownAt(minute(15))).toMatchObject({ reportedState: null, desiredState: {}, status: null });
    expect(await shownAt(minute(20))).toMatchObject({
      reportedState: { n: 1 },
      status: 'online',
      notices: [],
    });
    await theirs().setDesired(ID, { on: true });
    expect((await shownAt(minute(20))).notices).toEqual(['desired is not known']);
  });

  test('registered again by it: the time before is unknown, not "not registered"', async () => {
    await register(past.fleet, ID, 'lamp');
    past.now = minute(10);
    await heartbeat(past.fleet, { id: ID, reportedJson: '{"n":1}' });
    await setDesired(past.fleet, ID, parseJsonObject('{"n":1}'));
    past.now = minute(20);
    await heartbeat(past.fleet, { id: ID, reportedJson: '{"n":2}' });
    past.now = minute(30);
    await theirs().register(ID, 'lamp');
    const shown = await Promise.all([5, 15, 25, 30].map((n) => shownAt(minute(n))));
    expect(shown.map(({ reportedState }) => reportedState)).toEqual([null, { n: 1 }, null, {}]);
    expect(shown.map(({ desiredState }) => desiredState)).toEqual([null, null, null, {}]);
    expect(shown[2]?.notices).toContain(`reported is known from ${clock(30)} on`);
  });

  test('emptied by it and then as devstate had left it: the time in between is unknown', async () => {
    await register(past.fleet, ID, 'lamp');
    for (const n of [10, 20]) {
      past.now = minute(n);
      await heartbeat(past.fleet, { id: ID, reportedJson: n === 10 ? '{"n":1}' : '{}' });
    }
    past.now = minute(30);
    await theirs().heartbeat(ID, { n: 3 });
    past.now = minute(40);
    await theirs().register(ID, 'lamp');
    const reported = await Promise.all([15, 25, 35, 40].map(reportedAt));
    expect(reported).toEqual([{ n: 1 }, null, null, {}]);
  });

  describe('presence', () => {
    const statusAt = async (moment: number) => (await shownAt(moment)).status;
    const statuses = (...moments: number[]) => Promise.all(moments.map(statusAt));
    /** Heartbeats of the other program have a TTL of one minute; its clock is stopped in this test. */
    const ranOut = () => past.fleet.redis.del(past.fleet.keys.heartbeat(ID));

    /** The expiry of heartbeat keys follows the server's clock. */
    beforeEach(() => {
      past.now = Date.now() - 3_600_000;
    });

    test.each<[what: string, write: () => Promise<unknown>]>([
      ['that it observed', () => settle(past.fleet.only, [ID])],
      [
        'that beats with devstate while its key is there, though registered anew',
        async () => {
          past.now -= 40_000;
          await theirs().register(ID, 'lamp');
          past.now += 40_000;
          await heartbeat(past.fleet, { id: ID, ttl: 7_200_000 });
        },
      ],
      [
        'that beats with devstate once it has been seen',
        async () => {
          await ranOut();
          await heartbeat(past.fleet, { id: ID, ttl: 7_200_000 });
        },
      ],
    ])('of a device %s is known from then on', async (_what, write) => {
      const start = past.now;
      await theirs().register(ID, 'lamp');
      await theirs().heartbeat(ID);
      past.now += 60_000;
      await write();
      expect(await statusAt(past.now)).toBe('online');
      expect(await shownAt(start + 30_000)).toMatchObject({
        status: null,
        notices: [`presence is known from ${new Date(past.now).toISOString()} on`],
      });
    });

    test('of a device that it kept online past the last deadline of devstate is unknown from that deadline until it is marked offline', async () => {
      await register(past.fleet, ID, 'lamp');
      const { expiresAt } = await heartbeat(past.fleet, { id: ID });
      past.now += 600_000;
      await theirs().heartbeat(ID);
      await ranOut();
      past.now += 600_000;
      await settle(past.fleet.only, [ID]);
      expect(await statuses(expiresAt - 1, expiresAt + 1, past.now - 1, past.now)).toEqual([
        'online',
        null,
        null,
        'offline',
      ]);
    });

    test('of a device that it registered again as never seen is unknown since the device was announced offline', async () => {
      await register(past.fleet, ID, 'lamp');
      past.now += 1000;
      await heartbeat(past.fleet, { id: ID });
      await disconnect(past.fleet, ID);
      const goodbye = past.now;
      past.now += 1000;
      await theirs().heartbeat(ID);
      past.now += 30_000;
      await theirs().register(ID, 'lamp');
      await ranOut();
      expect(await statuses(goodbye + 2000, past.now + 1, past.now + 60_000)).toEqual([
        null,
        null,
        'offline',
      ]);
      past.now += 300_000;
      await heartbeat(past.fleet, { id: ID, ttl: 7_200_000 });
      expect(await statuses(goodbye + 2000, past.now - 1, past.now)).toEqual([null, null, 'online']);
    });

    test('of a device that went online and offline unnoticed is unknown since the device was announced offline', async () => {
      await register(past.fleet, ID, 'lamp');
      past.now += 60_000;
      await heartbeat(past.fleet, { id: ID });
      past.now += 10_000;
      await disconnect(past.fleet, ID);
      const goodbye = past.now;
      past.now += 60_000;
      await theirs().heartbeat(ID);
      const seen = past.now;
      await ranOut();
      expect(await statuses(goodbye - 1, goodbye + 1, seen + 30_000)).toEqual(['online', null, null]);
      const { notices, status } = await shownAt(seen + 60_000); // the longest TTL
      expect([notices, status]).toEqual([[], 'offline']);
      past.now += 300_000;
      await heartbeat(past.fleet, { id: ID, ttl: 7_200_000 });
      expect(await statuses(goodbye - 1, goodbye + 1, seen + 60_000, past.now)).toEqual([
        'online',
        null,
        null,
        'online',
      ]);
    });

    /** The other program alone sends heartbeats, and devstate knows until when the last one is valid. */
    async function observed(): Promise<number> {
      await theirs().register(ID, 'lamp');
      await theirs().heartbeat(ID);
      await settle(past.fleet.only, [ID]);
      return Number(await past.fleet.redis.zscore(past.fleet.keys.activity, ID));
    }

    test('of a device whose heartbeats stopped unnoticed is unknown from its known deadline until it is marked offline', async () => {
      const deadline = await observed();
      past.now += 30_000;
      await theirs().heartbeat(ID);
      expect(await statuses(deadline - 1, past.now)).toEqual(['online', 'online']);
      const moments = [deadline - 1, deadline + 1, past.now + 60_000]; // the longest TTL later
      await ranOut();
      expect(await statuses(...moments)).toEqual(['online', null, 'offline']);
      past.now += 600_000;
      await settle(past.fleet.only, [ID]);
      expect(await statuses(...moments, past.now)).toEqual(['online', null, null, 'offline']);
    });

    test('of a device that sent heartbeats after its known deadline is unknown in between', async () => {
      const deadline = await observed();
      past.now += 600_000;
      await theirs().heartbeat(ID);
      expect(await statuses(deadline - 1, deadline + 1, past.now)).toEqual(['online', null, 'online']);
      const moments = [deadline - 1, deadline + 1, past.now, past.now + 60_000];
      await ranOut();
      expect(await statuses(...moments)).toEqual(['online', null, null, 'offline']);
      past.now += 600_000;
      await disconnect(past.fleet, ID);
      expect(await statuses(...moments, past.now)).toEqual(['online', null, null, null, 'offline']);
    });
  });
});
