/** The exact text of messages on the channels and of entries in the presence log. */
import { describe, expect, test } from 'vitest';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { articleReader } from '../../support/article.mjs';
import { cut, DIALECTS, listen, openFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const IDS = ['a"b\\c', '温度-1', 'aa:bb:cc'];
const FIELD_NAMES = {
  node: { id: 'deviceId', type: 'deviceType' },
  python: { id: 'device_id', type: 'device_type' },
};
const seconds = (ms: number) => `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, '0')}`;

describe.each(DIALECTS)('in a %s fleet', (dialect) => {
  const name = FIELD_NAMES[dialect];
  const time = (ms: number) => (dialect === 'node' ? String(ms) : seconds(ms));

  test.each(IDS)('a presence message for %s has the article’s fields, then devstate’s', async (id) => {
    const fleet = await openFleet(redis, { dialect });
    await register(fleet, id, 'l"amp');
    const { heard, settled } = await listen(redis);
    const { lastSeen } = await heartbeat(fleet, { id });
    await disconnect(fleet, id);
    await settled();
    const [[channel, online] = [], [, offline] = []] = heard;
    expect(channel).toBe('devices:presence');
    expect(online).toContain(`"timestamp":${time(lastSeen)},`);
    expect(Object.entries(JSON.parse(online as string))).toEqual([
      ['type', 'presence'],
      [name.id, id],
      ['status', 'online'],
      ['timestamp', Number(time(lastSeen))],
      [name.type, 'l"amp'],
      ['seq', 1],
      ['reason', 'heartbeat'],
    ]);
    expect(JSON.parse(offline as string)).toMatchObject({
      status: 'offline',
      seq: 2,
      reason: 'disconnect',
    });
    expect(articleReader(fleet.redis, dialect).message(online as string)).toMatchObject({
      deviceId: id,
      status: 'online',
    });
  });

  test.each(IDS)('a log entry for %s has the same flat fields in every dialect', async (id) => {
    const fleet = await openFleet(redis, { dialect });
    await register(fleet, id, 'lamp');
    const first = await heartbeat(fleet, { id });
    await cut(fleet, id);
    const second = await heartbeat(fleet, { id });
    const entries = (await fleet.redis.xrange('devices:presence:log', '-', '+')).map(([, flat]) => flat);
    const flat = (
      status: string,
      at: number | string,
      seq: number,
      reason: string,
      previous: number | string,
    ) => [
      'deviceId',
      id,
      'deviceType',
      'lamp',
      'status',
      status,
      'timestamp',
      String(at),
      'seq',
      String(seq),
      'reason',
      reason,
      'previous',
      String(previous),
    ];
    const [, , , , , , , at] = entries[1] as string[];
    expect(entries).toEqual([
      flat('online', first.lastSeen, 1, 'heartbeat', 0),
      flat('offline', String(at), 2, 'timeout', first.lastSeen),
      flat('online', second.lastSeen, 3, 'heartbeat', String(at)),
    ]);
  });

  test.each(IDS)('a state update for %s has the whole desired state and the patch', async (id) => {
    const fleet = await openFleet(redis, { dialect });
    await register(fleet, id, 'lamp');
    await setDesired(fleet, id, { on: true, old: 'x' });
    const { heard, settled } = await listen(redis);
    await setDesired(fleet, id, { old: null, name: 'a"\n' });
    await settled();
    const [[channel, message] = []] = heard;
    expect([heard.length, channel]).toEqual([1, `device:${id}:commands`]);
    const desired = { on: true, name: 'a"\n' };
    expect(JSON.parse(message as string)).toEqual({
      type: 'state_update',
      [dialect === 'node' ? 'desiredState' : 'desired_state']: desired,
      timestamp: expect.any(Number),
      version: 2,
      patch: { old: null, name: 'a"\n' },
    });
    expect(articleReader(fleet.redis, dialect).message(message as string)).toMatchObject({
      desiredState: desired,
    });
  });
});

describe('setDesired', () => {
  test('publishes nothing and keeps the version, when nothing changes', async () => {
    const fleet = await openFleet(redis);
    await register(fleet, 'd1', 'lamp');
    await fleet.redis.hset(fleet.keys.state('d1'), 'desiredState', '{"a": {"b": 1}}');
    const { heard, settled } = await listen(redis);
    expect(await setDesired(fleet, 'd1', { a: {}, gone: null })).toMatchObject({
      changed: false,
      version: 0,
    });
    await settled();
    expect(heard).toEqual([]);
  });

  test('with replace publishes the merge patch from the old document to the new one', async () => {
    const fleet = await openFleet(redis);
    await register(fleet, 'd1', 'lamp');
    await setDesired(fleet, 'd1', { a: { b: 'x', c: 'y' }, d: 'z' });
    const { heard, settled } = await listen(redis);
    await setDesired(fleet, 'd1', { a: { b: 'x' }, e: true }, { replace: true });
    await settled();
    expect(JSON.parse(heard[0]?.[1] as string)).toMatchObject({
      desiredState: { a: { b: 'x' }, e: true },
      patch: { a: { c: null }, d: null, e: true },
    });
  });
});
