/** `get --at` with missing history entries: each field is right or reported as unknown. */
import { beforeEach, expect, test } from 'vitest';
import { stateAt } from '../../../src/core/history/state-at.js';
import { parseJsonObject } from '../../../src/core/model/json.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { cli } from '../../support/cli.js';
import { openFleet, SingleFleet } from '../../support/fleet.js';
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

test('changes made while the cap was 0, and the state before them, are unknown', async () => {
  await past.redis.hset(past.keys.meta, 'historyCap', 100);
  await register(past, ID, 'lamp');
  for (const [n, cap] of [100, 100, 0, 0, 100, 100].entries()) {
    at = NOON + n * 60_000;
    await past.redis.hset(past.keys.meta, 'historyCap', cap);
    await setDesired(await openFleet(redis, { clock: () => at }), ID, parseJsonObject(`{"n":${n}}`));
  }
  const ns = await Promise.all([0, 1, 2, 3, 4, 5].map((minute) => shownAt(`2025-01-01T12:0${minute}:30Z`)));
  expect(ns.map(({ desiredState }) => desiredState)).toEqual([null, null, null, null, { n: 4 }, { n: 5 }]);
  expect(ns[0]?.notices).toEqual(['desired is known from 2025-01-01T12:04:00.000Z on']);
});

test('after a missing entry the state of the entry before it is not used', async () => {
  await register(past, ID, 'lamp');
  for (const [minute, n] of [0, 1, 2, 0].entries()) {
    at = NOON + minute * 60_000;
    await setDesired(past, ID, parseJsonObject(`{"n":${n}}`));
  }
  const key = past.keys.history('desired', ID);
  await past.redis.lrem(key, 1, (await past.redis.lindex(key, 1)) as string);
  const shown = () =>
    Promise.all([0, 1, 2, 3].map(async (n) => (await shownAt(NOON + n * 60_000 + 1)).desiredState));
  expect(await shown()).toEqual([null, null, { n: 2 }, { n: 0 }]);
  const { stdout } = await devstate.run(`history ${ID} --diff --kind desired --no-headers`);
  expect(stdout).toMatch(/n: - → 0\n.*3 +\{"n":2\} \(the previous value is not known\)\n.*n: 2 → 0\n/);
  for (const _ of ['0', '2']) {
    await past.redis.rpop(key);
    expect(await shown()).toEqual([null, null, null, null]);
  }
});

test('a state emptied by devstate without history is unknown, but the state at registration is known', async () => {
  await past.redis.hset(past.keys.meta, 'historyCap', 0);
  await register(past, ID, 'lamp');
  expect(await shownAt(NOON)).toMatchObject({ desiredState: {}, notices: [] });
  for (const n of ['{"n":1}', '{"n":null}']) {
    at += 60_000;
    await setDesired(past, ID, parseJsonObject(n));
  }
  expect(await shownAt(NOON + 90_000)).toMatchObject({
    desiredState: null,
    notices: ['desired is not known'],
  });
});

test('a change made during the read makes nothing unknown', async () => {
  await register(past, ID, 'lamp');
  const busy = new Proxy(past.redis, {
    get(target, name) {
      if (name !== 'lrange') return Reflect.get(target, name, target);
      return async (key: string, from: number, to: number) => {
        at += 1000;
        await heartbeat(past, { id: ID, reportedJson: `{"at":${at}}` });
        await setDesired(past, ID, parseJsonObject(`{"at":${at}}`));
        return target.lrange(key, from, to);
      };
    },
  });
  for (let i = 0; i < 5; i++)
    expect((await stateAt(new SingleFleet(busy), ID, at + 60_000)).unknown).toEqual({});
});
