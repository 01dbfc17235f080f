/**
 * One of two masters hangs, and with it half of the partitions: operations on devices in reachable partitions
 * succeed, and operations on the others fail for those devices only.
 */

import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import type { ItemResult } from '../../../src/core/async/item-results.js';
import { DevstateError } from '../../../src/core/model/errors.js';
import { disconnectAll } from '../../../src/core/presence/disconnect.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { registerAll } from '../../../src/core/registry/register.js';
import { unregisterAll } from '../../../src/core/registry/unregister.js';
import { setDesiredAll } from '../../../src/core/shadow/desired.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { DeviceStateManager } from '../../../src/library/device-state-manager.js';
import type { PrivateServer } from '../../../src/redis/private-server.js';
import { cli } from '../../support/cli.js';
import { useCluster } from '../../support/cluster.js';
import { failure } from '../../support/fleet.js';

const cluster = useCluster({ masters: 2, replicas: 0 });
const devstate = cli(cluster);
const TIMEOUT_MS = 1000;
/** Less than the time of one request timeout per partition, one after the other. */
const ALL_PARTITIONS_MS = 4 * TIMEOUT_MS;

const IDS = Array.from({ length: 256 }, (_, i) => `d${i}`);
const UNREACHABLE = {
  code: 'CONNECTION',
  message: expect.stringMatching(/timed out|connection lost|no answer in time|before the answer/),
};

let fleet: Fleet;
/** The master that serves `devices:meta`, and the other master. */
let [metaMaster, otherMaster]: PrivateServer[] = [];
/** The device ids in the partitions of each master. */
let idsByMaster: Map<PrivateServer, string[]>;

beforeEach(async () => {
  fleet = await cluster.fleet({}, TIMEOUT_MS);
  await declareFleet(fleet, { partitions: 64 });
  [metaMaster, otherMaster] = await cluster.around(await slotOf(fleet.keys.meta));
  const results = await registerAll(
    fleet,
    IDS.map((id) => ({ id, type: 'lamp' })),
  );
  expect(failedIds(results)).toEqual([]);
  const masters = await cluster.masters();
  idsByMaster = new Map([...masters.keys()].map((server) => [server, []]));
  for (const id of IDS) {
    const slot = await slotOf((await fleet.partitionFor(id)).keys.activity);
    const [server] = [...masters].find(([, slots]) => slots.includes(slot)) ?? [];
    idsByMaster.get(server as PrivateServer)?.push(id);
  }
});

const slotOf = (key: string) => fleet.redis.cluster('KEYSLOT', key);
const idsOnMetaMaster = () => idsByMaster.get(metaMaster as PrivateServer) ?? [];
const idsOnOtherMaster = () => idsByMaster.get(otherMaster as PrivateServer) ?? [];

/** The ids whose result is an error. `ids` is in the order of the results. */
function failedIds(results: readonly ItemResult<unknown>[], ids: readonly string[] = IDS): string[] {
  return ids.filter((_, i) => results[i] instanceof DevstateError);
}

/** Stops the server's process. Returns a function that continues it, which also runs when the test ends. */
function hang(server: PrivateServer | undefined): () => void {
  const { pid } = server as PrivateServer;
  process.kill(pid, 'SIGSTOP');
  const resume = () => void process.kill(pid, 'SIGCONT');
  onTestFinished(resume);
  return resume;
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const begun = performance.now();
  const result = await work;
  expect(performance.now() - begun).toBeLessThan(ALL_PARTITIONS_MS);
  return result;
}

const OPERATIONS: [what: string, work: () => Promise<readonly ItemResult<unknown>[]>][] = [
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
  ['disconnects', () => disconnectAll(fleet, IDS)],
  ['unregistrations', () => unregisterAll(fleet, IDS)],
];

test.each(OPERATIONS)('%s succeed in reachable partitions, and fail for the others', async (_what, work) => {
  hang(otherMaster);
  const results = await inTime(work());
  expect(failedIds(results)).toEqual(idsOnOtherMaster());
  for (const id of idsOnOtherMaster()) {
    const lost = results[IDS.indexOf(id)];
    expect(lost).toMatchObject(UNREACHABLE);
    expect(lost).toMatchObject({ message: expect.stringContaining(`device "${id}": `) });
  }
});

