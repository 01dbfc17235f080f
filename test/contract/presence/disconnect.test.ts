/** disconnect: a device goes offline at once, and the event has the right reason and time. */

import { beforeEach, describe, expect, test } from 'vitest';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import { articleProgram } from '../../support/article.mjs';
import {
  DIALECTS,
  expired,
  logOf,
  openFleet,
  type SingleFleet,
  scoreOf,
  snapshot,
  storyOf,
} from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

describe.each(DIALECTS)('disconnect in a %s fleet', (dialect) => {
  let fleet: SingleFleet;
  const article = () => articleProgram(fleet.redis, dialect);

  beforeEach(async () => {
    fleet = await openFleet(redis, { dialect });
  });

  test('announces the device offline now, and removes its heartbeat key', async () => {
    await register(fleet, 'd1', 'lamp');
    const { lastSeen } = await heartbeat(fleet, { id: 'd1' });
    expect(await disconnect(fleet, 'd1')).toBe(true);
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat', '2 offline disconnect']);
    expect(await readDevice(fleet, 'd1')).toMatchObject({ status: 'offline', lastSeen, expiresAt: null });
    expect(await fleet.redis.exists(fleet.keys.heartbeat('d1'), fleet.keys.online)).toBe(0);
    expect(await scoreOf(fleet, 'd1')).toBe(-lastSeen);
  });

  test('writes nothing for a device that is offline', async () => {
    await register(fleet, 'd1', 'lamp');
    await heartbeat(fleet, { id: 'd1' });
    await disconnect(fleet, 'd1');
    const before = await snapshot(fleet.redis);
    expect(await disconnect(fleet, 'd1')).toBe(false);
    expect(await snapshot(fleet.redis)).toEqual(before);
  });

  test('announces a timeout at the deadline for an expired device that was not settled', async () => {
    await register(fleet, 'd1', 'lamp');
    const { expiresAt } = await heartbeat(fleet, { id: 'd1', ttl: 20 });
    await expired(fleet, 'd1');
    expect(await disconnect(fleet, 'd1')).toBe(false);
    expect(await logOf(fleet, 'd1')).toMatchObject([
      { seq: 1 },
      { seq: 2, reason: 'timeout', timestamp: expiresAt },
    ]);
  });

  test('announces online and offline for a device that another program brought online', async () => {
    await article().register('d1', 'lamp');
    await article().heartbeat('d1');
    expect(await disconnect(fleet, 'd1')).toBe(true);
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online observed', '2 offline disconnect']);
  });

  test('announces nothing for a device without a heartbeat', async () => {
    await article().register('d1', 'lamp');
    expect(await disconnect(fleet, 'd1')).toBe(false);
    expect([await logOf(fleet), await scoreOf(fleet, 'd1')]).toEqual([[], 0]);
  });
});
