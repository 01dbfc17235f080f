/** Masters of a cluster that die or hang: commands succeed within their timeout, and subscriptions are renewed. */
import { Cluster } from 'ioredis';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { declareFleet } from '../../src/core/admin/declare-fleet.js';
import { DevstateError } from '../../src/core/model/errors.js';
import { heartbeat, heartbeats } from '../../src/core/presence/heartbeats.js';
import { subscribe, subscribeEverywhere } from '../../src/core/pubsub/subscribe.js';
import { listDevices } from '../../src/core/query/list.js';
import { readDevice } from '../../src/core/query/read-devices.js';
import { registerAll } from '../../src/core/registry/register.js';
import { setDesired } from '../../src/core/shadow/desired.js';
import type { Fleet } from '../../src/core/store/fleet.js';
import { DeviceStateManager } from '../../src/library/device-state-manager.js';
import type { PrivateServer } from '../../src/redis/private-server.js';
import { cli, type Running } from '../support/cli.js';
import { useCluster } from '../support/cluster.js';
import { idsOf, until } from '../support/fleet.js';
import { briefly } from '../support/redis.js';
import { portOf } from '../support/sentinel.js';

const IDS = Array.from({ length: 300 }, (_, i) => `d${i}`);
const TIMEOUT_MS = 20_000;

/** Ids of several partitions. */
const LATE = ['late-1', 'late-2', 'late-3', 'late-4', 'late-5'];

const cluster = useCluster({ nodeTimeout: 1500 });
const devstate = cli(cluster);
let fleet: Fleet;

beforeEach(async () => {
  await cluster.settled();
  fleet = await cluster.fleet({}, TIMEOUT_MS);
  await declareFleet(fleet, { partitions: 64 });
  await registerAll(
    fleet,
    IDS.map((id) => ({ id, type: 'lamp' })),
  );
  // Writes that have reached the replicas are not lost in a failover.
  for (const server of fleet.servers()) expect(await server.wait(1, 5000)).toBe(1);
});

/** A channel, and how many times each message on it is received. */
async function listen(open: typeof subscribe, channel: string) {
  const heard: string[] = [];
  let returns = 0;
  const ear = open(fleet, channel, {
    onMessage: (message) => heard.push(message),
    onLost() {},
    onResumed: () => returns++,
  });
  onTestFinished(() => ear.close());
  await ear.ready;
  return {
    back: () => until(() => returns > 0 && ear.lost === undefined),
    async hears(message: string, times: number) {
      await fleet.send(() => fleet.redis.publish(channel, message));
      await until(() => heard.filter((each) => each === message).length === times);
    },
  };
}

async function running(argv: string, said: string): Promise<Running> {
  const command = devstate.start(argv);
  onTestFinished(async () => void (await command.stop()));
  await command.says('stderr', said);
  return command;
}

/** The master that has subscribers. */
async function listenedTo(channel: string): Promise<PrivateServer> {
  for (const server of (await cluster.masters()).keys()) {
    const [, count] = await briefly(server.url, (redis) => redis.pubsub('NUMSUB', channel));
    if (Number(count) > 0) return server;
  }
  throw new Error('nobody listens');
}

type Act = (server: PrivateServer) => unknown;

test.each<[what: string, strategy: string, act: Act, undo: Act]>([
  ['dies', 'deadline', (server) => server.kill(), (server) => server.restart()],
  [
    'hangs',
    'keyspace',
    (server) => process.kill(server.pid, 'SIGSTOP'),
    (server) => process.kill(server.pid, 'SIGCONT'),
  ],
])('a master that %s is followed', async (_what, strategy, act, undo) => {
  const [somewhere, everywhere] = [
    await listen(subscribe, 'somewhere'),
    await listen(subscribeEverywhere, 'everywhere'),
  ];
  const watching = await running('watch-presence -o name', 'watching');
  const detecting = await running(`detect --strategy ${strategy} -o name`, 'detecting');
  await somewhere.hears('before', 1);
  await everywhere.hears('before', 3);
  const server = await listenedTo('somewhere');
  await act(server);
  onTestFinished(async () => {
    await undo(server);
    await cluster.settled();
  });
  const beats = heartbeats(
    fleet,
    IDS.map((id) => ({ id, reportedJson: '{"on":true}' })),
  );
  const desired = IDS.slice(0, 50).map((id) => setDesired(fleet, id, { on: true }));
  expect(await idsOf(listDevices(fleet))).toEqual([...IDS].sort());
  // A write that was sent to the lost master is not repeated. Its outcome is told as unknown, and it is made again here.
  for (const [i, result] of (await beats).entries()) {
    if (!(result instanceof DevstateError)) continue;
    expect(result.outcome).toBe('unknown');
    await heartbeat(fleet, { id: IDS[i] as string, reportedJson: '{"on":true}' });
  }
  for (const [i, outcome] of (await Promise.allSettled(desired)).entries()) {
    if (outcome.status === 'fulfilled') continue;
    expect(outcome.reason).toMatchObject({ outcome: 'unknown' });
    await setDesired(fleet, IDS[i] as string, { on: true });
  }
  for (const id of IDS.slice(0, 50)) {
    expect(await readDevice(fleet, id)).toMatchObject({ status: 'online', desiredJson: '{"on":true}' });
  }
  expect((await devstate.run('heartbeat d1 -o name')).stdout).toBe('d1\n');
  await Promise.all([somewhere.back(), everywhere.back()]);
  await somewhere.hears('after', 1);
  await everywhere.hears('after', 3);
  for (const id of LATE) await devstate.run(`heartbeat ${id} --register --type plug --ttl 100ms`);
  for (const id of LATE) await detecting.says('stdout', `${id}\n`);
  const all = [...IDS, ...LATE, ...LATE];
  expect((await watching.lines('stdout', all.length)).sort()).toEqual(all.sort());
});

test('the library takes a client of a cluster', async () => {
  const nodes = cluster.nodes.map((node) => ({ host: '127.0.0.1', port: Number(portOf(node)) }));
  const client = new Cluster(nodes);
  const manager = new DeviceStateManager(client);
  try {
    await manager.deviceHeartbeat('d1', { n: 1 });
    expect(await manager.getDeviceState('d1')).toMatchObject({ status: 'online', reportedState: { n: 1 } });
    expect(await manager.getOnlineDevices()).toEqual(['d1']);
    const ear = subscribe(fleet, 'news', { onMessage() {}, onLost() {}, onResumed() {} });
    ear.close();
  } finally {
    await manager.close();
    expect(client.status).toBe('ready'); // the caller's client is left open
    client.disconnect();
  }
});
