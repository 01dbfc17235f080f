/**
 * A denied command or channel is named in the error. A script asks for permissions before it writes; if one is taken
 * away after that, the denial of a device is named too, and the next call asks again.
 */
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { register, registerAll } from '../../../src/core/registry/register.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { isDenied } from '../../../src/core/store/reply-errors.js';
import { describeIfAble } from '../../support/abilities.js';
import { cut, failure, numberedIds, openFleet, type SingleFleet, snapshot } from '../../support/fleet.js';
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
  await limitedRules(...rules);
  return openFleet(redis, {}, { username: 'app', password: 'pw' });
}

async function limitedRules(...rules: string[]): Promise<void> {
  await admin.redis.call('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '&*', '+@all', ...rules);
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

describeIfAble('redis.acl_check_cmd', 'a script asks before it writes', () => {
  test.each<[operation: keyof typeof OPERATIONS, rule: string, message: string]>([
    ...['sadd', 'zadd', 'rpush', 'lindex', 'hset'].map((name): ['heartbeat', string, string] => [
      'heartbeat',
      `-${name}`,
      `permission refused: this user may not send ${name.toUpperCase()}, as report_fast does`,
    ]),
    ['heartbeat', '-xadd', 'permission refused: this user may not send XADD, as heartbeat does'],
    ['heartbeat', 'resetchannels', 'permission refused: this user may not publish to devices:presence'],
    ['heartbeat', '-publish', 'permission refused: this user may not publish to devices:presence'],
    ['heartbeat', '-xlen', 'permission refused: this user may not send XLEN, as heartbeat does'],
    ['register', '-zadd', 'permission refused: this user may not send ZADD, as register does'],
    ['settle', '-pttl', 'permission refused: this user may not send PTTL, as settle does'],
    ['settle', '-xadd', 'permission refused: this user may not send XADD, as settle does'],
  ])('%s with the rule %s: the error names what is denied', async (operation, rule, message) => {
    const denied = await failure(OPERATIONS[operation](await limited(rule)));
    expect(denied).toMatchObject({ code: 'CONNECTION', reason: 'PERMISSION_DENIED', message });
    expect(isDenied(denied)).toBe(true);
  });
});

test.each<[operation: keyof typeof OPERATIONS, rule: string, id: string, message: string]>([
  ['heartbeat', '-xadd', 'd1', 'this user may not send XADD, as heartbeat does'],
  ['heartbeat', 'resetchannels', 'd1', 'this user may not publish to devices:presence'],
  ['register', '-zadd', 'd3', 'this user may not send ZADD, as register does'],
  ['settle', '-xadd', 'd1', 'this user may not send XADD, as settle does'],
])('%s with the rule %s, set after it was asked for', async (operation, rule, id, message) => {
  vi.useFakeTimers({ toFake: ['performance'] }); // the answer holds for a second
  onTestFinished(() => void vi.useRealTimers());
  const fleet = await limited();
  await OPERATIONS[operation](fleet);
  await admin.redis.del(admin.keys.state('d3'));
  if (operation === 'heartbeat') await disconnect(admin, 'd1');
  await limitedRules(rule);
  const [denied, ...others] = await OPERATIONS[operation](fleet);
  expect(denied).toMatchObject({
    code: 'CONNECTION',
    message: `device "${id}": permission refused: ${message}`,
  });
  expect(others.filter(isDenied)).toEqual([]);
  if (operation === 'heartbeat') await disconnect(admin, 'd1');
  const before = await snapshot(admin.redis);
  expect(await failure(OPERATIONS[operation](fleet))).toMatchObject({
    message: `permission refused: ${message}`,
  });
  if (operation !== 'settle') expect(await snapshot(admin.redis)).toEqual(before);
});

test.each<[fleet: string, command: string, rules: string[], run: (fleet: SingleFleet) => Promise<unknown>]>([
  ['exclusive', 'heartbeat', ['-sadd'], (fleet) => heartbeats(fleet, [{ id: 'd1' }])],
  [
    'without history',
    'heartbeat',
    ['-rpush'],
    (fleet) => heartbeats(fleet, [{ id: 'd1', reportedJson: '{"b":2}' }]),
  ],
  ['without history', 'setDesired', ['-rpush'], (fleet) => setDesired(fleet, 'd1', { a: 'b' })],
  ['without history', 'disconnect', ['-rpush'], (fleet) => disconnect(fleet, 'd1')],
  ['with history', 'unregister', ['-rpush', '-ltrim', '-set'], (fleet) => unregister(fleet, 'd1')],
  ['with history', 'heartbeat', ['-hstrlen'], (fleet) => heartbeats(fleet, [{ id: 'd1' }])],
])('in a fleet %s, %s asks for no command that it does not send', async (kind, _command, rules, run) => {
  if (kind === 'exclusive') await declareFleet(admin, { writers: 'exclusive' });
  if (kind === 'without history') await admin.redis.hset(admin.keys.meta, 'historyCap', '0');
  await heartbeats(admin, [{ id: 'd1' }]);
  expect([await run(await limited(...rules))].flat().filter(isDenied)).toEqual([]);
});

describeIfAble('redis.acl_check_cmd', 'many devices', () => {
  test('of several chunks sent at once, none is written before the permissions are known', async () => {
    const ids = numberedIds(500);
    await registerAll(
      admin,
      ids.map((id) => ({ id, type: 't' })),
    );
    const before = await snapshot(admin.redis);
    const fleet = await limited('-xadd');
    const beats = ids.map((id) => ({ id, reportedJson: '{"a":1}' }));
    expect(await failure(heartbeats(fleet, beats))).toMatchObject({ reason: 'PERMISSION_DENIED' });
    expect(await snapshot(admin.redis)).toEqual(before);
  });
});

test('setDesired of an undeclared fleet samples no records before it writes', async () => {
  await admin.redis.del(admin.keys.meta);
  const fleet = await limited('-srandmember');
  expect(await failure(setDesired(fleet, 'unknown', {}))).toMatchObject({ code: 'NOT_FOUND' });
  expect(await setDesired(fleet, 'd1', {})).toMatchObject({ changed: false });
});

const REGISTER_KEYS = ['meta', 'layout', 'registered', 'types', 'activity', 'type:t'].map(
  (name) => `devices:${name}`,
);

test.each([
  ['devices:activity', 'PERMISSION_DENIED'],
  ['devices:type:t', 'DEVICE_DENIED'],
  ['device:state:d1', 'DEVICE_DENIED'],
])('a user who may not ask for types is told which key is denied: %s', async (key, reason) => {
  const keys = [...REGISTER_KEYS, 'device:state:d1'].filter((each) => each !== key);
  await limitedRules('resetkeys', ...keys.map((each) => `~${each}`), '-type');
  const fleet = await openFleet(redis, {}, { username: 'app', password: 'pw' });
  expect(await failure(register(fleet, 'd1', 't'))).toMatchObject({
    code: 'CONNECTION',
    reason,
    message: expect.stringContaining(`permission refused: this user may not access ${key}`),
  });
});

test('a user who may not ask for types is told that a key has the wrong one', async () => {
  await admin.redis.del('devices:activity');
  await admin.redis.set('devices:activity', 'x');
  expect(await failure(register(await limited('-type'), 'd1', 't'))).toMatchObject({
    code: 'BAD_RECORD',
    message: expect.stringContaining('a key of the fleet holds another type of value'),
  });
});
