/** `get --at` of devices that other programs write too: what is said is right, or unknown. */
import { beforeEach, describe, expect, test } from 'vitest';
import { parseJsonObject } from '../../../src/core/model/json.js';
import { disconnect, heartbeat } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { register } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { articleProgram } from '../../support/article.js';
import { cli } from '../../support/cli.js';
import { openFleet } from '../../support/fleet.js';
import { shownAt as pastOf } from '../../support/past.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const devstate = cli(redis);
const ID = 'aa:bb:cc:dd:ee:ff';
const NOON = Date.parse('2025-01-01T12:00:00Z');

let past: Fleet;
let at: number;
beforeEach(async () => {
  at = NOON;
  past = await openFleet(redis, { clock: () => at });
});
const shownAt = (moment: string | number) => pastOf(devstate, ID, moment);

describe('beside another program', () => {
  const minute = (n: number) => NOON + n * 60_000;
  const clock = (n: number) => new Date(minute(n)).toISOString();
  const theirs = () => articleProgram(past.redis, 'node', { now: () => at });
  const reportedAt = async (n: number) => (await shownAt(minute(n))).reportedState;

  test('its report: known from the last sign of life on, and never for the one before', async () => {
    await register(past, ID, 'lamp');
    at = minute(10);
    await heartbeat(past, { id: ID, reportedJson: '{"n":1}' });
    expect([await reportedAt(9), await reportedAt(15)]).toEqual([{}, { n: 1 }]);
    at = minute(20);
    await theirs().heartbeat(ID, { n: 2 });
    expect([await reportedAt(9), await reportedAt(15), await reportedAt(20)]).toEqual([{}, null, { n: 2 }]);
    expect((await shownAt(minute(15))).said).toContain(`reported is known from ${clock(20)} on`);
    at = minute(30);
    await heartbeat(past, { id: ID, reportedJson: '{"n":3}' });
    expect([await reportedAt(9), await reportedAt(15), await reportedAt(25), await reportedAt(30)]).toEqual([
      {},
      null,
      null,
      { n: 3 },
    ]);
    expect((await shownAt(minute(15))).said).toContain(`reported is known from ${clock(30)} on`);
  });

  test('its desired state: not known, since nobody noted when, until devstate writes again', async () => {
    await register(past, ID, 'lamp');
    at = minute(10);
    await setDesired(past, ID, parseJsonObject('{"n":1}'));
    await theirs().setDesired(ID, { m: 2 });
    const before = await shownAt(minute(15));
    expect([before.desiredState, before.said]).toEqual([null, ['desired is not known']]);
    at = minute(20);
    await setDesired(past, ID, parseJsonObject('{"n":3}'));
    const after = await Promise.all([9, 15, 20].map((n) => shownAt(minute(n))));
    expect(after.map(({ desiredState }) => desiredState)).toEqual([{}, null, { n: 3, m: 2 }]);
    expect(after[1]?.said).toEqual([`desired is known from ${clock(20)} on`]);
  });

  test('a device that only it writes: what it was when it was last seen, and what it was registered with', async () => {
    await theirs().register(ID, 'lamp');
    expect(await shownAt(minute(5))).toMatchObject({
      reportedState: {},
      desiredState: {},
      status: 'offline',
      said: [],
    });
    at = minute(10);
    await theirs().heartbeat(ID, { n: 1 });
    at = minute(20);
    await theirs().heartbeat(ID);
    expect(await shownAt(minute(5))).toMatchObject({ reportedState: null, status: null });
    expect(await shownAt(minute(15))).toMatchObject({ reportedState: null, desiredState: {}, status: null });
    expect(await shownAt(minute(20))).toMatchObject({ reportedState: { n: 1 }, status: 'online', said: [] });
    await theirs().setDesired(ID, { on: true });
    expect((await shownAt(minute(20))).said).toEqual(['desired is not known']);
  });

  test('registered anew by it: what came before is not denied', async () => {
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
    expect(shown[2]?.said).toContain(`reported is known from ${clock(30)} on`);
  });

  test('emptied by it, as devstate had left it: not known in between', async () => {
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
    /** Theirs have a TTL of a minute, by a clock that stands still here. */
    const ranOut = () => past.redis.del(past.keys.heartbeat(ID));

    /** Heartbeat keys live by the server's clock. */
    beforeEach(() => {
      at = Date.now() - 3_600_000;
    });

    test.each<[what: string, write: () => Promise<unknown>]>([
      ['that it observed', () => settle(past, [ID])],
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
    ])('of a device %s: known from then on', async (_what, write) => {
      const start = at;
      await theirs().register(ID, 'lamp');
      await theirs().heartbeat(ID);
      at += 60_000;
      await write();
      expect(await statusAt(at)).toBe('online');
      expect(await shownAt(start + 30_000)).toMatchObject({
        status: null,
        said: [`presence is known from ${new Date(at).toISOString()} on`],
      });
    });

    test('of a device that it kept alive past devstate’s last deadline: not known from there to the verdict', async () => {
      await register(past, ID, 'lamp');
      const { expiresAt } = await heartbeat(past, { id: ID });
      at += 600_000;
      await theirs().heartbeat(ID);
      await ranOut();
      at += 600_000;
      await settle(past, [ID]);
      expect(await statuses(expiresAt - 1, expiresAt + 1, at - 1, at)).toEqual([
        'online',
        null,
        null,
        'offline',
      ]);
    });

    test('of a device that it registered anew, as never seen: not known since it was announced offline', async () => {
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

    test('of a device that came and went unseen: not known since it was announced offline', async () => {
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
      const { said, status } = await shownAt(seen + 60_000); // the longest TTL
      expect([said, status]).toEqual([[], 'offline']);
      at += 300_000;
      await heartbeat(past, { id: ID, ttl: 7_200_000 });
      expect(await statuses(goodbye - 1, goodbye + 1, seen + 60_000, at)).toEqual([
        'online',
        null,
        null,
        'online',
      ]);
    });

    /** It beat alone, and devstate learnt until when. */
    async function observed(): Promise<number> {
      await theirs().register(ID, 'lamp');
      await theirs().heartbeat(ID);
      await settle(past, [ID]);
      return Number(await past.redis.zscore(past.keys.activity, ID));
    }

    test('of a device that fell silent unseen: not known from its known deadline until the verdict', async () => {
      const deadline = await observed();
      at += 30_000;
      await theirs().heartbeat(ID);
      expect(await statuses(deadline - 1, at)).toEqual(['online', 'online']);
      const moments = [deadline - 1, deadline + 1, at + 60_000]; // the longest TTL later
      await ranOut();
      expect(await statuses(...moments)).toEqual(['online', null, 'offline']);
      at += 600_000;
      await settle(past, [ID]);
      expect(await statuses(...moments, at)).toEqual(['online', null, null, 'offline']);
    });

    test('of a device that beat past its known deadline: not known in between', async () => {
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
