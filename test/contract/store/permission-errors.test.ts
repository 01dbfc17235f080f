/** What a user lacks is named, also where a script catches it, because it is one device's failure of many. */
import { beforeEach, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { registerAll } from '../../../src/core/registry/register.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { isDenied } from '../../../src/core/store/redis-errors.js';
import { cut, failure, openFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
let admin: Fleet;
beforeEach(async () => {
  admin = await openFleet(redis);
  await declareFleet(admin);
  await registerAll(admin, [
    { id: 'd1', type: 't' },
    { id: 'd2', type: 't' },
  ]);
});

async function limited(...rules: string[]): Promise<Fleet> {
  await admin.redis.call('ACL', 'SETUSER', 'app', 'reset', 'on', '>pw', '~*', '&*', '+@all', ...rules);
  return openFleet(redis, {}, { username: 'app', password: 'pw' });
}

const beat = (fleet: Fleet) =>
  heartbeats(fleet, [
    { id: 'd1', reportedJson: '{"a":1}' },
    { id: 'unknown', reportedJson: '{"a":1}' },
  ]);
const enrol = (fleet: Fleet) => registerAll(fleet, [{ id: 'd3', type: 't' }]);
const judge = async (fleet: Fleet) => {
  await heartbeats(admin, [{ id: 'd1' }]);
  await cut(admin, 'd1');
  return (await settle(fleet, ['d1'], { honourHold: false })).verdicts;
};

test.each<[what: (fleet: Fleet) => Promise<unknown[]>, rule: string, said: string]>([
  ...['xadd', 'sadd', 'zadd', 'publish', 'rpush', 'lindex', 'hset'].map(
    (name): [typeof beat, string, string] => [
      beat,
      `-${name}`,
      `device "d1": permission refused: this user may not send ${name.toUpperCase()}, as heartbeat does`,
    ],
  ),
  [beat, 'resetchannels', 'device "d1": permission refused: this user may not publish to devices:presence'],
  [enrol, '-zadd', 'device "d3": permission refused: this user may not send ZADD, as register does'],
  [judge, '-pttl', 'device "d1": permission refused: this user may not send PTTL, as settle does'],
  [judge, '-xadd', 'device "d1": permission refused: this user may not send XADD, as settle does'],
])('%o: %s', async (act, rule, message) => {
  const [denied, ...others] = await act(await limited(rule));
  expect(denied).toMatchObject({ code: 'CONNECTION', message });
  expect(isDenied(denied)).toBe(true);
  expect(others.filter(isDenied)).toEqual([]);
});

test('a command that only looks whether a key can be used is named, too', async () => {
  expect(await failure(beat(await limited('-xlen')))).toMatchObject({
    code: 'CONNECTION',
    message: "permission refused: this user has no permissions to run the 'xlen' command",
  });
});
