/**
 * The answer to a settle script is lost after Redis has run it: what it announced is in the log once, and a notice says
 * that it was not shown, once for each loss.
 */
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { settle } from '../../../src/core/presence/settle.js';
import { OfflineDetector } from '../../../src/library/offline-detector.js';
import { cli } from '../../support/cli.js';
import { type FaultProxy, useFaultProxy } from '../../support/faults/fault-proxy.js';
import { type Loss, loseAnswer } from '../../support/faults/lose-answer.js';
import {
  bringOnline,
  cut,
  openFleet,
  type SingleFleet,
  serverNow,
  storyOf,
  until,
} from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis({ port: true });
const TOLD = 'an answer of the server was lost';
const ONLINE_THEN_TIMEOUT = ['1 online heartbeat', '2 offline timeout'];
const IDS = ['sensor-1', 'sensor-2', 'sensor-3'] as const;

let proxy: FaultProxy;
let fleet: SingleFleet;
beforeEach(async () => {
  proxy = await useFaultProxy(redis.url);
  fleet = await openFleet(redis);
  await settle(fleet.only, ['nobody']); // the server then has the script
  // Only the index names the devices to a detector. Its audit would settle a registered device that is online still,
  // and so use up the fault.
  await bringOnline(fleet, IDS, () => 60_000);
  await fleet.redis.srem(fleet.keys.registered, ...IDS);
});

/** Lets the deadline of an online device pass. */
async function lapse(id: string): Promise<void> {
  await cut(fleet, id);
  await fleet.redis.zadd(fleet.keys.activity, await serverNow(fleet.redis), id);
}

/** A key of a device that, of all requests of a detector, only a call of the settle script has. */
function keyInSettle(id: string): string {
  return fleet.keys.history('presence', id);
}

/** Starts a detector that reaches Redis through the proxy. Returns the ids of its events, and its notices of a loss. */
async function started(): Promise<{ shown: string[]; told: string[] }> {
  const detector = new OfflineDetector({ host: '127.0.0.1', port: proxy.port }, { requestTimeout: 2000 });
  onTestFinished(() => detector.stop());
  const shown: string[] = [];
  const told: string[] = [];
  detector.on('offline', ({ deviceId }) => shown.push(deviceId));
  detector.on('notice', (message) => message.includes(TOLD) && told.push(message));
  await detector.start();
  return { shown, told };
}

test.each<Loss>(['reset', 'swallow'])('%s: the detector tells each loss once', async (how) => {
  const { shown, told } = await started();
  for (const [i, id] of IDS.slice(0, 2).entries()) {
    loseAnswer(proxy, keyInSettle(id), how);
    await lapse(id);
    await until(() => told.length > i);
    expect(await storyOf(fleet, id)).toEqual(ONLINE_THEN_TIMEOUT);
  }
  await lapse(IDS[2]);
  await until(() => shown.length > 0);
  expect({ shown, told: told.length }).toEqual({ shown: [IDS[2]], told: 2 });
});

test('a request that was lost before it reached the server is no loss: its events are shown', async () => {
  const { shown, told } = await started();
  proxy.onData = (flow, chunk, direction) => {
    if (direction !== 'toServer' || !chunk.includes(keyInSettle(IDS[0]))) return;
    proxy.onData = () => {};
    flow.reset();
  };
  await lapse(IDS[0]);
  await until(() => shown.length > 0);
  expect({ shown, told }).toEqual({ shown: [IDS[0]], told: [] });
});

test('detect --once tells it', async () => {
  await lapse(IDS[0]);
  loseAnswer(proxy, keyInSettle(IDS[0]), 'reset');
  const { exit, stdout, stderr } = await cli(proxy.url).run('detect --once -o name');
  expect({ exit, stdout }).toEqual({ exit: 0, stdout: '' });
  expect(stderr).toContain(TOLD);
  expect(await storyOf(fleet, IDS[0])).toEqual(ONLINE_THEN_TIMEOUT);
});
