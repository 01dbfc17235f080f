import { describe, expect, test } from 'vitest';
import { parseJsonObject } from '../../../src/core/model/json.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { cli, text } from '../../support/cli.js';
import { ODD_NUMBERS } from '../../support/fleet.js';
import { ID, NOON, usePastFleet } from '../../support/past-fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const devstate = cli(redis);
const past = usePastFleet(redis);

/** A device registered at noon, with three reports an hour apart and a desired state in between. */
async function someHistory(start = NOON): Promise<void> {
  past.now = start;
  await register(past.fleet, ID, 'lamp', { metadataJson: '{"place":"hall"}' });
  for (const reportedJson of [ODD_NUMBERS, '{"n":2}', '{"n":3}']) {
    past.now += 3_600_000;
    await heartbeat(past.fleet, { id: ID, reportedJson, ttl: 7_200_000 });
  }
  past.now += 60_000;
  await setDesired(past.fleet, ID, parseJsonObject('{"on":true}'));
}

const nOf = async (moment: string) => {
  const shown = (await devstate.json(['get', ID, '-q', '--at', moment, '--fields', 'reportedState.n'])) as {
    reportedState?: { n?: number };
  };
  return JSON.stringify(shown);
};

test.each([
  ['epoch milliseconds', String(NOON + 2 * 3_600_000)],
  ['RFC 3339', '2025-01-01T14:00:00Z'],
  ['a fraction', '2025-01-01T14:59:59.999Z'],
  ['a zone', '2025-01-01T15:30:00+01:00'],
  ['no zone, no seconds', '2025-01-01T14:00'],
])('a moment as %s', async (_what, moment) => {
  await someHistory();
  expect(await nOf(moment)).toContain('2');
  expect(await nOf(moment)).not.toContain('3');
});

test.each([
  ['90m', '2'],
  ['1h30m', '2'],
  ['5400', '2'],
  ['45m', '3'],
  ['0s', '3'],
])('a duration ago: %s', async (moment, n) => {
  // The reports are 3, 2 and 1 hours old, so the test is too short to change the result.
  await someHistory(Date.now() - 4 * 3_600_000);
  expect(await nOf(moment)).toContain(n);
});

test('a date means its first moment', async () => {
  await someHistory(NOON - 86_400_000);
  expect(await nOf('2025-01-01')).toContain('3');
});

test('prints the whole state with all digits of numbers', async () => {
  await someHistory();
  expect(await devstate.session(`get ${ID} --at 2025-01-01T13:00:00Z`)).toBe(text`
    FIELD        VALUE
    DEVICE       aa:bb:cc:dd:ee:ff
    TYPE         lamp
    STATUS       online
    LAST-SEEN    unknown
    EXPIRES      -
    REGISTERED   2025-01-01T12:00:00.000Z
    PRESENCE     transition 1, 2025-01-01T13:00:00.000Z
    TTL          default
    REPORTED     {
                   "big": 12345678901234567890,
                   "huge": 1e400,
                   "money": 0.10
                 }
                 version 1, 2025-01-01T13:00:00.000Z
    DESIRED      {}
    METADATA     {
                   "place": "hall"
                 }
  `);
});

test('before the first change the state is as registered', async () => {
  await someHistory();
  expect(await devstate.json(`get ${ID} --at 2025-01-01T12:30:00Z`)).toEqual({
    deviceId: ID,
    deviceType: 'lamp',
    status: 'offline',
    lastSeen: null,
    registeredAt: NOON,
    expiresAt: null,
    reportedState: {},
    desiredState: {},
    metadata: { place: 'hall' },
    reportedVersion: 0,
    reportedAt: null,
    desiredVersion: 0,
    desiredAt: null,
    presenceSeq: 0,
    presenceAt: null,
    heartbeatTtl: null,
  });
});

