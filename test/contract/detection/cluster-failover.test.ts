/** Detectors and the feed on a cluster: after the failover of a master, each transition is announced once. */
import { expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import type { DetectOptions } from '../../../src/core/detection/detect-options.js';
import type { PresenceEvent } from '../../../src/core/model/presence-event.js';
import { presenceFeed } from '../../../src/core/presence/feed.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { registerAll } from '../../../src/core/registry/register.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { useCluster } from '../../support/cluster.js';
import { type OpenDetector, openDetector } from '../../support/detector.js';
import { allOf, logOf, numberedIds, openFeed, until } from '../../support/fleet.js';

const PARTITIONS = 64;
const IDS = numberedIds(300);
const FIRST_LAPSE = ['1 online heartbeat', '2 offline timeout'];
const BOTH_LAPSES = [...FIRST_LAPSE, '3 online heartbeat', '4 offline timeout'];
/** Longer than a failover takes. */
const REQUEST_TIMEOUT_MS = 20_000;
/** Includes the failover and the hold after it. */
const TEST_TIMEOUT_MS = 60_000;

const cluster = useCluster({ nodeTimeout: 1500 });

async function detector(options: DetectOptions): Promise<OpenDetector> {
  return openDetector(await cluster.fleet({}, REQUEST_TIMEOUT_MS), options);
}

async function beatAll(fleet: Fleet, ttl: number): Promise<void> {
  const beats = IDS.map((id) => ({ id, ttl }));
  expect((await heartbeats(fleet, beats)).filter((outcome) => outcome instanceof Error)).toEqual([]);
}

/** The events of all logs, one log after the other. */
async function allLogged(fleet: Fleet): Promise<PresenceEvent[]> {
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

const logIdOf = ({ id }: PresenceEvent) => id?.split('.')[0];

test(
  'when a master is killed, detectors and feed continue, and no event is announced twice',
  async () => {
    const fleet = await cluster.fleet({}, REQUEST_TIMEOUT_MS);
    await declareFleet(fleet, { partitions: PARTITIONS });
    await registerAll(
      fleet,
      IDS.map((id) => ({ id, type: 'lamp' })),
    );
    const detectors = [await detector({ strategy: 'keyspace' }), await detector({ strategy: 'deadline' })];
    const feed = await openFeed(await cluster.fleet({}, REQUEST_TIMEOUT_MS));
    await beatAll(fleet, 300);
    await feed.first(2 * IDS.length);
    expect(storiesOf(feed.events)).toEqual(new Map(IDS.map((id) => [id, FIRST_LAPSE])));

    for (const server of fleet.servers()) expect(await server.wait(1, 5000)).toBe(1);
    const [dying] = (await cluster.masters()).keys();
    await dying?.kill();
    try {
      await beatAll(fleet, 1000); // waits for the replica to take over
      await until(() => feed.events.length >= 4 * IDS.length);
    } finally {
      await dying?.restart();
      await cluster.settled();
    }
    for (const { said } of detectors) {
      const count = (notice: string) => said.filter((line) => line === notice).length;
      await until(() => count('lost') === count('resumed')); // a detector subscribed to another node may print neither
    }
    await feed.stop();
    await Promise.all(detectors.map((each) => each.stop()));
    const logs = await allLogged(fleet);
    expect(storiesOf(feed.events)).toEqual(new Map(IDS.map((id) => [id, BOTH_LAPSES])));
    expect(feed.events.map(logIdOf).sort()).toEqual(logs.map(({ id }) => id).sort());
    const announced = detectors.flatMap(({ events }) => events.map(({ id }) => id));
    expect(announced.sort()).toEqual(
      logs.flatMap(({ id, reason }) => (reason === 'timeout' ? [id] : [])).sort(),
    );

    const ending = new AbortController();
    const options = { signal: ending.signal, onReady: () => ending.abort() };
    const middle = feed.events[500] as PresenceEvent;
    const rest = await allOf(presenceFeed(fleet, { ...options, since: { id: middle.id as string } }));
    expect([...feed.events.slice(0, 501), ...rest].map(logIdOf).sort()).toEqual(
      logs.map(({ id }) => id).sort(),
    );
  },
  TEST_TIMEOUT_MS,
);
