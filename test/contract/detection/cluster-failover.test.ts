/** Detectors and the feed on a cluster: a master dies and is replaced, and each transition is told once. */
import { afterEach, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import type { DetectOptions } from '../../../src/core/detection/detector.js';
import type { PresenceEvent } from '../../../src/core/model/device.js';
import { presenceFeed } from '../../../src/core/presence/feed.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { registerAll } from '../../../src/core/registry/register.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { useCluster } from '../../support/cluster.js';
import { type OpenDetector, openDetector } from '../../support/detector.js';
import { allOf, logOf, openFeed, until } from '../../support/fleet.js';

const PARTITIONS = 64;
const IDS = Array.from({ length: 300 }, (_, i) => `d${i}`);
const ONCE = ['1 online heartbeat', '2 offline timeout'];
const TWICE = [...ONCE, '3 online heartbeat', '4 offline timeout'];
/** Longer than a failover takes. */
const PATIENCE_MS = 20_000;
/** All of it, and the hold after it. */
const LONG = 60_000;

const cluster = useCluster({ nodeTimeout: 1500 });
const open: OpenDetector[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((detector) => detector.stop()));
});

async function detector(options: DetectOptions): Promise<OpenDetector> {
  const opened = await openDetector(await cluster.fleet({}, PATIENCE_MS), options);
  open.push(opened);
  return opened;
}

async function beatAll(fleet: Fleet, ttl: number): Promise<void> {
  const beats = IDS.map((id) => ({ id, ttl }));
  expect((await heartbeats(fleet, beats)).filter((outcome) => outcome instanceof Error)).toEqual([]);
}

/** What the logs hold, one after the other. */
async function logged(fleet: Fleet): Promise<PresenceEvent[]> {
  const logs: PresenceEvent[] = [];
  for (const [i, partition] of (await fleet.partitions()).entries())
    for (const event of await logOf(partition)) logs.push({ ...event, id: `${event.id}@${i}` });
  return logs;
}

function storiesOf(events: readonly PresenceEvent[]): Map<string, string[]> {
  const stories = new Map<string, string[]>(IDS.map((id) => [id, []]));
  for (const { deviceId, seq, status, reason } of events)
    stories.get(deviceId)?.push(`${seq} ${status} ${reason}`);
  return stories;
}

const own = ({ id }: PresenceEvent) => id?.split('.')[0];

test(
  'a master dies: detectors and feed go on, and nothing is told twice',
  async () => {
    const fleet = await cluster.fleet({}, PATIENCE_MS);
    await declareFleet(fleet, { partitions: PARTITIONS });
    await registerAll(
      fleet,
      IDS.map((id) => ({ id, type: 'lamp' })),
    );
    const detectors = [await detector({ strategy: 'keyspace' }), await detector({ strategy: 'deadline' })];
    const feed = await openFeed(await cluster.fleet({}, PATIENCE_MS));
    await beatAll(fleet, 300);
    await feed.first(2 * IDS.length);
    expect(storiesOf(feed.events)).toEqual(new Map(IDS.map((id) => [id, ONCE])));

    for (const server of fleet.servers()) expect(await server.wait(1, 5000)).toBe(1);
    const [dying] = (await cluster.masters()).keys();
    await dying?.kill();
    try {
      await beatAll(fleet, 1000); // waits for the other to take its place
      await until(() => feed.events.length >= 4 * IDS.length);
    } finally {
      await dying?.restart();
      await cluster.settled();
    }
    for (const { said } of detectors) {
      const count = (word: string) => said.filter((line) => line === word).length;
      await until(() => count('lost') === count('resumed')); // who listens elsewhere may have lost nothing
    }
    await feed.stop();
    await Promise.all(detectors.map((each) => each.stop()));
    const logs = await logged(fleet);
    expect(storiesOf(feed.events)).toEqual(new Map(IDS.map((id) => [id, TWICE])));
    expect(feed.events.map(own).sort()).toEqual(logs.map(({ id }) => id).sort());
    const announced = detectors.flatMap(({ events }) => events.map(({ id }) => id));
    expect(announced.sort()).toEqual(
      logs.flatMap(({ id, reason }) => (reason === 'timeout' ? [id] : [])).sort(),
    );

    const ending = new AbortController();
    const options = { signal: ending.signal, onReady: () => ending.abort() };
    const middle = feed.events[500] as PresenceEvent;
    const rest = await allOf(presenceFeed(fleet, { ...options, since: { id: middle.id as string } }));
    expect([...feed.events.slice(0, 501), ...rest].map(own).sort()).toEqual(logs.map(({ id }) => id).sort());
  },
  LONG,
);
