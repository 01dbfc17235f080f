/** unregister and eraseNamespace: every key of a device or a namespace is removed, and no other. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { eraseNamespace } from '../../../src/core/admin/erase-namespace.js';
import { fieldName } from '../../../src/core/model/dialect.js';
import { HISTORY_KINDS } from '../../../src/core/model/keyspace.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { articleProgram } from '../../support/article.mjs';
import { cut, DIALECTS, failure, logOf, openFleet, type SingleFleet, storyOf } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

describe.each(DIALECTS)('unregister in a %s fleet', (dialect) => {
  let fleet: SingleFleet;
  const article = () => articleProgram(fleet.redis, dialect);

  beforeEach(async () => {
    fleet = await openFleet(redis, { dialect });
  });

  const leftovers = async () =>
    (await fleet.redis.keys('*')).filter((key) => !/presence:log|pulse|meta/.test(key));

  test('removes every key of the device, and announces it offline', async () => {
    await register(fleet, 'd1', 'lamp');
    await heartbeat(fleet, { id: 'd1', reportedJson: '{"a":1}' });
    await setDesired(fleet, 'd1', { on: true });
    await unregister(fleet, 'd1');
    expect(await leftovers()).toEqual([]);
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat', '2 offline unregister']);
    expect(await failure(unregister(fleet, 'd1'))).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('keeps other devices of the same type', async () => {
    for (const id of ['d1', 'd2']) await register(fleet, id, 'lamp');
    await unregister(fleet, 'd1');
    expect(await fleet.redis.smembers(fleet.keys.type('lamp'))).toEqual(['d2']);
    expect(await fleet.redis.smembers(fleet.keys.types)).toEqual(['lamp']);
    expect(await logOf(fleet)).toEqual([]);
  });

  test('announces a timeout for an expired device that was not settled', async () => {
    await register(fleet, 'd1', 'lamp');
    await heartbeat(fleet, { id: 'd1' });
    await cut(fleet, 'd1');
    await unregister(fleet, 'd1');
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat', '2 offline timeout']);
  });

  test('removes records of another program, also those without an id', async () => {
    await article().register('d1', 'lamp');
    await article().heartbeat('d1');
    await article().heartbeat('early');
    await unregister(fleet, 'd1');
    await unregister(fleet, 'early');
    expect(await leftovers()).toEqual([]);
    expect(await logOf(fleet)).toEqual([]);
  });

  test('removes history keys that hold another type', async () => {
    await register(fleet, 'd1', 'lamp');
    await heartbeat(fleet, { id: 'd1' });
    for (const kind of HISTORY_KINDS) await fleet.redis.set(fleet.keys.history(kind, 'd1'), 'x');
    await unregister(fleet, 'd1');
    expect(await leftovers()).toEqual([]);
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat', '2 offline unregister']);
  });

  test('removes the device from its current type, when the type changes between read and script', async () => {
    await register(fleet, 'd1', 'lamp');
    const other = await openFleet(redis, { dialect });
    const read = fleet.only.pipeline.bind(fleet.only);
    // Another connection changes the type after it was read and before the script runs.
    vi.spyOn(fleet.only, 'pipeline').mockImplementationOnce(async (commands) => {
      const replies = await read(commands);
      await register(other, 'd1', 'plug');
      return replies;
    });
    await unregister(fleet, 'd1');
    expect(await leftovers()).toEqual([]);
  });

  test.each([['plug'], [Buffer.from([0x63, 0xe9])]])(
    'removes the device from the set of its type, when another program changes the type to %o between read and script',
    async (type) => {
      await register(fleet, 'd1', 'lamp');
      const read = fleet.only.pipeline.bind(fleet.only);
      vi.spyOn(fleet.only, 'pipeline').mockImplementationOnce(async (commands) => {
        const replies = await read(commands);
        await fleet.redis.hset(fleet.keys.state('d1'), fieldName(dialect, 'type'), type);
        return replies;
      });
      await unregister(fleet, 'd1');
      expect(await leftovers()).toEqual([]);
    },
  );

  test('lets versions and seq start at 1, when the device is registered again', async () => {
    for (let i = 0; i < 2; i++) {
      await register(fleet, 'd1', 'lamp');
      await heartbeat(fleet, { id: 'd1', reportedJson: '{"a":1}' });
      expect(await readDevice(fleet, 'd1')).toMatchObject({ reportedVersion: 1, presenceSeq: 1 });
      await unregister(fleet, 'd1');
    }
    expect(await logOf(fleet)).toHaveLength(4);
  });
});

describe('eraseNamespace', () => {
  test('erases that namespace only, also when its name has glob characters', async () => {
    for (const namespace of ['a*', 'a[b]', 'ab', '']) {
      const fleet = await openFleet(redis, { namespace });
      await register(fleet, 'd1', 'lamp');
      await heartbeat(fleet, { id: 'd1' });
    }
    await eraseNamespace(await openFleet(redis, { namespace: 'a*' }));
    await eraseNamespace(await openFleet(redis, { namespace: 'a[b]' }));
    const { redis: raw } = await openFleet(redis);
    const namespaces = (await raw.keys('*')).map((key) => key.replace(/devices?:.*/, ''));
    expect([...new Set(namespaces)].sort()).toEqual(['', 'ab:']);
  });

  test('is refused for a fleet without a namespace', async () => {
    expect(await failure(eraseNamespace(await openFleet(redis)))).toMatchObject({ code: 'USAGE' });
  });
});
