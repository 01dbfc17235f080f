/** readHistory and stateAt. */
import { describe, expect, test } from 'vitest';
import { readHistory } from '../../../src/core/history/read-history.js';
import { stateAt } from '../../../src/core/history/state-at.js';
import { parseJsonObject, toJson } from '../../../src/core/model/json.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import type { Backend } from '../../support/backends.js';
import { failure, serverNow, until } from '../../support/fleet.js';

export function historyTests({ open }: Backend): void {
  describe('history', () => {
    test('has an entry for each change, and stateAt gives the state at each moment', async () => {
      const fleet = await open();
      const steps: [what: string, (() => Promise<unknown>) | undefined][] = [
        ['registered', () => register(fleet, 'd1', 'lamp')],
        ['offline {} {}', () => setDesired(fleet, 'd1', { on: true })],
        ['offline {} {"on":true}', () => heartbeat(fleet, { id: 'd1', reportedJson: '{"n":0.10}' })],
        ['online {"n":0.10} {"on":true}', () => setDesired(fleet, 'd1', { on: null, k: 'v' })],
        [
          'online {"n":0.10} {"k":"v"}',
          () => heartbeat(fleet, { id: 'd1', patch: parseJsonObject('{"n":1}') }),
        ],
        ['online {"n":1} {"k":"v"}', () => disconnect(fleet, 'd1')],
        ['offline {"n":1} {"k":"v"}', undefined],
      ];
      /** Times between the changes; the test waits for the clock, so that no two changes have the same time. */
      const moments: number[] = [];
      for (const [, change] of steps) {
        const moment = await serverNow(fleet.redis);
        moments.push(moment);
        await until(async () => (await serverNow(fleet.redis)) > moment);
        await change?.();
        const then = await serverNow(fleet.redis);
        await until(async () => (await serverNow(fleet.redis)) > then);
      }
      const [before = 0, ...rest] = moments;
      expect(await failure(stateAt(fleet, 'd1', before))).toMatchObject({ code: 'NOT_FOUND' });
      const shown = await Promise.all(
        rest.map(async (moment) => {
          const { status, reported, desired, unknown } = await stateAt(fleet, 'd1', moment);
          expect(unknown).toEqual({});
          return `${status} ${toJson(reported?.value)} ${toJson(desired?.value)}`;
        }),
      );
      expect(shown).toEqual(steps.slice(1).map(([what]) => what));

      const entries = await readHistory(fleet, 'd1');
      expect(
        entries.map(({ kind, number, valueJson, reason }) => `${kind} ${number} ${valueJson ?? reason}`),
      ).toEqual([
        'desired 1 {"on":true}',
        'reported 1 {"n":0.10}',
        'presence 1 heartbeat',
        'desired 2 {"k":"v"}',
        'reported 2 {"n":1}',
        'presence 2 disconnect',
      ]);
      expect(entries.find(({ kind, number }) => kind === 'desired' && number === 2)?.changes).toMatchObject([
        { path: ['k'], to: 'v' },
        { path: ['on'], from: true },
      ]);
      const [, second = 0, third = 0] = rest;
      const some = await readHistory(fleet, 'd1', { since: second, until: third });
      expect(some.map(({ kind, number }) => `${kind} ${number}`)).toEqual(['reported 1', 'presence 1']);
    });
  });
}
