/**
 * Texts that another program stored and that are not UTF-8. Decoded they would be other texts, so they are never shown,
 * merged into or compared: the device has a broken record, wherever such a text is read, and only there. They can be replaced.
 */
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { readHistory } from '../../../src/core/history/read-history.js';
import { stateAt } from '../../../src/core/history/state-at.js';
import type { DevstateError } from '../../../src/core/model/errors.js';
import { parseJsonObject, toJson } from '../../../src/core/model/json.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { listDevices } from '../../../src/core/query/list.js';
import { type DeviceReading, readDevice, readWholeDevices } from '../../../src/core/query/read-devices.js';
import { fleetStats } from '../../../src/core/query/stats.js';
import { registerAll } from '../../../src/core/registry/register.js';
import { delta } from '../../../src/core/shadow/delta.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { closeConnection } from '../../../src/core/store/close-connection.js';
import { DeviceStateManager } from '../../../src/index.js';
import { cli } from '../../support/cli.js';
import { cut, openFleet, type SingleFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis({ port: true });
const BYTES = Buffer.from('{"a":"\xff"}', 'latin1');
const GENUINE = '{"a":"\ufffd"}';
const FIELDS = {
  deviceType: 'the type',
  reportedState: 'the report',
  desiredState: 'the desired state',
  metadata: 'the metadata',
};

const brokenAs = (what: string) => ({
  code: 'BAD_RECORD',
  reason: 'BROKEN_DOCUMENT',
  message: `device "a": ${what} is broken: it is not valid UTF-8`,
});

let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis);
  await registerAll(
    fleet,
    ['a', 'b', 'c'].map((id) => ({ id, type: 'lamp' })),
  );
  await store('c', 'metadata', GENUINE);
});

async function store(id: string, field: string, text: string | Buffer) {
  await fleet.redis.hset(fleet.keys.state(id), field, text);
}

describe.each(Object.entries(FIELDS))('%s', (field, what) => {
  beforeEach(() => store('a', field, BYTES));

  test('one device is refused, alone and at a past moment', async () => {
    await expect(readDevice(fleet, 'a')).rejects.toMatchObject(brokenAs(what));
    await expect(stateAt(fleet, 'a', Date.now())).rejects.toMatchObject(brokenAs(what));
    await expect(new DeviceStateManager(fleet.redis).getDeviceState('a')).rejects.toMatchObject(
      brokenAs(what),
    );
  });

  test('of many devices only this one is refused', async () => {
    const whole = await readWholeDevices(fleet, ['b', 'a', 'c']);
    expect(whole).toMatchObject([{ deviceId: 'b' }, brokenAs(what), { metadataJson: GENUINE }]);
    const problems: DeviceReading[] = [];
    const ids: string[] = [];
    const options = { withState: true, onProblem: (reading: DeviceReading) => problems.push(reading) };
    for await (const { deviceId } of listDevices(fleet, options)) ids.push(deviceId);
    expect(ids.sort()).toEqual(['b', 'c']);
    expect(problems).toMatchObject([{ id: 'a', error: brokenAs(what) }]);
  });

  test('what does not read the text works', async () => {
    expect(await readHistory(fleet, 'a')).toEqual([]);
    if (field !== 'desiredState')
      expect(await setDesired(fleet, 'a', parseJsonObject('{"x":1}'))).toMatchObject({ version: 1 });
    if (what === 'the type' || what === 'the metadata')
      expect(await delta(fleet, 'a')).toMatchObject({ inSync: false });
    else await expect(delta(fleet, 'a')).rejects.toMatchObject(brokenAs(what));
    expect(await heartbeat(fleet, { id: 'a' })).toMatchObject({ status: 'online' });
  });
});

describe.each(['not UTF-8', 'too large'])('a device whose type is %s', (what) => {
  beforeEach(async () => {
    await heartbeat(fleet, { id: 'a' });
    await declareFleet(fleet, { deviceLogins: true });
    await store('a', 'deviceType', what === 'too large' ? 'x'.repeat(2048) : BYTES);
  });

  test('is counted, unless devices are counted by type', async () => {
    expect(await fleetStats(fleet)).toMatchObject([{ registered: 3, online: 1 }]);
    expect(await fleetStats(fleet, { byType: true })).toMatchObject([{ registered: 2, online: 0 }]);
  });

  test('is among the ids that the library returns', async () => {
    const manager = new DeviceStateManager(fleet.redis);
    expect(await manager.getOnlineDevices()).toEqual(['a']);
    await cut(fleet, 'a');
    expect((await manager.getOfflineDevices()).sort()).toEqual(['a', 'b', 'c']);
  });

  test('is in lists of names, unless the type is asked for', async () => {
    const devstate = cli(redis);
    const names = (argv: string) => devstate.run(`${argv} -o name`);
    expect(await names('list --sort id')).toMatchObject({ exit: 0, stdout: 'a\nb\nc\n' });
    expect(await names('list-online')).toMatchObject({ exit: 0, stdout: 'a\n' });
    expect(await names('stale --older-than 0s')).toMatchObject({
      exit: 0,
      stdout: expect.stringMatching(/^a$/m),
    });
    expect(await names('list --sort id --type lamp')).toMatchObject({ exit: 7, stdout: 'b\nc\n' });
    expect(await devstate.run('list-online')).toMatchObject({ exit: 7 });
  });
});

