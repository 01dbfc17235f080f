/** Failed operations: the error code, the key or device that the message names, and that nothing is written. */
import { describe, expect, test } from 'vitest';
import { readHistory } from '../../../src/core/history/read-history.js';
import { stateAt } from '../../../src/core/history/state-at.js';
import { DevstateError } from '../../../src/core/model/errors.js';
import type { Keyspace } from '../../../src/core/model/keyspace.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { listDevices, onlineDevices } from '../../../src/core/query/list.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import { delta } from '../../../src/core/shadow/delta.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { Fleet } from '../../../src/core/store/fleet.js';
import { type Backend, contentsOf } from '../../support/backends.js';
import { cut, failure, idsOf } from '../../support/fleet.js';

type Operations = Record<string, (fleet: Fleet, id: string) => Promise<unknown>>;

const READS: Operations = {
  get: readDevice,
  delta,
  history: readHistory,
  'state at a moment': (fleet, id) => stateAt(fleet, id, Date.now()),
};
const CHANGES_OF_KNOWN: Operations = {
  heartbeat: (fleet, id) => heartbeat(fleet, { id, reportedJson: '{"on":true}' }),
  merge: (fleet, id) => heartbeat(fleet, { id, patch: { on: true } }),
  disconnect,
  'set desired': (fleet, id) => setDesired(fleet, id, { on: true }),
  unregister,
};
const CHANGES: Operations = {
  ...CHANGES_OF_KNOWN,
  register: (fleet, id) => register(fleet, id, 'plug', { ttl: 30_000 }),
  /** Settles the device, and throws its verdict when that is an error. */
  async settle(fleet, id) {
    const { verdicts } = await settle(await fleet.partitionFor(id), [id]);
    if (verdicts[0] instanceof DevstateError) throw verdicts[0];
  },
};

/** For each operation, the keys that it must check before it writes; d1 is a lamp that was online and has expired. */
function keysOf(keys: Keyspace): Record<string, string[]> {
  const { registered, types, online, activity, log, pulse } = keys;
  const [state, lamps] = [keys.state('d1'), keys.type('lamp')];
  const announcing = [state, online, activity, log, pulse, keys.history('presence', 'd1')];
  const beating = [...announcing, keys.heartbeat('d1'), keys.history('reported', 'd1')];
  return {
    heartbeat: beating,
    merge: beating,
    disconnect: announcing,
    settle: announcing,
    register: [state, registered, types, activity, lamps, keys.type('plug')],
    'set desired': [state, keys.history('desired', 'd1')],
    unregister: [registered, types, online, activity, log, lamps],
  };
}

