/** A denied command or channel is named in the error, also when a script catches the denial for one device. */
import { beforeEach, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { registerAll } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { isDenied } from '../../../src/core/store/reply-errors.js';
import { cut, failure, openFleet, type SingleFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
let admin: SingleFleet;
beforeEach(async () => {
  admin = await openFleet(redis);
  await declareFleet(admin);
  await registerAll(admin, [
    { id: 'd1', type: 't' },
    { id: 'd2', type: 't' },
  ]);
});

/** The fleet as a user who may do everything except what `rules` take away. */
async function limited(...rules: string[]): Promise<SingleFleet> {
  await admin.redis.call('ACL', 'SETUSER', 'app', 'reset', 'on', '>pw', '~*', '&*', '+@all', ...rules);
  return openFleet(redis, {}, { username: 'app', password: 'pw' });
}

const beat = (fleet: SingleFleet) =>
  heartbeats(fleet, [
    { id: 'd1', reportedJson: '{"a":1}' },
    { id: 'unknown', reportedJson: '{"a":1}' },
  ]);
const registration = (fleet: SingleFleet) => registerAll(fleet, [{ id: 'd3', type: 't' }]);
const settlement = async (fleet: SingleFleet) => {
  await heartbeats(admin, [{ id: 'd1' }]);
  await cut(admin, 'd1');
  return (await settle(fleet.only, ['d1'], { honourHold: false })).verdicts;
};

const OPERATIONS = { heartbeat: beat, register: registration, settle: settlement };

test.each<[operation: keyof typeof OPERATIONS, rule: string, message: string]>([
  ...['xadd', 'sadd', 'zadd', 'publish', 'rpush', 'lindex', 'hset'].map(
    (name): ['heartbeat', string, string] => [
      'heartbeat',
      `-${name}`,
      `device "d1": permission refused: this user may not send ${name.toUpperCase()}, as heartbeat does`,
    ],
  ),
  [
    'heartbeat',
    'resetchannels',
    'device "d1": permission refused: this user may not publish to devices:presence',
  ],
  ['register', '-zadd', 'device "d3": permission refused: this user may not send ZADD, as register does'],
  ['settle', '-pttl', 'device "d1": permission refused: this user may not send PTTL, as settle does'],
  ['settle', '-xadd', 'device "d1": permission refused: this user may not send XADD, as settle does'],
])('%s with the rule %s: the error names what is denied', async (operation, rule, message) => {
  const [denied, ...others] = await OPERATIONS[operation](await limited(rule));
  expect(denied).toMatchObject({ code: 'CONNECTION', message });
  expect(isDenied(denied)).toBe(true);
  expect(others.filter(isDenied)).toEqual([]);
});

test('the error names a denied command that only checks the type of a key', async () => {
  expect(await failure(beat(await limited('-xlen')))).toMatchObject({
    code: 'CONNECTION',
    message: "permission refused: this user has no permissions to run the 'xlen' command",
  });
});

test('setDesired of an undeclared fleet samples no records before it writes', async () => {
  await admin.redis.del(admin.keys.meta);
  const fleet = await limited('-srandmember');
  expect(await failure(setDesired(fleet, 'unknown', {}))).toMatchObject({ code: 'NOT_FOUND' });
  expect(await setDesired(fleet, 'd1', {})).toMatchObject({ changed: false });
});
