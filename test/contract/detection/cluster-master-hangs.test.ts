/** Detectors and feeds start while one master of a cluster hangs, whichever node they subscribe to. */
import { expect, onTestFinished, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { registerAll } from '../../../src/core/registry/register.js';
import { useCluster } from '../../support/cluster.js';
import { openDetector } from '../../support/detector.js';
import { numberedIds, openFeed, until } from '../../support/fleet.js';

const cluster = useCluster({ masters: 2, replicas: 0 });
const IDS = numberedIds(64);

test('detectors and feeds start, and announce the devices of the other master', async () => {
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
  const beatenCount = beats.filter((beat) => !(beat instanceof Error)).length;
  expect(beatenCount).toBeGreaterThan(0);
  for (const feed of feeds) await feed.first(2 * beatenCount);
  const announcedCount = () => detectors.flatMap(({ events }) => events).length;
  await until(() => announcedCount() === beatenCount);
  for (const each of [...feeds, ...detectors]) await each.stop();
}, 30_000);
