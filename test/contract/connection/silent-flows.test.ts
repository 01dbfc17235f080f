/**
 * A network that swallows what existing connections send, while new connections work: nothing is closed, so only
 * silence shows it. Whatever runs on must work again within twice the request timeout and a second, counted from the
 * next thing that is due, and must tell the loss. With TEST_FIGURES=1 the measured times are printed.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { register } from '../../../src/core/registry/register.js';
import { type Backend, cluster, oneServer, sentinel } from '../../support/backends.js';
import { makeCertificates } from '../../support/certificates.js';
import { useFaultProxy } from '../../support/faults/fault-proxy.js';
import type { Flow } from '../../support/faults/flow.js';
import { fleetAt } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';
import { COMMANDS, LIBRARY, type Place, type Row, TIMEOUT_MS } from '../../support/running-things.js';
import { startTls } from '../../support/tls.js';

const LIMIT_MS = 2 * TIMEOUT_MS + 1000;
/** What a busy machine may add. */
const MARGIN_MS = 1000;

const figures: string[] = [];
afterAll(() => {
  if (process.env.TEST_FIGURES) process.stdout.write(`${figures.join('\n')}\n`);
});

/**
 * Starts it, cuts its connections, and measures the time until it works again.
 * @param near the URL over which the test itself reaches the server
 */
async function recovers(
  [name, dueMs, start]: Row,
  place: Place,
  near: string,
  cut: () => unknown,
  where: string,
): Promise<void> {
  const id = 'd1';
  await register(await fleetAt(near), id, 'lamp');
  const subject = await start(place, id);
  await cut();
  const cutAt = performance.now();
  await subject.succeeds(await fleetAt(near));
  const tookMs = Math.round(performance.now() - cutAt);
  figures.push(`${where} | ${name} | ${tookMs} | ${dueMs + LIMIT_MS}`);
  await subject.tells?.();
  expect(tookMs).toBeLessThan(dueMs + LIMIT_MS + MARGIN_MS);
}

const rowsNamed = (...names: string[]) => [...COMMANDS, ...LIBRARY].filter(([name]) => names.includes(name));
const SOME = rowsNamed(
  'heartbeat --every',
  'watch-presence, an event of another program',
  'library: deviceHeartbeat with a report',
);

describe.each<[name: string, open: () => Backend, partitions: number, rows: Row[]]>([
  ['one server', () => oneServer({ proxied: true }), 1, [...COMMANDS, ...LIBRARY]],
  ['Sentinel', () => sentinel({ proxied: true }), 1, [...COMMANDS, ...LIBRARY]],
  ['a cluster', () => cluster({ proxied: true }), 16, COMMANDS],
])('%s', (where, open, partitions, rows) => {
  const backend = open();

  test.each(rows)('%s', async (...row) => {
    const fleet = await fleetAt(backend.url);
    await declareFleet(fleet, { partitions });
    for (const server of fleet.servers()) {
      await server.flushall();
      await server.config('SET', 'notify-keyspace-events', 'Ex');
    }
    await declareFleet(fleet, { partitions });
    const cut = () => backend.proxies.map((proxy) => proxy.blackHole());
    await recovers(row, backend, backend.url, cut, where);
  });
});

describe('one server', () => {
  const redis = useRedis();

  test.each(SOME)('by a unix socket: %s', async (...row) => {
    const proxy = await useFaultProxy(redis.url, { path: join(redis.server.dir, 'proxy.sock') });
    await recovers(row, proxy, redis.url, () => proxy.blackHole(), 'a unix socket');
  });

  test.each(SOME)('by TLS: %s', async (...row) => {
    const made = await makeCertificates();
    const server = await startTls(made, 'server');
    onTestFinished(async () => {
      await server.stop();
      await made.remove();
    });
    const proxy = await useFaultProxy(`rediss://127.0.0.1:${server.port}`);
    const ca = made.pem('ca');
    const place = { url: proxy.url, argv: `--ca ${ca}`, options: { tls: { ca: readFileSync(ca) } } };
    await recovers(row, place, server.url, () => proxy.blackHole(), 'TLS');
  });

  describe.each<['toServer' | 'toClient']>([['toServer'], ['toClient']])(
    'in the direction %s',
    (direction) => {
      test.each(SOME)('%s', async (...row) => {
        const proxy = await useFaultProxy(redis.url);
        const cut = () => proxy.open.map((flow) => flow.set({ swallow: true }, direction));
        await recovers(row, proxy, redis.url, cut, direction);
      });
    },
  );

  test.each(rowsNamed('watch-presence, an event of another program', 'library: presence()'))(
    'only the connection of the subscriber: %s',
    async (...row) => {
      const proxy = await useFaultProxy(redis.url);
      const subscribers = new Set<Flow>();
      proxy.onData = (flow, chunk) => {
        if (/\bsubscribe\b/i.test(chunk.toString())) subscribers.add(flow);
      };
      const cut = () => expect([...subscribers].map((flow) => flow.blackHole())).toHaveLength(1);
      await recovers(row, proxy, redis.url, cut, 'the subscriber alone');
    },
  );
});