test('a call for one unreachable device rejects', async () => {
  hang(otherMaster);
  const [id = ''] = idsOnOtherMaster();
  expect(await failure(heartbeats(fleet, [{ id }]))).toMatchObject(UNREACHABLE);
  expect(await failure(setDesiredAll(fleet, [id], { on: true }))).toMatchObject(UNREACHABLE);
});

test('heartbeats of one tick succeed in reachable partitions, without waiting for the unreachable ones', async () => {
  const manager = new DeviceStateManager(fleet.cluster, { requestTimeout: TIMEOUT_MS });
  await manager.deviceHeartbeat('d0');
  hang(otherMaster);
  const succeeded: string[] = [];
  const beats = IDS.map((id) =>
    manager.deviceHeartbeat(id).then(
      () => void succeeded.push(id),
      (error: unknown) => {
        expect(error).toMatchObject(UNREACHABLE);
        expect(succeeded.length).toBe(idsOnMetaMaster().length);
      },
    ),
  );
  await inTime(Promise.all(beats));
  expect(succeeded.sort()).toEqual(idsOnMetaMaster().sort());
});

test('a longer TTL is stored with the next heartbeat, when devices:meta was unreachable', async () => {
  const storedLongestTtl = async () => (await fleet.declared()).longestTtl;
  const ids = idsOnOtherMaster();
  const beat = () =>
    heartbeats(
      fleet,
      ids.map((id) => ({ id, ttl: 600_000 })),
    );
  const resume = hang(metaMaster);
  expect(failedIds(await inTime(beat()), ids)).toEqual([]);
  expect(
    failedIds(
      await registerAll(
        fleet,
        ids.map((id) => ({ id, type: 'plug', ttl: 700_000 })),
      ),
      ids,
    ),
  ).toEqual(ids);
  resume();
  expect(failedIds(await beat(), ids)).toEqual([]);
  fleet.invalidateSettings();
  expect(await storedLongestTtl()).toBe(600_000);
});

const INPUT = IDS.map((deviceId) => `${JSON.stringify({ deviceId })}\n`).join('');
const COMMAND_LINE = `heartbeat -f - -o ndjson --fields deviceId --request-timeout ${TIMEOUT_MS}ms --yes`;

test('applies the lines of reachable devices, reports the others, and exits with 7', async () => {
  hang(otherMaster);
  const { exit, stdout, stderr } = await devstate.run(COMMAND_LINE, { stdin: INPUT });
  expect(exit).toBe(7);
  expect(stdout).toBe(
    idsOnMetaMaster()
      .map((deviceId) => `${JSON.stringify({ deviceId })}\n`)
      .join(''),
  );
  const messages = stderr.trim().split('\n');
  expect(messages.pop()).toBe(`${idsOnMetaMaster().length} done, ${idsOnOtherMaster().length} failed`);
  expect(messages.map((line) => JSON.parse(line).error)).toMatchObject(
    idsOnOtherMaster().map((id) => ({
      message: expect.stringContaining(`device "${id}": timed out`),
      line: IDS.indexOf(id) + 1,
    })),
  );
});

test('stops and exits with 7, when no further device is reachable', async () => {
  const running = devstate.start(COMMAND_LINE, { tty: true });
  running.stdin.write('{"deviceId":"d0"}\n');
  await running.lines('stdout', 1);
  hang(metaMaster);
  hang(otherMaster);
  running.stdin.write(INPUT);
  const { exit, stderr } = await running.done;
  expect(exit).toBe(7);
  expect(stderr).toContain('1 done, 0 failed, 256 unknown; the rest of the input was not sent\n');
  expect(stderr.match(/"outcome":"unknown"/g)).toHaveLength(256);
  expect(stderr.match(/"code":"CONNECTION"/g)).toHaveLength(257);
});
