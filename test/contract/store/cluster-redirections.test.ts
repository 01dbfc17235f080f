/**
 * Commands for a slot that is being moved to a node which the clients have no connection to, and which the other nodes
 * do not name as a master yet: none is lost, none is done twice.
 */
import { once } from 'node:events';
import type { Cluster } from 'ioredis';
import { beforeEach, expect, test } from 'vitest';
import { call } from '../../../src/core/store/call.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { Requests } from '../../../src/core/store/requests.js';
import type { PrivateServer } from '../../../src/redis/private-server.js';
import { useCluster } from '../../support/cluster.js';
import type { FaultProxy } from '../../support/faults/fault-proxy.js';
import { incrementByScript } from '../../support/increment-script.js';
import { briefly } from '../../support/redis.js';

const cluster = useCluster({ masters: 2, replicas: 0, proxied: true });
/** Long, because a node that was dropped has a quarter of it to answer, and a busy machine takes seconds until it may. */
const TIMEOUT_MS = 40_000;
const COUNT = 20;

let from: PrivateServer;
let joined: PrivateServer;
let proxy: FaultProxy;
let key: string;
let tests = 0;

beforeEach(async () => {
  const [[master, slots] = []] = await cluster.masters();
  if (!master || !slots) throw new Error('there is no master');
  from = master;
  joined = await cluster.join();
  proxy = cluster.proxyOf(joined);
  tests += 1;
  for (let n = 0; ; n++) {
    key = `counter${tests}-${n}`;
    const slot = await briefly(from.url, (node) => node.cluster('KEYSLOT', key));
    if (slots.includes(slot)) break;
  }
  await setSlot(joined, 'IMPORTING', from);
  await setSlot(from, 'MIGRATING', joined);
});

async function setSlot(at: PrivateServer, state: string, node: PrivateServer): Promise<void> {
  const id = await briefly(node.url, (redis) => redis.cluster('MYID'));
  const slot = await briefly(at.url, (redis) => redis.cluster('KEYSLOT', key));
  await briefly(at.url, (redis) => redis.call('CLUSTER', 'SETSLOT', String(slot), state, String(id)));
}

/** Increments the counter so many times at once; each is a write that is sent only once. Returns the replies. */
function increment(fleet: Fleet, count = COUNT): Promise<number[]> {
  const { link } = fleet;
  const one = () =>
    call(link, { key, repeat: 'once', timeoutMs: TIMEOUT_MS }, () => (link.client as Cluster).incr(key));
  return Promise.all(Array.from({ length: count }, one));
}

const numbers = (first: number, count = COUNT) => Array.from({ length: count }, (_, i) => first + i);

test('commands that are redirected at once to a node without a connection are done', async () => {
  const fleet = await cluster.fleet({}, TIMEOUT_MS);
  expect((await increment(fleet)).sort((a, b) => a - b)).toEqual(numbers(1)); // ASK
  const other = await cluster.fleet({}, TIMEOUT_MS);
  for (const node of [joined, from]) await setSlot(node, 'NODE', joined);
  expect((await increment(other)).sort((a, b) => a - b)).toEqual(numbers(COUNT + 1)); // MOVED
});

test('a node that the slots of another do not name answers what was sent to it, and is then closed', async () => {
  const fleet = await cluster.fleet({}, TIMEOUT_MS);
  await increment(fleet, 1);
  let sent = 0;
  proxy.onData = (flow, chunk, direction) => {
    if (direction !== 'toServer' || !chunk.includes(key)) return;
    sent += chunk.toString().split(key).length - 1;
    flow.set({ swallow: true }, 'toClient'); // not the answer to CLUSTER SLOTS, for which ioredis may ask this node
  };
  const replies = increment(fleet);
  await proxy.until(() => sent === COUNT);
  await new Promise((done) => fleet.cluster?.refreshSlotsCache(done));
  expect(fleet.cluster?.nodes().map(({ options }) => options.port)).not.toContain(proxy.port);
  const others = increment(fleet, 1); // makes another client of the node, which ioredis forgets when the first ends
  await proxy.until(() => sent === COUNT + 1);
  proxy.set({ swallow: false }, 'toClient');
  expect((await replies).sort((a, b) => a - b)).toEqual(numbers(2));
  expect(await others).toEqual([COUNT + 2]);
  fleet.cluster?.disconnect();
  await proxy.until(() => proxy.open.length === 0);
});

test('a write that is redirected to a node which refuses the connection is not done, so it is sent again', async () => {
  const fleet = await cluster.fleet({}, TIMEOUT_MS);
  proxy.refuse();
  const reply = incrementByScript(new Requests(fleet.link, TIMEOUT_MS), key);
  await once(fleet.cluster as Cluster, '-node'); // ioredis has given up the connection
  await proxy.accept();
  expect(await reply).toBe(1);
});
