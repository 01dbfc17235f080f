/** JSON numbers keep every digit in records, merges, deltas, messages and history. */
import { describe, expect, test } from 'vitest';
import { parseJsonObject, toJson } from '../../../src/core/model/json.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { listDevices } from '../../../src/core/query/list.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import { delta } from '../../../src/core/shadow/delta.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { articleProgram } from '../../support/article.mjs';
import { DIALECTS, historyOf, listen, ODD_NUMBERS, openFeed, openFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const CHANGED_NUMBERS = '{"big":12345678901234567891,"huge":1e401,"money":0.11}';

describe.each(DIALECTS)('in a %s fleet', (dialect) => {
  test('metadata, reported and desired state keep them', async () => {
    const fleet = await openFleet(redis, { dialect });
    await register(fleet, 'd1', 'lamp', { metadataJson: ODD_NUMBERS });
    await heartbeat(fleet, { id: 'd1', reportedJson: ODD_NUMBERS });
    await setDesired(fleet, 'd1', parseJsonObject(ODD_NUMBERS));
    const whole = { metadataJson: ODD_NUMBERS, reportedJson: ODD_NUMBERS, desiredJson: ODD_NUMBERS };
    expect(await readDevice(fleet, 'd1')).toMatchObject(whole);
    for await (const device of listDevices(fleet, { withState: true })) expect(device).toMatchObject(whole);
    expect((await delta(fleet, 'd1')).inSync).toBe(true);
  });

  test('merged reports keep them', async () => {
    const fleet = await openFleet(redis, { dialect });
    await register(fleet, 'd1', 'lamp');
    await heartbeat(fleet, { id: 'd1', reportedJson: '{"keep":1.50}' });
    await heartbeat(fleet, { id: 'd1', patch: parseJsonObject(ODD_NUMBERS) });
    expect((await readDevice(fleet, 'd1')).reportedJson).toBe(`{"keep":1.50,${ODD_NUMBERS.slice(1)}`);
  });

  test('delta keeps them', async () => {
    const fleet = await openFleet(redis, { dialect });
    await register(fleet, 'd1', 'lamp');
    await heartbeat(fleet, { id: 'd1', reportedJson: CHANGED_NUMBERS });
    await setDesired(fleet, 'd1', parseJsonObject(ODD_NUMBERS));
    const found = await delta(fleet, 'd1');
    expect(toJson(found.patch)).toBe(ODD_NUMBERS);
    expect(toJson(found.delta)).toBe(
      '{"big":{"desired":12345678901234567890,"reported":12345678901234567891},' +
        '"huge":{"desired":1e400,"reported":1e401},"money":{"desired":0.10,"reported":0.11}}',
    );
  });

  test('state updates and history entries keep them', async () => {
    const fleet = await openFleet(redis, { dialect });
    await register(fleet, 'd1', 'lamp');
    const { heard, settled } = await listen(redis);
    await setDesired(fleet, 'd1', parseJsonObject(ODD_NUMBERS));
    await settled();
    const field = dialect === 'node' ? 'desiredState' : 'desired_state';
    expect(heard[0]?.[1]).toContain(`"${field}":${ODD_NUMBERS},`);
    expect(heard[0]?.[1]).toContain(`"patch":${ODD_NUMBERS}}`);
    await heartbeat(fleet, { id: 'd1', reportedJson: ODD_NUMBERS });
    for (const kind of ['desired', 'reported'] as const) {
      expect(await historyOf(fleet, kind, 'd1')).toEqual([
        expect.stringMatching(/^\{"at":\d{13},"version":1,"first":true,"value":/),
      ]);
      expect((await historyOf(fleet, kind, 'd1'))[0]).toContain(`"value":${ODD_NUMBERS}}`);
    }
  });
});

test('setDesired keeps them in a document that another program wrote', async () => {
  const fleet = await openFleet(redis, { dialect: 'python' });
  await articleProgram(fleet.redis, 'python').register('d1', 'lamp', { big: 12345678901234567890n });
  await fleet.redis.hset('device:state:d1', 'desired_state', '{"a": 0.10, "b": 12345678901234567890}');
  await setDesired(fleet, 'd1', { on: true });
  expect(await readDevice(fleet, 'd1')).toMatchObject({
    desiredJson: '{"a":0.10,"b":12345678901234567890,"on":true}',
    metadataJson: '{"big": 12345678901234567890}',
  });
});

test('a python fleet publishes seconds with three decimals, and is read in exact milliseconds', async () => {
  const fleet = await openFleet(redis, { dialect: 'python' });
  await register(fleet, 'd1', 'lamp');
  const feed = await openFeed(fleet);
  const { heard, settled } = await listen(redis);
  const { lastSeen } = await heartbeat(fleet, { id: 'd1' });
  await disconnect(fleet, 'd1');
  await settled();
  const seconds = `${Math.floor(lastSeen / 1000)}.${String(lastSeen % 1000).padStart(3, '0')}`;
  expect(heard[0]?.[1]).toContain(`"timestamp":${seconds},`);
  expect((await feed.first(2))[0]).toMatchObject({ timestamp: lastSeen });
  expect(await fleet.redis.hget('device:state:d1', 'last_seen')).toBe(seconds);
  expect((await readDevice(fleet, 'd1')).lastSeen).toBe(lastSeen);
  await feed.stop();
});
