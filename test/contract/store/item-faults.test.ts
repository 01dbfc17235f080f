/**
 * In every bulk call, and in calls that share a tick, an item that cannot be done fails alone, whether Redis denies the
 * user its keys, a key of it has another type, or its text cannot be read.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import type { ItemResult } from '../../../src/core/async/item-results.js';
import { DevstateError } from '../../../src/core/model/errors.js';
import { disconnectAll } from '../../../src/core/presence/disconnect.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { listDevices } from '../../../src/core/query/list.js';
import { readWholeDevices } from '../../../src/core/query/read-devices.js';
import { registerAll } from '../../../src/core/registry/register.js';
import { unregisterAll } from '../../../src/core/registry/unregister.js';
import { setDesiredAll } from '../../../src/core/shadow/desired.js';
import { DeviceStateManager } from '../../../src/index.js';
import { cli } from '../../support/cli.js';
import { openDetector } from '../../support/detector.js';
import { idsOf, logOf, openFleet, type SingleFleet, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis({ port: true });
let admin: SingleFleet;
let fleet: SingleFleet;

const KEYS_OF_OK = '~devices:* ~device:state:ok* ~device:heartbeat:ok* ~device:history:*:ok* &*';

/** The fleet as a user who may do everything, but only with devices whose id begins with `ok`. */
async function limited(rules = KEYS_OF_OK): Promise<SingleFleet> {
  await admin.redis.call('ACL', 'SETUSER', 'app', 'reset', 'on', '>pw', '+@all', ...rules.split(' '));
  return openFleet(redis, {}, { username: 'app', password: 'pw' });
}

/** More than one call of a script. */
const OK = Array.from({ length: 130 }, (_, i) => `ok${i}`);
/** A denied device in the first and in the second call. */
const IDS = [...OK.slice(0, 50), 'denied1', ...OK.slice(50, 120), 'denied2', ...OK.slice(120)];

type BulkCall = (fleet: SingleFleet, ids: readonly string[]) => Promise<readonly ItemResult<unknown>[]>;

const CALLS: Record<string, BulkCall> = {
  'heartbeats without a report': (fleet, ids) =>
    heartbeats(
      fleet,
      ids.map((id) => ({ id })),
    ),
  'heartbeats with a report': (fleet, ids) =>
    heartbeats(
      fleet,
      ids.map((id) => ({ id, reportedJson: '{"a":1}' })),
    ),
  'heartbeats with a merged report': (fleet, ids) =>
    heartbeats(
      fleet,
      ids.map((id) => ({ id, patch: { a: true } })),
    ),
  'heartbeats that may register': (fleet, ids) =>
    heartbeats(
      fleet,
      ids.map((id) => ({ id, registerAs: 'lamp' })),
    ),
  'heartbeats of one tick': async (fleet, ids) => {
    const manager = new DeviceStateManager(fleet.redis);
    const outcomes = await Promise.allSettled(ids.map((id) => manager.deviceHeartbeat(id)));
    return outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : outcome.reason));
  },
  'deviceHeartbeats of the library': (fleet, ids) =>
    new DeviceStateManager(fleet.redis).deviceHeartbeats(ids.map((deviceId) => ({ deviceId }))),
  'registerDevices of the library': (fleet, ids) =>
    new DeviceStateManager(fleet.redis).registerDevices(
      ids.map((deviceId) => ({ deviceId, deviceType: 'lamp' })),
    ),
  registrations: (fleet, ids) =>
    registerAll(
      fleet,
      ids.map((id) => ({ id, type: 'lamp' })),
    ),
  'registrations with another type': (fleet, ids) =>
    registerAll(
      fleet,
      ids.map((id) => ({ id, type: 'plug' })),
    ),
  disconnections: disconnectAll,
  'changes of the desired state': (fleet, ids) => setDesiredAll(fleet, ids, { on: true }),
  reads: readWholeDevices,
  unregistrations: unregisterAll,
  'verdicts of a detector': async (fleet, ids) =>
    (await settle(fleet.only, ids, { detector: true })).verdicts,
};

const faultsOf = (results: readonly ItemResult<unknown>[], ids: readonly string[]) =>
  results.flatMap((result, i) =>
    result instanceof DevstateError ? [[ids[i], result.code, result.reason]] : [],
  );

beforeEach(async () => {
  admin = await openFleet(redis);
  await declareFleet(admin);
  await registerAll(
    admin,
    IDS.map((id) => ({ id, type: 'lamp' })),
  );
});

