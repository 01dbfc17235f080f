/** Concurrent operations from several connections: no update is lost, and no event is announced twice. */
import { beforeEach, describe, expect, test } from 'vitest';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { articleProgram } from '../../support/article.mjs';
import { failure, historyOf, logOf, openFleet, type SingleFleet, storyOf } from '../../support/fleet.js';
import { interceptCommands } from '../../support/intercept-commands.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const TIMES = Array.from({ length: 200 }, (_, i) => i);

describe('on four connections', () => {
  let fleets: SingleFleet[];
  const connection = (i: number) => fleets[i % fleets.length] as SingleFleet;

  beforeEach(async () => {
    fleets = await Promise.all([1, 2, 3, 4].map(() => openFleet(redis, { requestTimeout: 20_000 })));
    await register(connection(0), 'd1', 'lamp');
  });

  test('200 concurrent setDesired calls set all 200 keys and reach version 200', async () => {
    const results = await Promise.all(
      TIMES.map((i) => setDesired(connection(i), 'd1', { [`k${i}`]: `${i}` })),
    );
    const { desiredJson, desiredVersion } = await readDevice(connection(0), 'd1');
    expect(JSON.parse(desiredJson)).toEqual(Object.fromEntries(TIMES.map((i) => [`k${i}`, `${i}`])));
    expect(desiredVersion).toBe(200);
    expect(results.map(({ version }) => version).sort((a, b) => a - b)).toEqual(TIMES.map((i) => i + 1));
    expect(await historyOf(connection(0), 'desired', 'd1')).toHaveLength(100);
  });

  test('of 200 concurrent setDesired calls with the same ifVersion, one succeeds', async () => {
    const tried = TIMES.map((i) => setDesired(connection(i), 'd1', { by: `${i}` }, { ifVersion: 0 }));
    const outcomes = await Promise.allSettled(tried);
    const lost = outcomes.filter(({ status }) => status === 'rejected');
    expect(lost).toHaveLength(199);
    for (const { reason } of lost as PromiseRejectedResult[])
      expect(reason).toMatchObject({ code: 'CONFLICT' });
  });

  test('200 concurrent first heartbeats announce online once', async () => {
    const results = await Promise.all(TIMES.map((i) => heartbeat(connection(i), { id: 'd1' })));
    expect(results.filter(({ wasOffline }) => wasOffline)).toHaveLength(1);
    expect(await storyOf(connection(0), 'd1')).toEqual(['1 online heartbeat']);
  });

  test('after concurrent heartbeats, disconnects and settles, events alternate and seq rises by one', async () => {
    const jobs = [
      (fleet: SingleFleet) => heartbeat(fleet, { id: 'd1', ttl: 5 }),
      (fleet: SingleFleet) => heartbeat(fleet, { id: 'd1' }),
      (fleet: SingleFleet) => settle(fleet.only, ['d1']),
      (fleet: SingleFleet) => disconnect(fleet, 'd1'),
    ];
    await Promise.all(TIMES.map((i) => jobs[(i * 7 + (i >> 3)) % 4]?.(connection(i))));
    const events = await logOf(connection(0), 'd1');
    expect(events.length).toBeGreaterThan(1);
    for (const [i, { seq, status, previousAt }] of events.entries()) {
      expect({ seq, status }).toEqual({ seq: i + 1, status: i % 2 === 0 ? 'online' : 'offline' });
      expect(previousAt).toBe(events[i - 1]?.timestamp ?? null);
    }
  });
});

test('setDesired keeps what another program writes between its read and its write', async () => {
  const fleet = await openFleet(redis);
  const article = articleProgram(await redis.client(), 'node');
  await register(fleet, 'd1', 'lamp');
  for (let i = 0; i < 20; i++) {
    await Promise.all([
      setDesired(fleet, 'd1', { [`ours${i}`]: true }),
      fleet.redis.hset(fleet.keys.state('d1'), 'x', i),
    ]);
    await article.setDesired('d1', { [`theirs${i}`]: true });
  }
  const { desiredJson, desiredVersion } = await readDevice(fleet, 'd1');
  expect([Object.keys(JSON.parse(desiredJson)).length, desiredVersion]).toEqual([40, 20]);
});

test('setDesired fails with CONFLICT after the request timeout, when the record changes before every attempt', async () => {
  const fleet = await openFleet(redis, { requestTimeout: 30 });
  await register(fleet, 'd1', 'lamp');
  const { redis: raw } = fleet;
  let changes = 0;
  interceptCommands(raw, async ([name], send) => {
    if (name === 'evalsha') await raw.hset('device:state:d1', 'desiredState', `{"n":${changes++}}`);
    return send();
  });
  expect(await failure(setDesired(fleet, 'd1', { on: true }))).toMatchObject({
    code: 'CONFLICT',
    message: 'the device kept changing',
  });
  expect(changes).toBeGreaterThan(1);
  expect((await readDevice(fleet, 'd1')).desiredVersion).toBe(0);
});
