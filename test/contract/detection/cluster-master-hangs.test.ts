/** A master of a cluster hangs: detectors and feeds begin all the same, wherever they would have listened. */
import { expect, onTestFinished, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { registerAll } from '../../../src/core/registry/register.js';
import { useCluster } from '../../support/cluster.js';
import { openDetector } from '../../support/detector.js';
import { openFeed, until } from '../../support/fleet.js';

const cluster = useCluster({ masters: 2, replicas: 0 });
const IDS = Array.from({ length: 64 }, (_, i) => `d${i}`);

test('detectors and feeds begin, and tell of the devices of the other', async () => {
  const fleet = await cluster.fleet({}, 1500);
  await declareFleet(fleet, { partitions: 64 });
  await registerAll(
    fleet,
    IDS.map((id) => ({ id, type: 'lamp' })),
  );
  await fleet.settings();
  const [, { pid }] = await cluster.around(await fleet.redis.cluster('KEYSLOT', fleet.keys.meta));
  process.kill(pid, 'SIGSTOP');
  onTestFinished(() => void process.kill(pid, 'SIGCONT'));
  const feeds = await Promise.all([1, 2, 3, 4].map(() => openFeed(fleet)));
  const detectors = await Promise.all([1, 2, 3, 4].map(() => openDetector(fleet)));
  const beats = await heartbeats(
    fleet,
    IDS.map((id) => ({ id, ttl: 100 })),
  );
  const beaten = beats.filter((beat) => !(beat instanceof Error)).length;
  expect(beaten).toBeGreaterThan(0);
  for (const feed of feeds) await feed.first(2 * beaten);
  const found = () => detectors.flatMap(({ events }) => events).length;
  await until(() => found() === beaten);
  for (const each of [...feeds, ...detectors]) await each.stop();
}, 30_000);