export function errorTests({ open }: Backend): void {
  describe('failed operations', () => {
    test('every operation on an unregistered device fails with NOT_FOUND, and nothing is written', async () => {
      const fleet = await open();
      const before = await contentsOf(fleet);
      for (const [name, operation] of Object.entries({ ...CHANGES_OF_KNOWN, ...READS })) {
        const { code, message } = await failure(operation(fleet, 'nobody'));
        expect([name, code, message]).toEqual([name, 'NOT_FOUND', 'device "nobody" is not registered']);
      }
      expect(await contentsOf(fleet)).toEqual(before);
    });

    test('every operation refuses an invalid id', async () => {
      const fleet = await open();
      const before = await contentsOf(fleet);
      const { settle: _, ...taking } = { ...CHANGES, ...READS };
      for (const id of ['', ' d1', 'd1\u0000', 'd1\n', '-', 'x'.repeat(257)]) {
        for (const [name, operation] of Object.entries(taking)) {
          const { code } = await failure(operation(fleet, id));
          expect([id, name, code]).toEqual([id, name, 'USAGE']);
        }
      }
      expect(await contentsOf(fleet)).toEqual(before);
    });

    test.each(Object.keys(CHANGES))(
      '%s names each key that holds the wrong type, and nothing is written',
      async (name) => {
        const fleet = await open();
        const part = await fleet.partitionFor('d1');
        const { redis, keys } = part;
        await register(fleet, 'd1', 'lamp');
        await heartbeat(fleet, { id: 'd1' });
        await cut(part, 'd1');
        for (const key of keysOf(keys)[name] ?? []) {
          const aside = keys.state('aside');
          if (await redis.exists(key)) await redis.rename(key, aside);
          await (key === keys.activity ? redis.set(key, 'x') : redis.zadd(key, 1, 'x'));
          const before = await contentsOf(fleet);
          const { code, message } = await failure(CHANGES[name]?.(fleet, 'd1') as Promise<unknown>);
          expect([code, message.split(' holds ')[0]]).toEqual(['BAD_RECORD', key]);
          const after = await contentsOf(fleet);
          // settle removes a device that it cannot read from the index, because it would be due in every round, and from
          // the set of online devices, because its heartbeat key has expired.
          if (name === 'settle')
            for (const each of [before, after])
              for (const key of [keys.activity, keys.online]) delete each[key];
          expect(after).toEqual(before);
          await redis.del(key);
          if (await redis.exists(aside)) await redis.rename(aside, key);
        }
        await CHANGES[name]?.(fleet, 'd1'); // succeeds, because all keys are restored
      },
    );

    test('a record of the wrong type fails reads of its device only', async () => {
      const fleet = await open();
      for (const id of ['d1', 'd2']) await register(fleet, id, 'lamp');
      await heartbeats(fleet, [{ id: 'd1' }, { id: 'd2' }]);
      const { redis, keys } = await fleet.partitionFor('d1');
      await redis.set(keys.state('d1'), 'x');
      for (const operation of Object.values(READS))
        expect(await failure(operation(fleet, 'd1'))).toMatchObject({ code: 'BAD_RECORD' });
      const problems: string[] = [];
      const onProblem = ({ id }: { id: string }) => problems.push(id);
      expect(await idsOf(listDevices(fleet, { onProblem }))).toEqual(['d2']);
      expect(await idsOf(onlineDevices(fleet, { onProblem }))).toEqual(['d2']);
      expect(problems).toEqual(['d1', 'd1']);
    });

    test('a record with broken JSON: the error names device and document, and nothing is written', async () => {
      const fleet = await open();
      const { redis, keys } = await fleet.partitionFor('d1');
      await register(fleet, 'd1', 'lamp');
      await redis.hset(keys.state('d1'), { desiredState: '{"on":', reportedState: '[1]' });
      const before = await contentsOf(fleet);
      expect(await failure(setDesired(fleet, 'd1', { on: true }))).toMatchObject({
        code: 'BAD_RECORD',
        message: expect.stringMatching(/^device "d1": the desired state is broken: .*position 6/),
      });
      expect(await failure(heartbeat(fleet, { id: 'd1', patch: {} }))).toMatchObject({
        code: 'BAD_RECORD',
        message: 'device "d1": the report is broken: expected a JSON object, not an array',
      });
      expect(await failure(delta(fleet, 'd1'))).toMatchObject({ code: 'BAD_RECORD' });
      expect(await contentsOf(fleet)).toEqual(before);
      expect(await heartbeat(fleet, { id: 'd1', reportedJson: '{}' })).toMatchObject({ deviceId: 'd1' });
    });

    test('a read-only fleet reads, and refuses every change', async () => {
      const fleet = await open();
      await register(fleet, 'd1', 'lamp');
      const before = await contentsOf(fleet);
      const reader = new Fleet(fleet.link, { ...fleet.options, readOnly: true });
      for (const [name, operation] of Object.entries(CHANGES)) {
        const { code, message } = await failure(operation(reader, 'd1'));
        expect([name, code, message]).toEqual([name, 'USAGE', expect.stringContaining('read-only')]);
      }
      for (const operation of Object.values(READS)) await operation(reader, 'd1');
      expect(await contentsOf(fleet)).toEqual(before);
    });
  });
}
