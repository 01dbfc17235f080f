/**
 * Writes go on during outages of every kind, on one server, Sentinel and a cluster. The records show that no write was
 * done after its time, or twice, or although its caller was told that it was not done. `npm test` makes one outage of
 * each kind on one server, the soak run 20 of each on all three.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { closeConnection } from '../../../src/core/store/close-connection.js';
import { Fleet } from '../../../src/core/store/fleet.js';
import { connect } from '../../../src/redis/client.js';
import { parseTarget } from '../../../src/redis/target-url.js';
import { useCluster } from '../../support/cluster.js';
import { FaultProxy } from '../../support/faults/fault-proxy.js';
import { type Disturbed, type OutageKind, outage } from '../../support/faults/outages.js';
import { numberedIds } from '../../support/fleet.js';
import { fleetWriter, RecordedWrites, type Verdict } from '../../support/recorded-writes.js';
import { useRedis } from '../../support/redis.js';
import { printReport } from '../../support/report.js';
import { type SentinelSet, startSentinels } from '../../support/sentinel.js';
import { bySize } from '../../support/size.js';

const TIMEOUT_MS = 400;
/** For a connection that must only work in the end, also after a failover, ms. */
const PATIENT_MS = 15_000;
const PER_SECOND = 200;
const SEEDS = Array.from({ length: bySize(1, 20) }, (_, i) => i + 1);

const KINDS: OutageKind[] = [
  'stop',
  'requests late',
  'answers late',
  'half-open',
  'reset mid-answer',
  'refused',
  'held',
  'jitter',
];

interface Topology extends Pick<Disturbed, 'servers' | 'proxies'> {
  readonly url: string;
  /** Waits until the servers have recovered from an earlier outage, as from a failover. */
  settled?(): Promise<void>;
}

async function withFleets<T>(url: string, use: (writing: Fleet, patient: Fleet) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const target = parseTarget(url);
  const links = await Promise.all(
    [TIMEOUT_MS, PATIENT_MS].map((timeoutMs) => connect(target, { timeoutMs, signal: stop.signal })),
  );
  try {
    const [writing, patient] = links.map(
      (link, i) => new Fleet(link, { requestTimeout: [TIMEOUT_MS, PATIENT_MS][i] as number }),
    );
    return await use(writing as Fleet, patient as Fleet);
  } finally {
    stop.abort();
    for (const { client } of links) closeConnection(client);
  }
}

/** Writes while there is an outage, and returns what the records tell. */
async function writesDuring(
  kind: OutageKind,
  seed: number,
  topology: Topology,
  partitions: number,
): Promise<Verdict> {
  await topology.settled?.();
  const { writes } = await withFleets(topology.url, async (writing, patient) => {
    await declareFleet(patient, { partitions });
    const ids = numberedIds(20).map((id) => `${kind.replaceAll(' ', '-')}-${seed}-${id}`);
    const writes = await RecordedWrites.start(patient, fleetWriter(writing), ids);
    const { servers, proxies } = topology;
    const work = async () => {
      await sleep(100);
      await outage(kind, { servers, proxies, timeoutMs: TIMEOUT_MS }, seed);
      await sleep(TIMEOUT_MS / 2);
    };
    await writes.during(PER_SECOND, work());
    return { writes };
  });
  return withFleets(topology.url, (_, patient) => writes.check(patient));
}

function expectNoneLate(name: string, kind: OutageKind, verdicts: readonly Verdict[]): void {
  const sum = (of: (verdict: Verdict) => number) =>
    verdicts.reduce((total, verdict) => total + of(verdict), 0);
  const late = verdicts.flatMap((verdict) => verdict.late);
  printReport(`${verdicts.length} outages on ${name}: ${kind}`, [
    `${sum(({ done }) => done)} done, ${sum(({ notDone }) => notDone)} not done, ${sum(({ unknown }) => unknown)} unknown, of them ${sum(({ unknownDone }) => unknownDone)} done; late: ${late.length}`,
  ]);
  expect(late).toEqual([]);
  expect(verdicts.flatMap(({ doubled }) => doubled)).toEqual([]);
  expect(sum(({ done }) => done)).toBeGreaterThan(0);
}

async function runSeeds(
  name: string,
  kind: OutageKind,
  topology: Topology,
  partitions = 1,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const seed of SEEDS) verdicts.push(await writesDuring(kind, seed, topology, partitions));
  expectNoneLate(name, kind, verdicts);
  return verdicts;
}

const SOAK_MS = 600_000;

describe('one server', () => {
  const redis = useRedis({ port: true, args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  let proxy: FaultProxy;
  beforeAll(async () => {
    proxy = await FaultProxy.start(redis.url);
  });
  afterAll(() => proxy.close());

  test.each<OutageKind>([...KINDS, 'kill'])(
    '%s',
    async (kind) => {
      const topology = { url: proxy.url, servers: [redis.server], proxies: [proxy] };
      const verdicts = await runSeeds('one server', kind, topology);
      expect(verdicts.flatMap(({ missing }) => missing)).toEqual([]);
    },
    SOAK_MS,
  );
});

describe.each(bySize([], ['Sentinel']))('%s', () => {
  let set: SentinelSet;
  beforeAll(async () => {
    set = await startSentinels({ proxied: true });
  });
  afterAll(() => set.stop());

  // After a failover, what the former master had acknowledged may be missing.
  test.each(KINDS)('%s', async (kind) => void (await runSeeds('Sentinel', kind, set)), SOAK_MS);
});

describe.each(bySize([], ['a cluster']))('%s', () => {
  const cluster = useCluster({ proxied: true });

  test.each(KINDS)(
    '%s',
    async (kind) => {
      const { url, nodes: servers, proxies } = cluster;
      await runSeeds('a cluster', kind, { url, servers, proxies, settled: () => cluster.settled() }, 64);
    },
    SOAK_MS,
  );
});
