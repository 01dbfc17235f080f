/** Bulk calls of any size: their results are complete, and their memory is that of the items and results alone. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeEach, expect, test } from 'vitest';
import { disconnectAll } from '../../../src/core/presence/disconnect.js';
import { settle } from '../../../src/core/presence/settle.js';
import { readWholeDevices } from '../../../src/core/query/read-devices.js';
import { registerAll } from '../../../src/core/registry/register.js';
import { unregisterAll } from '../../../src/core/registry/unregister.js';
import { setDesiredAll } from '../../../src/core/shadow/desired.js';
import { DeviceStateManager } from '../../../src/index.js';
import { numberedIds, openFleet, type SingleFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';
import { printReport } from '../../support/report.js';
import { bySize } from '../../support/size.js';

const redis = useRedis();
let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis);
});

/** More than the arguments that a function call can have: 130,000 overflow the stack of Node 20. */
const COUNT = bySize(150_000, 1_000_000);
/** Several parts of the call, for operations that send one script for each device. */
const SMALLER_COUNT = bySize(10_500, 1_000_000);
const TEST_TIME_MS = bySize(120_000, 1_800_000);
/** A collection of the garbage of a million items takes about a second. */
const SAMPLE_INTERVAL_MS = bySize(1000, 20_000);
/** More than a result of each item takes, less than its arguments for a script would add. */
const MAX_BYTES_PER_ITEM = 250;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Runs `work`, and returns its result and the highest use of the heap during it, bytes above the use before it. */
async function measured<T>(work: () => Promise<T>): Promise<{ result: T; peak: number }> {
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  let peak = 0;
  const timer = setInterval(() => {
    collectGarbage();
    peak = Math.max(peak, process.memoryUsage().heapUsed - before);
  }, SAMPLE_INTERVAL_MS);
  try {
    return { result: await work(), peak };
  } finally {
    clearInterval(timer);
  }
}

test(
  'registerDevices and deviceHeartbeats take any number of devices in one call',
  async () => {
    const manager = new DeviceStateManager(fleet.redis);
    const devices = Array.from({ length: COUNT }, (_, i) => ({ deviceId: `d${i}`, deviceType: 'lamp' }));
    const registered = await measured(() => manager.registerDevices(devices));
    const beats = devices.map(({ deviceId }, i) => ({
      deviceId,
      reportedState: { i, text: 'x'.repeat(20) },
    }));
    const beaten = await measured(() => manager.deviceHeartbeats(beats));
    for (const { result } of [registered, beaten]) {
      expect(result).toHaveLength(COUNT);
      expect(result.findIndex((each, i) => !('deviceId' in each) || each.deviceId !== `d${i}`)).toBe(-1);
    }
    expect(await fleet.redis.zcard(fleet.keys.activity)).toBe(COUNT);
    const perItem = [registered, beaten].map(({ peak }) => Math.round(peak / COUNT));
    for (const bytes of perItem) expect(bytes).toBeLessThan(MAX_BYTES_PER_ITEM);
    printReport(`bulk calls of ${COUNT} items`, [
      `registerDevices: at most ${perItem[0]} bytes of heap for an item, its result included`,
      `deviceHeartbeats: at most ${perItem[1]} bytes of heap for an item, its result included`,
    ]);
  },
  TEST_TIME_MS,
);

test(
  'the calls of one tick may be any number',
  async () => {
    const ids = numberedIds(SMALLER_COUNT);
    await registerAll(
      fleet,
      ids.map((id) => ({ id, type: 'lamp' })),
    );
    const manager = new DeviceStateManager(fleet.redis);
    const results = await Promise.all(ids.map((id) => manager.deviceHeartbeat(id)));
    expect(results.findIndex(({ deviceId }, i) => deviceId !== ids[i])).toBe(-1);
  },
  TEST_TIME_MS,
);

test(
  'every other bulk call takes any number of devices',
  async () => {
    const ids = numberedIds(SMALLER_COUNT);
    await registerAll(
      fleet,
      ids.map((id) => ({ id, type: 'lamp' })),
    );
    const deviceIds = (results: readonly unknown[]) =>
      results.map((result) => (result as { deviceId: string }).deviceId);
    expect(deviceIds(await setDesiredAll(fleet, ids, { on: true }))).toEqual(ids);
    expect(deviceIds(await readWholeDevices(fleet, ids))).toEqual(ids);
    expect((await settle(fleet.only, ids)).verdicts).toEqual(ids.map(() => 'offline'));
    expect(await disconnectAll(fleet, ids)).toEqual(ids.map(() => false));
    expect(await unregisterAll(fleet, ids)).toEqual(ids.map(() => null));
  },
  TEST_TIME_MS,
);
