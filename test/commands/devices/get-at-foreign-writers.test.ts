/** `get --at` of devices that other programs also write: each field is right or reported as unknown. */
import { beforeEach, describe, expect, test } from 'vitest';
import { parseJsonObject } from '../../../src/core/model/json.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { register } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { articleProgram } from '../../support/article.js';
import { cli } from '../../support/cli.js';
import { openFleet, type SingleFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';
import { shownAt as pastOf } from '../../support/shown-at.js';

const redis = useRedis();
const devstate = cli(redis);
const ID = 'aa:bb:cc:dd:ee:ff';
const NOON = Date.parse('2025-01-01T12:00:00Z');

let past: SingleFleet;
let at: number;
beforeEach(async () => {
  at = NOON;
  past = await openFleet(redis, { clock: () => at });
});
const shownAt = (moment: string | number) => pastOf(devstate, ID, moment);

describe('with another program writing', () => {
  const minute = (n: number) => NOON + n * 60_000;
  const clock = (n: number) => new Date(minute(n)).toISOString();
  const theirs = () => articleProgram(past.redis, 'node', { now: () => at });
  const reportedAt = async (n: number) => (await shownAt(minute(n))).reportedState;

  test('its report is known from the time it was last seen, and the report before it is not', async () => {
    await register(past, ID, 'lamp');
    at = minute(10);
    await heartbeat(past, { id: ID, reportedJson: '{"n":1}' });
    expect([await reportedAt(9), await reportedAt(15)]).toEqual([{}, { n: 1 }]);
    at = minute(20);
    await theirs().heartbeat(ID, { n: 2 });
    expect([await reportedAt(9), await reportedAt(15), await reportedAt(20)]).toEqual([{}, null, { n: 2 }]);
    expect((await shownAt(minute(15))).notices).toContain(`reported is known from ${clock(20)} on`);
    at = minute(30);
    await heartbeat(past, { id: ID, reportedJson: '{"n":3}' });
    expect([await reportedAt(9), await reportedAt(15), await reportedAt(25), await reportedAt(30)]).toEqual([
      {},
      null,
      null,
      { n: 3 },
    ]);
    expect((await shownAt(minute(15))).notices).toContain(`reported is known from ${clock(30)} on`);
  });

  test('its desired state is unknown, because its time was not recorded, until devstate writes again', async () => {
    await register(past, ID, 'lamp');
    at = minute(10);
    await setDesired(past, ID, parseJsonObject('{"n":1}'));
    await theirs().setDesired(ID, { m: 2 });
    const before = await shownAt(minute(15));
    expect([before.desiredState, before.notices]).toEqual([null, ['desired is not known']]);
    at = minute(20);
    await setDesired(past, ID, parseJsonObject('{"n":3}'));
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
    at = minute(10);
    await theirs().heartbeat(ID, { n: 1 });
    at = minute(20);
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
    await register(past, ID, 'lamp');
    at = minute(10);
    await heartbeat(past, { id: ID, reportedJson: '{"n":1}' });
    await setDesired(past, ID, parseJsonObject('{"n":1}'));
    at = minute(20);
    await heartbeat(past, { id: ID, reportedJson: '{"n":2}' });
    at = minute(30);
    await theirs().register(ID, 'lamp');
    const shown = await Promise.all([5, 15, 25, 30].map((n) => shownAt(minute(n))));
    expect(shown.map(({ reportedState }) => reportedState)).toEqual([null, { n: 1 }, null, {}]);
    expect(shown.map(({ desiredState }) => desiredState)).toEqual([null, null, null, {}]);
    expect(shown[2]?.notices).toContain(`reported is known from ${clock(30)} on`);
  });

  test('emptied by it and then as devstate had left it: the time in between is unknown', async () => {
    await register(past, ID, 'lamp');
    for (const n of [10, 20]) {
      at = minute(n);
      await heartbeat(past, { id: ID, reportedJson: n === 10 ? '{"n":1}' : '{}' });
    }
    at = minute(30);
    await theirs().heartbeat(ID, { n: 3 });
    at = minute(40);
    await theirs().register(ID, 'lamp');
    const reported = await Promise.all([15, 25, 35, 40].map(reportedAt));
    expect(reported).toEqual([{ n: 1 }, null, null, {}]);
  });

  describe('presence', () => {
    const statusAt = async (moment: number) => (await shownAt(moment)).status;
    const statuses = (...moments: number[]) => Promise.all(moments.map(statusAt));
    /** Heartbeats of the other program have a TTL of one minute; its clock is stopped in this test. */
    const ranOut = () => past.redis.del(past.keys.heartbeat(ID));

    /** The expiry of heartbeat keys follows the server's clock. */
    beforeEach(() => {
      at = Date.now() - 3_600_000;
    });

    test.each<[what: string, write: () => Promise<unknown>]>([
      ['that it observed', () => settle(past.only, [ID])],
      [
        'that beats with devstate while its key is there, though registered anew',
        async () => {
          at -= 40_000;
          await theirs().register(ID, 'lamp');
          at += 40_000;
          await heartbeat(past, { id: ID, ttl: 7_200_000 });
        },
      ],
      [
        'that beats with devstate once it has been seen',
        async () => {
          await ranOut();
          await heartbeat(past, { id: ID, ttl: 7_200_000 });
        },
      ],
    ])('of a device %s is known from then on', async (_what, write) => {
      const start = at;
      await theirs().register(ID, 'lamp');
      await theirs().heartbeat(ID);
      at += 60_000;
      await write();
      expect(await statusAt(at)).toBe('online');
      expect(await shownAt(start + 30_000)).toMatchObject({
        status: null,
        notices: [`presence is known from ${new Date(at).toISOString()} on`],
      });
    });

    test('of a device that it kept online past the last deadline of devstate is unknown from that deadline until it is marked offline', async () => {
      await register(past, ID, 'lamp');
      const { expiresAt } = await heartbeat(past, { id: ID });
      at += 600_000;
      await theirs().heartbeat(ID);
      await ranOut();
      at += 600_000;
      await settle(past.only, [ID]);
      expect(await statuses(expiresAt - 1, expiresAt + 1, at - 1, at)).toEqual([
        'online',
        null,
        null,
        'offline',
      ]);
    });

    test('of a device that it registered again as never seen is unknown since the device was announced offline', async () => {
      await register(past, ID, 'lamp');
      at += 1000;
      await heartbeat(past, { id: ID });
      await disconnect(past, ID);
      const goodbye = at;
      at += 1000;
      await theirs().heartbeat(ID);
      at += 30_000;
      await theirs().register(ID, 'lamp');
      await ranOut();
      expect(await statuses(goodbye + 2000, at + 1, at + 60_000)).toEqual([null, null, 'offline']);
      at += 300_000;
      await heartbeat(past, { id: ID, ttl: 7_200_000 });
      expect(await statuses(goodbye + 2000, at - 1, at)).toEqual([null, null, 'online']);
    });

    test('of a device that went online and offline unnoticed is unknown since the device was announced offline', async () => {
      await register(past, ID, 'lamp');
      at += 60_000;
      await heartbeat(past, { id: ID });
      at += 10_000;
      await disconnect(past, ID);
      const goodbye = at;
      at += 60_000;
      await theirs().heartbeat(ID);
      const seen = at;
      await ranOut();
      expect(await statuses(goodbye - 1, goodbye + 1, seen + 30_000)).toEqual(['online', null, null]);
      const { notices, status } = await shownAt(seen + 60_000); // the longest TTL
      expect([notices, status]).toEqual([[], 'offline']);
      at += 300_000;
      await heartbeat(past, { id: ID, ttl: 7_200_000 });
      expect(await statuses(goodbye - 1, goodbye + 1, seen + 60_000, at)).toEqual([
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
      await settle(past.only, [ID]);
      return Number(await past.redis.zscore(past.keys.activity, ID));
    }

    test('of a device whose heartbeats stopped unnoticed is unknown from its known deadline until it is marked offline', async () => {
      const deadline = await observed();
      at += 30_000;
      await theirs().heartbeat(ID);
      expect(await statuses(deadline - 1, at)).toEqual(['online', 'online']);
      const moments = [deadline - 1, deadline + 1, at + 60_000]; // the longest TTL later
      await ranOut();
      expect(await statuses(...moments)).toEqual(['online', null, 'offline']);
      at += 600_000;
      await settle(past.only, [ID]);
      expect(await statuses(...moments, at)).toEqual(['online', null, null, 'offline']);
    });

    test('of a device that sent heartbeats after its known deadline is unknown in between', async () => {
      const deadline = await observed();
      at += 600_000;
      await theirs().heartbeat(ID);
      expect(await statuses(deadline - 1, deadline + 1, at)).toEqual(['online', null, 'online']);
      const moments = [deadline - 1, deadline + 1, at, at + 60_000];
      await ranOut();
      expect(await statuses(...moments)).toEqual(['online', null, null, 'offline']);
      at += 600_000;
      await disconnect(past, ID);
      expect(await statuses(...moments, at)).toEqual(['online', null, null, null, 'offline']);
    });
  });
});
