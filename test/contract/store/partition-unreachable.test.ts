/**
 * A master hangs, and half of the partitions with it: what is done to devices in the others is done, and
 * told; those that are out of reach fail alone.
 */
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import type { ItemResult } from '../../../src/core/async/item-results.js';
import { DevstateError } from '../../../src/core/model/errors.js';
import { disconnectAll, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { registerAll, unregisterAll } from '../../../src/core/registry/register.js';
import { setDesiredAll } from '../../../src/core/shadow/desired.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { DeviceStateManager } from '../../../src/library/device-state-manager.js';
import type { PrivateServer } from '../../../src/redis/private-server.js';
import { cli } from '../../support/cli.js';
import { useCluster } from '../../support/cluster.js';
import { failure } from '../../support/fleet.js';

const cluster = useCluster({ masters: 2, replicas: 0 });
const devstate = cli(cluster);
/** ms, of a request */
const TIMEOUT = 1000;
/** ms, in which partition after partition could not be waited for. */
const SOON = 4 * TIMEOUT;

const IDS = Array.from({ length: 256 }, (_, i) => `d${i}`);
const LOST = { code: 'CONNECTION', message: expect.stringMatching(/timed out|connection lost/) };

let fleet: Fleet;
/** Who serves `devices:meta`, and the other. */
let [first, second]: PrivateServer[] = [];
/** The ids that each serves. */
let served: Map<PrivateServer, string[]>;

beforeEach(async () => {
  fleet = await cluster.fleet({}, TIMEOUT);
  await declareFleet(fleet, { partitions: 64 });
  [first, second] = await cluster.around(await slotOf(fleet.keys.meta));
  const results = await registerAll(
    fleet,
    IDS.map((id) => ({ id, type: 'lamp' })),
  );
  expect(lostOf(results)).toEqual([]);
  const masters = await cluster.masters();
  served = new Map([...masters.keys()].map((server) => [server, []]));
  for (const id of IDS) {
    const slot = await slotOf((await fleet.of(id)).keys.activity);
    const [server] = [...masters].find(([, slots]) => slots.includes(slot)) ?? [];
    served.get(server as PrivateServer)?.push(id);
  }
});

const slotOf = (key: string) => fleet.redis.cluster('KEYSLOT', key);
const here = () => served.get(first as PrivateServer) ?? [];
const away = () => served.get(second as PrivateServer) ?? [];

/** The ids, of those in order, that were not answered. */
function lostOf(results: readonly ItemResult<unknown>[], ids: readonly string[] = IDS): string[] {
  return ids.filter((_, i) => results[i] instanceof DevstateError);
}

function hang(server: PrivateServer | undefined): () => void {
  const { pid } = server as PrivateServer;
  process.kill(pid, 'SIGSTOP');
  const goOn = () => void process.kill(pid, 'SIGCONT');
  onTestFinished(goOn);
  return goOn;
}

async function soon<T>(work: Promise<T>): Promise<T> {
  const begun = performance.now();
  const result = await work;
  expect(performance.now() - begun).toBeLessThan(SOON);
  return result;
}

const WORK: [what: string, work: () => Promise<readonly ItemResult<unknown>[]>][] = [
  [
    'heartbeats',
    () =>
      heartbeats(
        fleet,
        IDS.map((id) => ({ id })),
      ),
  ],
  [
    'merged reports',
    () =>
      heartbeats(
        fleet,
        IDS.map((id) => ({ id, patch: { on: true } })),
      ),
  ],
  [
    'registrations',
    () =>
      registerAll(
        fleet,
        IDS.map((id) => ({ id, type: 'plug' })),
      ),
  ],
  ['desired states', () => setDesiredAll(fleet, IDS, { on: true })],
  ['goodbyes', () => disconnectAll(fleet, IDS)],
  ['removals', () => unregisterAll(fleet, IDS)],
];

test.each(WORK)('%s are done in the other partitions', async (_what, work) => {
  hang(second);
  const results = await soon(work());
  expect(lostOf(results)).toEqual(away());
  for (const id of away()) {
    const lost = results[IDS.indexOf(id)];
    expect(lost).toMatchObject(LOST);
    expect(lost).toMatchObject({ message: expect.stringContaining(`device "${id}": `) });
  }
});

test('where nobody else is meant the call fails', async () => {
  hang(second);
  const [id = ''] = away();
  expect(await failure(heartbeats(fleet, [{ id }]))).toMatchObject(LOST);
  expect(await failure(setDesiredAll(fleet, [id], { on: true }))).toMatchObject(LOST);
});

test('beats of one tick neither fail with those that are lost nor wait for them', async () => {
  const manager = new DeviceStateManager(fleet.cluster, { requestTimeout: TIMEOUT });
  await manager.deviceHeartbeat('d0');
  hang(second);
  const told: string[] = [];
  const beats = IDS.map((id) =>
    manager.deviceHeartbeat(id).then(
      () => void told.push(id),
      (error: unknown) => {
        expect(error).toMatchObject(LOST);
        expect(told.length).toBe(here().length);
      },
    ),
  );
  await soon(Promise.all(beats));
  expect(told.sort()).toEqual(here().sort());
});

test('a TTL that cannot be noted is with the next beat, and takes nothing back', async () => {
  const noted = async () => (await fleet.declared()).longestTtl;
  const ids = away(); // of the other server than that of `devices:meta`
  const beat = () =>
    heartbeats(
      fleet,
      ids.map((id) => ({ id, ttl: 600_000 })),
    );
  const goOn = hang(first);
  expect(lostOf(await soon(beat()), ids)).toEqual([]);
  expect(
    lostOf(
      await registerAll(
        fleet,
        ids.map((id) => ({ id, type: 'plug', ttl: 700_000 })),
      ),
      ids,
    ),
  ).toEqual(ids);
  goOn();
  expect(lostOf(await beat(), ids)).toEqual([]);
  fleet.forgetSettings();
  expect(await noted()).toBe(600_000);
});

const FILE = IDS.map((deviceId) => `${JSON.stringify({ deviceId })}\n`).join('');
const APPLY = `heartbeat -f - -o ndjson --fields deviceId --request-timeout ${TIMEOUT}ms --yes`;

test('a file is done as far as it can be, and exits 7', async () => {
  hang(second);
  const { exit, stdout, stderr } = await devstate.run(APPLY, { stdin: FILE });
  expect(exit).toBe(7);
  expect(stdout).toBe(
    here()
      .map((deviceId) => `${JSON.stringify({ deviceId })}\n`)
      .join(''),
  );
  const told = stderr.trim().split('\n');
  expect(told.pop()).toBe(`${here().length} done, ${away().length} failed`);
  expect(told.map((line) => JSON.parse(line).error)).toMatchObject(
    away().map((id) => ({ message: `device "${id}": timed out`, line: IDS.indexOf(id) + 1 })),
  );
});

test('a file of which nobody is answered ends, and exits 5', async () => {
  const running = devstate.start(APPLY, { tty: true });
  running.stdin.write('{"deviceId":"d0"}\n');
  await running.lines('stdout', 1);
  hang(first);
  hang(second);
  running.stdin.write(FILE);
  const { exit, stderr } = await running.done;
  expect(exit).toBe(5);
  expect(stderr).toContain('1 done, 0 failed, 256 not answered\n');
  expect(stderr.match(/timed out/g)).toHaveLength(1);
});
