/** At `maxmemory`, Redis refuses a script at its first write that allocates memory. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fetchDue, MAX_READ_INTERVAL_MS } from '../../../src/core/detection/due-devices.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { cut, failure, openFleet, type SingleFleet, snapshot, storyOf } from '../../support/fleet.js';
import { pulseText } from '../../support/hold/pulse.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis({ args: ['--maxmemory-policy', 'noeviction'] });
const OUT_OF_MEMORY = { code: 'CONNECTION', message: expect.stringContaining('out of memory') };

describe('a server that is out of memory', () => {
  let fleet: SingleFleet;

  beforeEach(async () => {
    fleet = await openFleet(redis);
    for (const id of ['d1', 'd2', 'd3']) await register(fleet, id, 'lamp');
    await heartbeats(fleet, [{ id: 'd1' }, { id: 'd2' }, { id: 'd3' }]);
    await cut(fleet, 'd1', 'd2');
    await fleet.redis.config('SET', 'maxmemory', '1');
  });

  afterEach(async () => {
    await fleet.redis.config('SET', 'maxmemory', '0');
  });

  test('settle announces expired devices', async () => {
    const { verdicts } = await settle(fleet.only, ['d3', 'd1', 'd2'], { detector: true });
    expect(verdicts.slice(1)).toEqual(['offline', 'offline']);
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat', '2 offline timeout']);
    expect(await storyOf(fleet, 'd2')).toEqual(['1 online heartbeat', '2 offline timeout']);
    expect(await fleet.redis.smembers(fleet.keys.online)).toEqual(['d3']);
    expect(await readDevice(fleet, 'd1')).toMatchObject({ presenceSeq: 2 });
  });

  test('a detector notes each step, so that no hold follows', async () => {
    let now = Date.now();
    const detector = await openFleet(redis, { clock: () => now });
    await fleet.redis.config('SET', 'maxmemory', '0');
    await fleet.redis.set(fleet.keys.pulse, pulseText({}));
    await fetchDue(detector.only, 'work', { limit: 10 });
    await fleet.redis.config('SET', 'maxmemory', '1');
    const outages: string[] = [];
    for (let step = 0; step < 10; step++) {
      now += MAX_READ_INTERVAL_MS;
      outages.push((await fetchDue(detector.only, 'work', { limit: 10 })).outage);
    }
    expect(outages).toEqual(outages.map(() => '0'));
  });

  test('disconnect and unregister work', async () => {
    expect(await disconnect(fleet, 'd3')).toBe(true);
    await unregister(fleet, 'd1');
    expect(await storyOf(fleet, 'd3')).toEqual(['1 online heartbeat', '2 offline disconnect']);
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat', '2 offline timeout']);
  });

  test('a heartbeat without a report works for a device that is online', async () => {
    await fleet.redis.pexpire(fleet.keys.heartbeat('d3'), 30_000);
    expect(await heartbeats(fleet, [{ id: 'd3' }, { id: 'd1' }])).toMatchObject([
      { wasOffline: false },
      OUT_OF_MEMORY,
    ]);
    expect(await fleet.redis.pttl(fleet.keys.heartbeat('d3'))).toBeGreaterThan(30_000);
  });

  test('in one call, heartbeats without a report work and those with a report are refused', async () => {
    const beats = [{ id: 'd3' }, { id: 'd1', reportedJson: '{"a":1}' }, { id: 'd2', patch: { on: true } }];
    expect(await heartbeats(fleet, [...beats, { id: 'nobody' }])).toMatchObject([
      { deviceId: 'd3', wasOffline: false },
      OUT_OF_MEMORY,
      OUT_OF_MEMORY,
      { code: 'NOT_FOUND' },
    ]);
  });

  test('every other change is refused, and nothing is written', async () => {
    const before = await snapshot(fleet.redis);
    expect(await failure(heartbeat(fleet, { id: 'd1', reportedJson: '{"a":1}' }))).toMatchObject(
      OUT_OF_MEMORY,
    );
    expect(await failure(heartbeat(fleet, { id: 'd3', patch: { on: true } }))).toMatchObject(OUT_OF_MEMORY);
    expect(await failure(register(fleet, 'd1', 'plug'))).toMatchObject(OUT_OF_MEMORY);
    expect(await failure(register(fleet, 'new', 'lamp'))).toMatchObject(OUT_OF_MEMORY);
    expect(await failure(setDesired(fleet, 'd1', { on: true }))).toMatchObject(OUT_OF_MEMORY);
    expect(await heartbeats(fleet, [{ id: 'd1' }, { id: 'nobody' }])).toMatchObject([
      OUT_OF_MEMORY,
      { code: 'NOT_FOUND' },
    ]);
    expect(await snapshot(fleet.redis)).toEqual(before);
  });
});
