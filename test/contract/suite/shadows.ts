/** setDesired, delta, and the digits of numbers in documents. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { readHistory } from '../../../src/core/history/read-history.js';
import { parseJsonObject, toJson } from '../../../src/core/model/json.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { subscribe } from '../../../src/core/pubsub/subscribe.js';
import { listDevices } from '../../../src/core/query/list.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import { delta } from '../../../src/core/shadow/delta.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { Fleet } from '../../../src/core/store/fleet.js';
import { type Backend, contentsOf } from '../../support/backends.js';
import { allOf, DIALECTS, failure, historyOf, ODD_NUMBERS, until } from '../../support/fleet.js';
import { APPENDIX_A } from '../../support/rfc7396.js';

const TIMES = Array.from({ length: 200 }, (_, i) => i);
/** ODD_NUMBERS with each value changed in its last digit. */
const CHANGED_NUMBERS = '{"big":12345678901234567891,"huge":1e401,"money":0.11}';

export function shadowTests({ open, beside }: Backend): void {
  async function withDevice(): Promise<Fleet> {
    const fleet = await open();
    await register(fleet, 'd1', 'lamp');
    return fleet;
  }

  /** Subscribes to the device's channel, and returns the list that its messages are added to. */
  async function collectMessages(fleet: Fleet): Promise<string[]> {
    const messages: string[] = [];
    const subscription = subscribe(fleet, fleet.keys.commandsChannel('d1'), {
      onMessage: (message) => void messages.push(message),
      onLost: (error) => void messages.push(error.message),
      onResumed: () => {},
    });
    onTestFinished(() => subscription.close());
    await subscription.ready;
    return messages;
  }

  describe('setDesired', () => {
    test('merges as in RFC 7396, also into a document of another program', async () => {
      const fleet = await withDevice();
      const { redis, keys } = await fleet.partitionFor('d1');
      for (const [target, patch, result] of APPENDIX_A) {
        await redis.hset(keys.state('d1'), 'desiredState', target);
        const { desired } = await setDesired(fleet, 'd1', parseJsonObject(patch));
        expect([target, patch, toJson(desired)]).toEqual([target, patch, result]);
        expect((await readDevice(fleet, 'd1')).desiredJson).toBe(result);
      }
    });

    test('publishes the whole document and the patch, and nothing when nothing changes', async () => {
      const fleet = await withDevice();
      const messages = await collectMessages(fleet);
      expect(await setDesired(fleet, 'd1', { on: true })).toMatchObject({ version: 1, changed: true });
      expect(await setDesired(fleet, 'd1', { on: true })).toMatchObject({ version: 1, changed: false });
      await setDesired(fleet, 'd1', { mode: 'eco' });
      await setDesired(fleet, 'd1', { mode: 'eco' }, { replace: true });
      await until(() => messages.length >= 3);
      expect(messages.map((message) => JSON.parse(message))).toMatchObject([
        { desiredState: { on: true }, version: 1, patch: { on: true } },
        { desiredState: { on: true, mode: 'eco' }, version: 2, patch: { mode: 'eco' } },
        { desiredState: { mode: 'eco' }, version: 3, patch: { on: null } },
      ]);
      expect(await heartbeat(fleet, { id: 'd1' })).toMatchObject({ desiredVersion: 3 });
    });

    test('with another version than ifVersion fails with CONFLICT, and nothing is written', async () => {
      const fleet = await withDevice();
      expect(await setDesired(fleet, 'd1', { on: true }, { ifVersion: 0 })).toMatchObject({ version: 1 });
      const before = await contentsOf(fleet);
      expect(await failure(setDesired(fleet, 'd1', { on: false }, { ifVersion: 0 }))).toMatchObject({
        code: 'CONFLICT',
        message: 'device "d1" has desired version 1, not 0',
      });
      expect(await contentsOf(fleet)).toEqual(before);
    });

    test('200 times concurrently on four connections sets all 200 keys and reaches version 200', async () => {
      const fleet = await withDevice();
      // On a busy machine the 200 attempts may take longer than the default request timeout.
      const others = (await beside(fleet, 4)).map(
        ({ link, options }) => new Fleet(link, { ...options, requestTimeout: 30_000 }),
      );
      const results = await Promise.all(
        TIMES.map((i) => setDesired(others[i % 4] as Fleet, 'd1', { [`k${i}`]: `${i}` })),
      );
      const { desiredJson, desiredVersion } = await readDevice(fleet, 'd1');
      expect(JSON.parse(desiredJson)).toEqual(Object.fromEntries(TIMES.map((i) => [`k${i}`, `${i}`])));
      expect(desiredVersion).toBe(200);
      expect(results.map(({ version }) => version).sort((a, b) => a - b)).toEqual(TIMES.map((i) => i + 1));
      expect(await historyOf(await fleet.partitionFor('d1'), 'desired', 'd1')).toHaveLength(100);
    });

    test('succeeds once of 200 concurrent calls with the same ifVersion', async () => {
      const others = await beside(await withDevice(), 4);
      const tried = TIMES.map((i) =>
        setDesired(others[i % 4] as Fleet, 'd1', { by: `${i}` }, { ifVersion: 0 }),
      );
      const lost = (await Promise.allSettled(tried)).flatMap((outcome) =>
        outcome.status === 'rejected' ? [outcome.reason.code] : [],
      );
      expect(lost).toEqual(Array(199).fill('CONFLICT'));
    });
  });

  describe('delta', () => {
    test.each([
      ['of empty documents is empty', '{}', '{}', '{}'],
      ['ignores keys that are only reported', '{}', '{"a":1}', '{}'],
      ['treats 1 and 1.0 as equal', '{"a":1}', '{"a":1.0}', '{}'],
      ['treats a desired null as absent', '{"a":null}', '{}', '{}'],
      ['has a key that is not reported', '{"a":1}', '{}', '{"a":1}'],
      ['compares within objects', '{"a":{"b":1,"c":2}}', '{"a":{"b":1,"c":3,"d":4}}', '{"a":{"c":2}}'],
      ['compares arrays as a whole', '{"a":[1,2]}', '{"a":[1,3]}', '{"a":[1,2]}'],
    ])('%s', async (_what, desired, reported, patch) => {
      const fleet = await withDevice();
      const { redis, keys } = await fleet.partitionFor('d1');
      await redis.hset(keys.state('d1'), { desiredState: desired, reportedState: reported });
      const found = await delta(fleet, 'd1');
      expect([toJson(found.patch), found.inSync]).toEqual([patch, patch === '{}']);
    });
  });

  describe.each(DIALECTS)('numbers keep their digits in a %s fleet', (dialect) => {
    test('in records, lists, delta, messages and history', async () => {
      const fleet = await open({ dialect });
      await register(fleet, 'd1', 'lamp', { metadataJson: ODD_NUMBERS });
      const messages = await collectMessages(fleet);
      await setDesired(fleet, 'd1', parseJsonObject(ODD_NUMBERS));
      await heartbeat(fleet, { id: 'd1', reportedJson: CHANGED_NUMBERS });
      const found = await delta(fleet, 'd1');
      expect(toJson(found.patch)).toBe(ODD_NUMBERS);
      expect(toJson(found.delta)).toContain('"money":{"desired":0.10,"reported":0.11}');
      await heartbeat(fleet, { id: 'd1', patch: parseJsonObject(ODD_NUMBERS) });
      const whole = { metadataJson: ODD_NUMBERS, reportedJson: ODD_NUMBERS, desiredJson: ODD_NUMBERS };
      expect(await readDevice(fleet, 'd1')).toMatchObject(whole);
      expect(await allOf(listDevices(fleet, { withState: true }))).toMatchObject([whole]);
      expect((await delta(fleet, 'd1')).inSync).toBe(true);
      const entries = await readHistory(fleet, 'd1', { kinds: ['desired', 'reported'] });
      const texts = entries.map(({ kind, valueJson }) => `${kind} ${valueJson}`).sort();
      expect(texts).toEqual(
        [`desired ${ODD_NUMBERS}`, `reported ${CHANGED_NUMBERS}`, `reported ${ODD_NUMBERS}`].sort(),
      );
      await until(() => messages.length > 0);
      const field = dialect === 'node' ? 'desiredState' : 'desired_state';
      expect(messages[0]).toContain(`"${field}":${ODD_NUMBERS},`);
      expect(messages[0]).toContain(`"patch":${ODD_NUMBERS}}`);
    });
  });
}