test('numbers and times that are not UTF-8 count as absent, as others that are not valid', async () => {
  await store('a', 'lastSeen', BYTES);
  await store('a', 'devstate', BYTES);
  expect(await readDevice(fleet, 'a')).toMatchObject({ lastSeen: null, presenceSeq: 0 });
});

test('settings that are not UTF-8 are refused', async () => {
  await fleet.redis.hset(fleet.keys.meta, 'dialect', BYTES);
  const fresh = await openFleet(redis);
  await expect(readDevice(fresh, 'a')).rejects.toMatchObject({
    code: 'BAD_RECORD',
    reason: 'INVALID_DIALECT',
  });
});

test('a device whose type is not UTF-8 is named when a fleet is declared exclusive', async () => {
  await store('a', 'deviceType', BYTES);
  await expect(declareFleet(fleet, { writers: 'exclusive' })).rejects.toMatchObject({
    message: expect.stringContaining('1 devices cannot be indexed: device "a": the type is broken'),
  });
});

test('a history entry that is not UTF-8 is a broken history', async () => {
  const entry = Buffer.concat([Buffer.from('{"at":1,"version":1,"value":'), BYTES, Buffer.from('}')]);
  await fleet.redis.rpush(fleet.keys.history('reported', 'a'), entry);
  await expect(readHistory(fleet, 'a')).rejects.toMatchObject(brokenAs('the reported history'));
});

describe.each([
  ['not UTF-8', BYTES],
  ['not JSON', '{"a":'],
])('a desired state that is %s', (_, text) => {
  beforeEach(async () => {
    await setDesired(fleet, 'a', parseJsonObject('{"x":1}'));
    await store('a', 'desiredState', text);
  });

  test('is not merged into', async () => {
    const error = await setDesired(fleet, 'a', parseJsonObject('{"y":2}')).catch(
      (raised: DevstateError) => raised,
    );
    expect(error).toMatchObject({ code: 'BAD_RECORD' });
    expect(await fleet.redis.hgetBuffer(fleet.keys.state('a'), 'desiredState')).toEqual(Buffer.from(text));
  });

  test('is replaced, by the version too', async () => {
    const document = parseJsonObject('{"y":2}');
    await expect(setDesired(fleet, 'a', document, { replace: true, ifVersion: 7 })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    expect(await setDesired(fleet, 'a', document, { replace: true, ifVersion: 1 })).toMatchObject({
      version: 2,
      changed: true,
    });
    expect((await readDevice(fleet, 'a')).desiredJson).toBe('{"y":2}');
    const [, entry] = await readHistory(fleet, 'a', { kinds: ['desired'] });
    expect([entry?.number, toJson(entry?.value)]).toEqual([2, '{"y":2}']);
  });
});

test('a desired state that is not UTF-8 is replaced by one that looks the same when it is decoded', async () => {
  await store('a', 'desiredState', BYTES);
  const document = parseJsonObject(GENUINE);
  expect(await setDesired(fleet, 'a', document, { replace: true })).toMatchObject({ changed: true });
  expect((await readDevice(fleet, 'a')).desiredJson).toBe(GENUINE);
});

test('a device with a login of its own merges into no report that is not UTF-8, and replaces it', async () => {
  await store('a', 'reportedState', BYTES);
  const own = await openFleet(redis, { role: 'device' }, { autoResendUnfulfilledCommands: false });
  onTestFinished(() => closeConnection(own.redis));
  await expect(heartbeat(own, { id: 'a', patch: parseJsonObject('{"x":1}') })).rejects.toMatchObject(
    brokenAs('the report'),
  );
  await heartbeat(own, { id: 'a', reportedJson: GENUINE });
  expect((await readDevice(fleet, 'a')).reportedJson).toBe(GENUINE);
});