describe.each(Object.entries(CALLS))('%s', (_name, call) => {
  test('of devices some of which are denied: only these fail, and nothing is done twice', async () => {
    fleet = await limited();
    const before = await admin.redis.hgetall(admin.keys.state('denied1'));
    const results = await call(fleet, IDS);
    expect(results).toHaveLength(IDS.length);
    expect(faultsOf(results, IDS)).toEqual([
      ['denied1', 'CONNECTION', 'DEVICE_DENIED'],
      ['denied2', 'CONNECTION', 'DEVICE_DENIED'],
    ]);
    expect(await admin.redis.hgetall(admin.keys.state('denied1'))).toEqual(before);
    const seqs = (await logOf(admin)).map(({ deviceId, seq }) => `${deviceId} ${seq}`);
    expect(new Set(seqs).size).toBe(seqs.length);
    const versions = await Promise.all(OK.map((id) => admin.redis.hget(admin.keys.state(id), 'devstate')));
    for (const text of versions) expect(text ?? '0 0 0 0').toMatch(/^[01] \d+ [01] /);
  });

  test('of devices some of which are broken: only these fail', async () => {
    const { keys } = admin;
    await admin.redis.del(keys.state('ok7'), keys.state('ok8'), keys.state('ok9'));
    await admin.redis.set(keys.state('ok7'), 'a string');
    await admin.redis.hset(keys.state('ok8'), { deviceId: 'ok8', deviceType: 'lamp', reportedState: '{' });
    await admin.redis.hset(keys.state('ok9'), { deviceId: 'ok9', deviceType: 'lamp', desiredState: '{' });
    const ids = OK.slice(0, 20);
    const faults = faultsOf(await call(admin, ids), ids);
    if (call === unregisterAll) expect(faults).toEqual([]);
    else expect(faults.map(([id]) => id)).toContain('ok7');
    for (const [id, code] of faults) {
      expect(['ok7', 'ok8', 'ok9']).toContain(id);
      expect(code).toBe('BAD_RECORD');
    }
  });

  test('of a single denied device: the error names its key', async () => {
    const [result] = await call(await limited(), ['denied1']);
    expect(result).toMatchObject({
      code: 'CONNECTION',
      reason: 'DEVICE_DENIED',
      message: expect.stringMatching(/^permission refused: .*device:\w+:denied1$/),
    });
  });
});

const WRITES = Object.entries(CALLS).filter(
  ([name]) => !['reads', 'changes of the desired state', 'heartbeats of one tick'].includes(name),
);

test.each(WRITES)(
  '%s of a user who may not access the keys of the fleet: the call fails',
  async (_name, call) => {
    fleet = await limited('~devices:meta ~devices:type:* ~device:* &*');
    await expect(call(fleet, ['ok1', 'ok2'])).rejects.toMatchObject({
      code: 'CONNECTION',
      reason: 'PERMISSION_DENIED',
    });
  },
);

test('a device whose command channel is denied fails alone', async () => {
  const channels = '~* resetchannels &devices:* &device:ok1:* &device:ok3:*';
  const ids = ['ok1', 'ok2', 'ok3'];
  const results = await setDesiredAll(await limited(channels), ids, { on: true });
  expect(faultsOf(results, ids)).toEqual([['ok2', 'CONNECTION', 'DEVICE_DENIED']]);
});

test('heartbeats and disconnections with the role device: a denied device fails alone', async () => {
  await limited();
  const login = { username: 'app', password: 'pw', autoResendUnfulfilledCommands: false };
  fleet = await openFleet(redis, { role: 'device' }, login);
  const ids = ['ok1', 'denied1', 'ok2'];
  await admin.redis.call('ACL', 'SETUSER', 'app', '~device:fence:*');
  const beats = await heartbeats(
    fleet,
    ids.map((id) => ({ id, reportedJson: '{"a":1}' })),
  );
  expect(faultsOf(beats, ids)).toEqual([['denied1', 'CONNECTION', 'DEVICE_DENIED']]);
  expect(faultsOf(await disconnectAll(fleet, ids), ids)).toEqual([
    ['denied1', 'CONNECTION', 'DEVICE_DENIED'],
  ]);
});

describe('the command line', () => {
  const LINES = ['ok1', 'denied1', 'ok2'].map((id) => JSON.stringify({ deviceId: id }));

  test.each([
    ['heartbeat -f -', LINES],
    ['register -f -', LINES.map((line) => line.replace('}', ',"deviceType":"plug"}'))],
    ['get -', ['ok1', 'denied1', 'ok2']],
    ['unregister - --yes', ['ok1', 'denied1', 'ok2']],
  ])('%s goes on after the line of a denied device', async (argv, lines) => {
    await limited();
    const devstate = cli(redis.url.replace('//', '//app:pw@'));
    const running = devstate.start(argv, { tty: true });
    const [first, denied, last] = lines;
    running.stdin.write(`${denied}\n`); // alone in its batch
    await running.says('stderr', 'denied1');
    running.stdin.end(`${first}\n${last}\n`);
    const { exit, stderr } = await running.done;
    expect(stderr).toMatch(/permission refused: .*device:state:denied1/);
    expect(exit).toBe(7);
  });
});

test('a list leaves out a denied device and says so', async () => {
  fleet = await limited();
  const problems: string[] = [];
  const listed = await idsOf(listDevices(fleet, { onProblem: ({ id }) => problems.push(id) }));
  expect(listed).toEqual([...OK].sort());
  expect(problems.sort()).toEqual(['denied1', 'denied2']);
});

test('an undeclared fleet is read although its sample has a denied record', async () => {
  await admin.redis.del(admin.keys.meta);
  fleet = await limited();
  const results = await heartbeats(
    fleet,
    IDS.map((id) => ({ id })),
  );
  expect(faultsOf(results, IDS).map(([id]) => id)).toEqual(['denied1', 'denied2']);
});

test('a detector announces all devices but those that it may not access, and says so once', async () => {
  await heartbeats(
    admin,
    IDS.map((id) => ({ id, ttl: 1 })),
  );
  fleet = await limited();
  const detector = await openDetector(fleet, { honourHold: false });
  await until(() => detector.events.length >= OK.length);
  expect(detector.events.map(({ deviceId }) => deviceId).sort()).toEqual([...OK].sort());
  await heartbeats(admin, [{ id: 'ok1', ttl: 1 }]);
  await until(() => detector.events.filter(({ deviceId }) => deviceId === 'ok1').length === 2);
  await detector.stop();
  expect(detector.said.filter((text) => text.includes('denied1'))).toHaveLength(1);
});
