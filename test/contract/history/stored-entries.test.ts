/** The forms in which history entries are stored: short ones, and JSON for those with a note and those of 0.1. */
import { beforeEach, expect, test } from 'vitest';
import { readHistory } from '../../../src/core/history/read-history.js';
import { parseJsonObject } from '../../../src/core/model/json.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { expired, historyOf, openFleet, pretendDetector, type SingleFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
let fleet: SingleFleet;
const report = (reportedJson: string) => heartbeat(fleet, { id: 'd1', reportedJson });
const unknowns = async (kind: 'reported' | 'desired' | 'presence') =>
  (await readHistory(fleet, 'd1', { kinds: [kind] })).map(({ unknown }) => unknown !== null);

beforeEach(async () => {
  fleet = await openFleet(redis);
  await pretendDetector(fleet);
  await register(fleet, 'd1', 'lamp');
});

test('an entry without a note is short', async () => {
  await report('{"n":1}');
  await report('{"n":2}');
  await setDesired(fleet, 'd1', parseJsonObject('{"n":1}'));
  await setDesired(fleet, 'd1', parseJsonObject('{"n":2.0}'));
  await disconnect(fleet, 'd1');
  const [, reported] = await historyOf(fleet, 'reported', 'd1');
  const [, desired] = await historyOf(fleet, 'desired', 'd1');
  expect(reported).toMatch(/^\d{13} 2 \{"n":2\}$/);
  expect(desired).toMatch(/^\d{13} 2 \{"n":2\.0\}$/);
  expect(await historyOf(fleet, 'presence', 'd1')).toEqual([
    expect.stringMatching(/^\d{13}100001$/),
    expect.stringMatching(/^\d{13}300002$/),
  ]);
  expect(await fleet.redis.lindex(fleet.keys.history('reported', 'd1'), 0)).toContain('"first":true');
});

test.each([
  ['{"value":{"n":1}}', '{"value":{"n":1}}', false],
  ['{"n":1}', '{"n":10}', true],
  ['{"n":10}', '{"n":1}', true],
])(
  'after a short entry of %s, %s in the record is found to be foreign: %s',
  async (mine, stored, foreign) => {
    for (const kind of ['reported', 'desired'] as const) {
      const write = async (json: string) => {
        if (kind === 'reported') await report(json);
        else await setDesired(fleet, 'd1', parseJsonObject(json), { replace: true });
      };
      await write('{"first":0}');
      await write(mine);
      await fleet.redis.hset(fleet.keys.state('d1'), `${kind}State`, stored);
      await write('{"last":0}');
      expect(await unknowns(kind)).toEqual([false, false, foreign]);
    }
  },
);

test.each([false, true])(
  'after a JSON entry of 0.1 a report goes on, with a foreign one: %s',
  async (foreign) => {
    await report('{"n":1}');
    await report('{"n":2}');
    const key = fleet.keys.history('reported', 'd1');
    const now = Date.now();
    await fleet.redis.lset(key, -1, `{"at":${now},"version":2,"value":{"n":2}}`);
    if (foreign) await fleet.redis.hset(fleet.keys.state('d1'), 'reportedState', '{"n":5}');
    await report('{"n":3}');
    expect(await unknowns('reported')).toEqual([false, false, foreign]);
  },
);

test.each(['heartbeat', 'observed'])(
  'a timeout after a JSON entry of 0.1 with the reason %s',
  async (reason) => {
    const { lastSeen } = await heartbeat(fleet, { id: 'd1', ttl: 500 });
    await fleet.redis.lset(
      fleet.keys.history('presence', 'd1'),
      -1,
      `{"at":${lastSeen},"seq":1,"status":"online","reason":"${reason}"}`,
    );
    await expired(fleet, 'd1');
    await disconnect(fleet, 'd1');
    expect(await unknowns('presence')).toEqual([false, reason === 'observed']);
  },
);

test('a seq of more than five digits is stored in JSON', async () => {
  await heartbeat(fleet, { id: 'd1' });
  const key = fleet.keys.state('d1');
  const packed = (await fleet.redis.hget(key, 'devstate')) as string;
  const [a, b, c, d, , ...rest] = packed.split(' ');
  await fleet.redis.hset(key, 'devstate', [a, b, c, d, 99_997, ...rest].join(' '));
  await disconnect(fleet, 'd1');
  await heartbeat(fleet, { id: 'd1' });
  await disconnect(fleet, 'd1');
  const entries = await readHistory(fleet, 'd1', { kinds: ['presence'] });
  expect(entries.map(({ number, status }) => [number, status])).toEqual([
    [1, 'online'],
    [99_998, 'offline'],
    [99_999, 'online'],
    [100_000, 'offline'],
  ]);
  expect((await historyOf(fleet, 'presence', 'd1')).map((text) => text[0])).toEqual(['1', '1', '1', '{']);
});
