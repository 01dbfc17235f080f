/** `get --at` with missing history entries: each field is right or reported as unknown. */
import { expect, test } from 'vitest';
import { stateAt } from '../../../src/core/history/state-at.js';
import { parseJsonObject } from '../../../src/core/model/json.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { cli } from '../../support/cli.js';
import { openFleet, SingleFleet } from '../../support/fleet.js';
import { ID, NOON, usePastFleet } from '../../support/past-fleet.js';
import { useRedis } from '../../support/redis.js';
import { shownAt as shownInPast } from '../../support/shown-at.js';

const redis = useRedis();
const devstate = cli(redis);
const past = usePastFleet(redis);
const shownAt = (moment: string | number) => shownInPast(devstate, ID, moment);

test('changes made while the cap was 0, and the state before them, are unknown', async () => {
  await past.fleet.redis.hset(past.fleet.keys.meta, 'historyCap', 100);
  await register(past.fleet, ID, 'lamp');
  for (const [n, cap] of [100, 100, 0, 0, 100, 100].entries()) {
    past.now = NOON + n * 60_000;
    await past.fleet.redis.hset(past.fleet.keys.meta, 'historyCap', cap);
    await setDesired(await openFleet(redis, { clock: () => past.now }), ID, parseJsonObject(`{"n":${n}}`));
  }
  const ns = await Promise.all([0, 1, 2, 3, 4, 5].map((minute) => shownAt(`2025-01-01T12:0${minute}:30Z`)));
  expect(ns.map(({ desiredState }) => desiredState)).toEqual([null, null, null, null, { n: 4 }, { n: 5 }]);
  expect(ns[0]?.notices).toEqual(['desired is known from 2025-01-01T12:04:00.000Z on']);
});

test('after a missing entry the state of the entry before it is not used', async () => {
  await register(past.fleet, ID, 'lamp');
  for (const [minute, n] of [0, 1, 2, 0].entries()) {
    past.now = NOON + minute * 60_000;
    await setDesired(past.fleet, ID, parseJsonObject(`{"n":${n}}`));
  }
  const key = past.fleet.keys.history('desired', ID);
  await past.fleet.redis.lrem(key, 1, (await past.fleet.redis.lindex(key, 1)) as string);
  const shown = () =>
    Promise.all([0, 1, 2, 3].map(async (n) => (await shownAt(NOON + n * 60_000 + 1)).desiredState));
  expect(await shown()).toEqual([null, null, { n: 2 }, { n: 0 }]);
  const { stdout } = await devstate.run(`history ${ID} --diff --kind desired --no-headers`);
  expect(stdout).toMatch(/n: - → 0\n.*3 +\{"n":2\} \(the previous value is not known\)\n.*n: 2 → 0\n/);
  for (const _ of ['0', '2']) {
    await past.fleet.redis.rpop(key);
    expect(await shown()).toEqual([null, null, null, null]);
  }
});

test('a state emptied by devstate without history is unknown, but the state at registration is known', async () => {
  await past.fleet.redis.hset(past.fleet.keys.meta, 'historyCap', 0);
  await register(past.fleet, ID, 'lamp');
  expect(await shownAt(NOON)).toMatchObject({ desiredState: {}, notices: [] });
  for (const n of ['{"n":1}', '{"n":null}']) {
    past.now += 60_000;
    await setDesired(past.fleet, ID, parseJsonObject(n));
  }
  expect(await shownAt(NOON + 90_000)).toMatchObject({
    desiredState: null,
    notices: ['desired is not known'],
  });
});

test('a change made during the read makes nothing unknown', async () => {
  await register(past.fleet, ID, 'lamp');
  const busy = new Proxy(past.fleet.redis, {
    get(target, name) {
      if (name !== 'lrange') return Reflect.get(target, name, target);
      return async (key: string, from: number, to: number) => {
        past.now += 1000;
        await heartbeat(past.fleet, { id: ID, reportedJson: `{"at":${past.now}}` });
        await setDesired(past.fleet, ID, parseJsonObject(`{"at":${past.now}}`));
        return target.lrange(key, from, to);
      };
    },
  });
  for (let i = 0; i < 5; i++)
    expect((await stateAt(new SingleFleet(busy), ID, past.now + 60_000)).unknown).toEqual({});
});
