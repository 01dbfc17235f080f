/** Every numeric option of the library: a value out of its limits is refused with USAGE, and nothing is sent. */
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { MAX_DURATION_MS, MAX_TIMER_MS } from '../../../src/core/model/numeric-options.js';
import { DeviceStateManager, DevstateError, OfflineDetector } from '../../../src/index.js';
import { allOf, openFleet, type SingleFleet, snapshot } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis);
});

const NOT_NUMBERS = [
  Number.NaN,
  '500' as unknown as number,
  null as unknown as number,
  5n as unknown as number,
];
/** Values that are wrong for every duration in ms. */
const WRONG_MS = [
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -1,
  2 ** 53,
  MAX_DURATION_MS + 1,
  ...NOT_NUMBERS,
];

const manager = (options = {}) => new DeviceStateManager(fleet.redis, options);

/** For each option: how it is given, wrong values, and the least and greatest that are right. */
const OPTIONS: Record<
  string,
  { give: (value: number) => unknown; wrong: readonly number[]; right: readonly number[] }
> = {
  'requestTimeout of a manager': {
    give: (requestTimeout) => manager({ requestTimeout }),
    wrong: [...WRONG_MS, MAX_TIMER_MS + 1],
    right: [1, MAX_TIMER_MS],
  },
  'requestTimeout of a detector': {
    give: (requestTimeout) => new OfflineDetector(fleet.redis, { requestTimeout }),
    wrong: [...WRONG_MS, MAX_TIMER_MS + 1],
    right: [1, MAX_TIMER_MS],
  },
  interval: {
    give: (interval) => new OfflineDetector(fleet.redis, { strategy: 'poll', interval }),
    wrong: WRONG_MS,
    right: [1, MAX_DURATION_MS],
  },
  auditRound: {
    give: (auditRound) => new OfflineDetector(fleet.redis, { auditRound }),
    wrong: WRONG_MS,
    right: [1, MAX_DURATION_MS],
  },
  heartbeatTimeout: {
    give: (heartbeatTimeout) => manager({ heartbeatTimeout }),
    wrong: [...WRONG_MS, 0.0001],
    right: [0.001, MAX_DURATION_MS / 1000],
  },
  'heartbeatTimeout that is set later': {
    give: (heartbeatTimeout) => Object.assign(manager(), { heartbeatTimeout }),
    wrong: [...WRONG_MS, 0.0001],
    right: [0.001, MAX_DURATION_MS / 1000],
  },
  'ttl of a registration': {
    give: (ttl) => manager().registerDevice('d1', 'lamp', {}, { ttl }),
    wrong: WRONG_MS.filter((value) => typeof value === 'number'),
    right: [1, MAX_DURATION_MS],
  },
  'ttl of a heartbeat': {
    give: (ttl) => manager().deviceHeartbeat('d1', null, { ttl, registerAs: 'lamp' }),
    wrong: WRONG_MS.filter((value) => typeof value === 'number'),
    right: [1, MAX_DURATION_MS],
  },
  ifVersion: {
    give: (ifVersion) => manager().setDesiredState('unknown', {}, { ifVersion }),
    wrong: [Number.POSITIVE_INFINITY, -1, 2 ** 53, ...NOT_NUMBERS],
    right: [],
  },
  'since.time': {
    give: async (time) => {
      const stop = new AbortController();
      const onReady = () => stop.abort();
      await allOf(manager().presence({ since: { time }, signal: stop.signal, onReady }));
    },
    wrong: [Number.POSITIVE_INFINITY, -1, ...NOT_NUMBERS],
    right: [0, Date.now()],
  },
};

describe.each(Object.entries(OPTIONS))('%s', (_name, { give, wrong, right }) => {
  test.each(wrong)('%s is refused with USAGE', async (value) => {
    const before = await snapshot(fleet.redis);
    let error: unknown;
    try {
      await give(value);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(DevstateError);
    expect(error).toMatchObject({ code: 'USAGE' });
    expect(await snapshot(fleet.redis)).toEqual(before);
  });

  test.each(right)('%d is accepted', async (value) => {
    await give(value);
  });
});

test('a wrong option leaves no connection behind', async () => {
  const connection = { host: '127.0.0.1', port: 1, retryStrategy: () => 10 };
  const before = process.getActiveResourcesInfo();
  onTestFinished(() => fleet.redis.disconnect());
  expect(() => new DeviceStateManager(connection, { requestTimeout: Number.NaN })).toThrow(DevstateError);
  expect(() => new DeviceStateManager(connection, { heartbeatTimeout: -1 })).toThrow(DevstateError);
  expect(() => new OfflineDetector(connection, { interval: 0 })).toThrow(DevstateError);
  expect(process.getActiveResourcesInfo()).toEqual(before);
});