describe('before it was registered', () => {
  test('the device is reported as not registered then', async () => {
    await someHistory();
    expect(await devstate.session(`get ${ID} --at 2025-01-01T11:59:59.999Z`)).toBe(text`
      ! devstate: device "aa:bb:cc:dd:ee:ff" was not registered yet at that time
      ! hint: it was registered at 2025-01-01T12:00:00.000Z
      exit 3
    `);
  });

  test('with several devices each missing one is reported', async () => {
    await someHistory();
    past.now = NOON + 7_200_000;
    await register(past.fleet, 'late', 'lamp');
    expect(await devstate.session(`get ${ID} late nobody --at 2025-01-01T13:30:00Z`)).toBe(text`
      DEVICE              TYPE   STATUS   LAST-SEEN   EXPIRES
      aa:bb:cc:dd:ee:ff   lamp   online   unknown     -
      ! devstate: device "late" was not registered yet at that time
      ! hint: it was registered at 2025-01-01T14:00:00.000Z
      ! devstate: device "nobody" is not registered
      ! hint: devstate register ID --type TYPE
      exit 7
    `);
  });
});

describe('a moment before the start of history', () => {
  test('is unknown, and a notice says since when the state is known', async () => {
    await past.fleet.redis.hset(past.fleet.keys.meta, 'historyCap', 2);
    await someHistory();
    expect(await devstate.session(`get ${ID} late --at 2025-01-01T13:30:00Z -o wide`)).toBe(text`
      DEVICE              TYPE   STATUS   LAST-SEEN   EXPIRES   REPORTED   DESIRED   METADATA
      aa:bb:cc:dd:ee:ff   lamp   -        unknown     -         -          {}        {"place":"hall"}
      ! aa:bb:cc:dd:ee:ff: reported is known from 2025-01-01T14:00:00.000Z on
      ! aa:bb:cc:dd:ee:ff: presence is known from 2025-01-01T15:00:00.000Z on
      ! devstate: device "late" is not registered
      ! hint: devstate register ID --type TYPE
      exit 7
    `);
    const { exit, stdout, stderr } = await devstate.run(`get ${ID} --at 2025-01-01T13:30:00Z --json`);
    expect([exit, stderr.split('\n')[0]]).toEqual([
      0,
      `${ID}: reported is known from 2025-01-01T14:00:00.000Z on`,
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ reportedState: null, reportedVersion: 0, desiredState: {} });
    expect((await devstate.run(`get ${ID} --at 2025-01-01T13:30:00Z -q`)).stderr).toBe('');
  });

  test('is always unknown with a cap of 0', async () => {
    await past.fleet.redis.hset(past.fleet.keys.meta, 'historyCap', 0);
    await someHistory();
    const { stdout, stderr } = await devstate.run(`get ${ID} --at 2025-01-01T12:30:00Z`);
    expect(stdout).toMatch(/^STATUS +unknown$/m);
    expect(stdout).toMatch(/^REPORTED +unknown$/m);
    expect(stderr).toBe(text`
      aa:bb:cc:dd:ee:ff: reported is known from 2025-01-01T15:00:00.000Z on
      aa:bb:cc:dd:ee:ff: desired is not known
      aa:bb:cc:dd:ee:ff: presence is known from 2025-01-01T15:00:00.000Z on
    `);
    expect(await nOf('2025-01-01T15:00:00Z')).toContain('3');
  });
});

test('an expired device that was not yet announced offline is offline since its deadline', async () => {
  await register(past.fleet, ID, 'lamp');
  const { expiresAt } = await heartbeat(past.fleet, { id: ID, ttl: 5000 }); // expired long ago by the clock of Redis
  for (const [moment, status] of [
    [expiresAt - 1, 'online'],
    [expiresAt, 'offline'],
  ])
    expect(await devstate.json(`get ${ID} --at ${moment}`)).toMatchObject({ status });
});

test.each([
  ['get d1 --at nope', 'bad moment "nope"'],
  ['get d1 --at -1h', 'bad moment "-1h"'],
  ['get d1 --at 2025-02-30', 'bad moment "2025-02-30"'],
])('%s is refused before anything is sent', async (argv, expected) => {
  const { exit, stderr } = await cli('redis://127.0.0.1:1').run(argv);
  expect([exit, stderr.split('\n')[0]]).toEqual([2, `devstate: ${expected}`]);
});
