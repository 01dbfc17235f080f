/**
 * A failover behind one address: the server that a connection leads to becomes a replica, and new connections lead to
 * the new master. Nothing is closed: only the replies to writes show it.
 */
import { expect, onTestFinished, test } from 'vitest';
import { cli } from '../../support/cli.js';
import { FaultProxy } from '../../support/faults/fault-proxy.js';
import { until } from '../../support/fleet.js';
import { briefly, useRedis } from '../../support/redis.js';
import { COMMANDS, LIBRARY, limitOf, MARGIN_MS, recovery } from '../../support/running-things.js';

const before = useRedis({ port: true, args: ['--repl-diskless-sync-delay', '0'] });
const after = useRedis({ port: true });

/** Waits until a server is a replica that has all data of its master. */
const linked = (url: string) =>
  until(() => briefly(url, async (redis) => (await redis.info()).includes('master_link_status:up')));

const leave = (replica: string) => briefly(replica, (redis) => redis.replicaof('NO', 'ONE'));

/** Returns a proxy that leads to the first server, and a function that makes the second one master. */
async function useFailover(): Promise<{ proxy: FaultProxy; failover: () => Promise<void> }> {
  const proxy = await FaultProxy.start(before.url);
  onTestFinished(async () => {
    await proxy.close();
    for (const { url } of [before, after]) await leave(url);
  });
  for (const { url } of [before, after])
    await briefly(url, (redis) => redis.config('SET', 'notify-keyspace-events', 'Ex'));
  const { hostname, port } = new URL(before.url);
  await briefly(after.url, (redis) => redis.replicaof(hostname, port));
  await linked(after.url);
  return {
    proxy,
    async failover() {
      proxy.forwardTo(after.url);
      await briefly(before.url, (redis) => redis.call('FAILOVER'));
      await linked(before.url);
    },
  };
}

test.each([...COMMANDS, ...LIBRARY])('%s', async (...row) => {
  const { proxy, failover } = await useFailover();
  const { tookMs } = await recovery(row, proxy, proxy, failover);
  expect(tookMs).toBeLessThan(limitOf(row) + MARGIN_MS);
});

test('subscriptions move too: a replica tells of no key that expires', async () => {
  const { proxy, failover } = await useFailover();
  const detecting = cli(proxy.url).start('detect --strategy keyspace');
  onTestFinished(async () => void (await detecting.stop()));
  await detecting.says('stderr', 'detecting');
  await failover();
  for (const channel of ['devices:presence', '__keyevent@0__:expired'])
    await until(() =>
      briefly(after.url, async (redis) => Number((await redis.pubsub('NUMSUB', channel))[1]) === 1),
    );
});
