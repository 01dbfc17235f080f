/** A fleet with 64 partitions on a cluster: queries cover all partitions, also while slots move between nodes. */
import { beforeEach, describe, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { eraseNamespace } from '../../../src/core/admin/erase-namespace.js';
import { readHistory } from '../../../src/core/history/read-history.js';
import { disconnectAll } from '../../../src/core/presence/disconnect.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { listDevices, onlineDevices } from '../../../src/core/query/list.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { staleDevices } from '../../../src/core/query/stale.js';
import { fleetStats } from '../../../src/core/query/stats.js';
import { register, registerAll } from '../../../src/core/registry/register.js';
import { unregisterAll } from '../../../src/core/registry/unregister.js';
import { delta } from '../../../src/core/shadow/delta.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { scanSet } from '../../../src/core/store/set-scan.js';
import { cli } from '../../support/cli.js';
import { useCluster } from '../../support/cluster.js';
import { allOf, cut, failure, idsOf, ODD_IDS } from '../../support/fleet.js';
import { bySize } from '../../support/size.js';

const PARTITIONS = 64;
const DEVICE_COUNT = bySize(5000, 100_000);
const IDS = [...ODD_IDS, ...Array.from({ length: DEVICE_COUNT - ODD_IDS.length }, (_, i) => `d${i}`)];

const asLamps = (ids: readonly string[]) => ids.map((id) => ({ id, type: 'lamp' }));
const failuresIn = (results: readonly unknown[]) => results.filter((one) => one instanceof Error);

const cluster = useCluster();
const devstate = cli(cluster);

test('refuses a fleet without partitions, with a hint', async () => {
  const fleet = await cluster.fleet();
  expect(await failure(register(fleet, 'd1', 'lamp'))).toMatchObject({ code: 'USAGE' });
  for (const argv of ['register d1 --type lamp', 'list', 'stats', 'watch-presence', 'detect', 'init']) {
    expect(await devstate.session(argv)).toContain(
      '! devstate: a cluster needs a partitioned fleet\n! hint: devstate init --partitions 64\nexit 2\n',
    );
  }
  expect(await devstate.session('init --partitions 64 --writers exclusive', { tty: true })).toBe(
    'layout version 1, 64 partitions, dialect node, exclusive writers, hold 2, history reported=20 desired=100 presence=100, log 100000\n',
  );
  expect(await devstate.session('register d1 --type lamp -o name')).toBe('d1\n');
  expect(await devstate.session('init --partitions 16')).toBe(
    '! devstate: the fleet holds devices in 64 partitions\n! hint: partitions can never change; begin another fleet with --namespace\nexit 6\n',
  );
});

test('refuses a redis:// URL of one node, with a hint', async () => {
  await declareFleet(await cluster.fleet(), { partitions: PARTITIONS });
  for (const { url } of cluster.nodes.slice(0, 3)) {
    expect((await cli(url).session('list')).replace(url, 'URL')).toBe(
      '! devstate: URL: this server is one node of a cluster\n! hint: name the cluster: redis-cluster://\nexit 5\n',
    );
  }
});

describe.each(['shared', 'exclusive'] as const)('a fleet with %s writers', (writers) => {
  let fleet: Fleet;

  beforeEach(async () => {
    fleet = await cluster.fleet();
    await declareFleet(fleet, { writers, partitions: PARTITIONS });
    const registrants = IDS.map((id, i) => ({ id, type: i % 3 === 0 ? 'lamp' : 'plug' }));
    expect(failuresIn(await registerAll(fleet, registrants))).toEqual([]);
  });

  test('answers queries over all partitions, and spreads keys evenly', async () => {
    const sorted = [...IDS].sort();
    const beaten = IDS.slice(0, DEVICE_COUNT / 2);
    const beats = beaten.map((id) => ({ id, reportedJson: '{"n":0.10}' }));
    expect(failuresIn(await heartbeats(fleet, beats))).toEqual([]);
    const expired = beaten.slice(0, 100);
    for (const id of expired) await cut(await fleet.partitionFor(id), id);
    const offlineIds = new Set([...expired, ...IDS.slice(DEVICE_COUNT / 2)]);
    for (const id of expired) await settle(await fleet.partitionFor(id), [id]);
    expect(await idsOf(listDevices(fleet))).toEqual(sorted);
    expect(await idsOf(onlineDevices(fleet))).toEqual(sorted.filter((id) => !offlineIds.has(id)));
    expect(await idsOf(listDevices(fleet, { status: 'offline' }))).toEqual(
      sorted.filter((id) => offlineIds.has(id)),
    );
    const stale = await allOf(staleDevices(fleet, { olderThan: 0 }));
    expect(stale.map(({ deviceId }) => deviceId).sort()).toEqual(sorted);
    expect(await fleetStats(fleet)).toMatchObject([
      { registered: DEVICE_COUNT, online: DEVICE_COUNT - offlineIds.size, offline: offlineIds.size },
    ]);
    const count = Math.ceil(DEVICE_COUNT / 3);
    expect(await fleetStats(fleet, { byType: true })).toMatchObject([
      { deviceType: 'lamp', registered: count },
      { deviceType: 'plug', registered: DEVICE_COUNT - count },
    ]);
    const sizes = await Promise.all(fleet.servers().map((server) => server.dbsize()));
    const even = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
    for (const size of sizes) expect(Math.abs(size / even - 1)).toBeLessThan(0.1);
  });

  test('keeps shadow and history of a device, disconnects and unregisters it', async () => {
    const id = '{x}';
    await heartbeats(fleet, [{ id, reportedJson: '{"on":false}' }]);
    await setDesired(fleet, id, { on: true });
    expect(await delta(fleet, id)).toMatchObject({ inSync: false, patch: { on: true } });
    expect(await readDevice(fleet, id)).toMatchObject({
      deviceId: id,
      status: 'online',
      desiredJson: '{"on":true}',
    });
    expect(await readHistory(fleet, id)).toHaveLength(3);
    expect(await disconnectAll(fleet, [id, 'nobody'])).toMatchObject([true, { code: 'NOT_FOUND' }]);
    expect(await unregisterAll(fleet, [id])).toEqual([null]);
  });
});

test('eraseNamespace erases the namespace on every master, and no other namespace', async () => {
  const [erased, kept] = [await cluster.fleet({ namespace: 'a' }), await cluster.fleet({ namespace: 'b' })];
  for (const fleet of [erased, kept]) {
    await declareFleet(fleet, { partitions: PARTITIONS });
    await registerAll(fleet, asLamps(IDS.slice(0, 500)));
  }
  const keys = async () => (await Promise.all(kept.servers().map((server) => server.keys('*')))).flat();
  expect((await keys()).filter((key) => key.startsWith('a:'))).not.toEqual([]);
  const before = (await keys()).filter((key) => key.startsWith('b:'));
  await eraseNamespace(erased);
  expect((await keys()).sort()).toEqual(before.sort());
});

test('commands succeed while slots move and a node joins', async () => {
  const fleet = await cluster.fleet();
  await declareFleet(fleet, { partitions: PARTITIONS });
  const ids = IDS.slice(0, DEVICE_COUNT / 5);
  await registerAll(fleet, asLamps(ids));
  const load = new Load(fleet, ids);
  try {
    const [[from, slots] = [], [to] = []] = await cluster.masters();
    if (!from || !slots || !to) throw new Error('there are too few masters');
    await cluster.move(slots.slice(0, 2000), from, to);
    const joined = await cluster.join();
    await cluster.move(slots.slice(2000, 2500), from, joined);
  } finally {
    await load.end();
  }
  expect(load.registered).toBeGreaterThan(50);
  expect(await idsOf(listDevices(fleet))).toHaveLength(ids.length + load.registered);
  for (const [id, count] of load.counts) {
    expect(await readDevice(fleet, id)).toMatchObject({ desiredJson: `{"count":"${count}"}` });
  }
});

test('scanSet yields every member, when the set moves to another node during the scan', async () => {
  const fleet = await cluster.fleet();
  await declareFleet(fleet, { partitions: PARTITIONS });
  const ids = Array.from({ length: 5000 }, (_, i) => `d${i}`);
  await fleet.redis.sadd('{0}', ...ids);
  const slot = await fleet.redis.cluster('KEYSLOT', '{0}');
  const [from, to] = await cluster.around(slot);
  const found: string[] = [];
  let moved = false;
  for await (const some of scanSet(await fleet.partitionFor('d0'), '{0}')) {
    found.push(...some);
    if (found.length > 1000 && !moved) await cluster.move([slot], from, to);
    moved = found.length > 1000;
  }
  expect(moved).toBe(true);
  expect(found.sort()).toEqual(ids.sort());
  await cluster.move([slot], to, from);
});

/** Runs commands in loops until `end()`, and checks the result of each. */
class Load {
  registered = 0;
  /** The number of times that each device's desired state was set. */
  readonly counts = new Map<string, number>();
  readonly #stop = new AbortController();
  readonly #loops: Promise<unknown>;

  constructor(fleet: Fleet, ids: readonly string[]) {
    const some = (round: number, count: number) =>
      Array.from({ length: count }, (_, i) => ids[(round * count + i) % ids.length] as string);
    this.#loops = Promise.all([
      this.#every(async (round) => {
        expect(await register(fleet, `new${round}`, 'plug')).toMatchObject({ created: true });
        this.registered++;
      }),
      this.#every(async (round) => {
        const beats = some(round, 50).map((id) => ({ id, reportedJson: `{"round":${round}}` }));
        expect(failuresIn(await heartbeats(fleet, beats))).toEqual([]);
      }),
      this.#every(async (round) => {
        for (const id of some(round, 1)) {
          const count = (this.counts.get(id) ?? 0) + 1;
          expect(await setDesired(fleet, id, { count: `${count}` })).toMatchObject({ version: count });
          this.counts.set(id, count);
        }
      }),
      this.#every(async () => {
        expect(await idsOf(listDevices(fleet, { type: 'lamp' }))).toHaveLength(ids.length);
      }),
    ]);
    this.#loops.catch(() => this.#stop.abort()); // end() rejects with the error
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#loops;
  }

  async #every(work: (round: number) => Promise<void>): Promise<void> {
    for (let round = 0; !this.#stop.signal.aborted; round++) await work(round);
  }
}
