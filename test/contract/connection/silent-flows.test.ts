/**
 * A network that swallows what existing connections send, while new connections work: nothing is closed, so only
 * silence shows it. What runs on must work again within twice the request timeout and a second, counted from the next
 * thing that is due, and must report the loss. With TEST_FIGURES=1 the measured times are printed.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { type Backend, cluster, oneServer, sentinel } from '../../support/backends.js';
import { makeCertificates } from '../../support/certificates.js';
import { useFaultProxy } from '../../support/faults/fault-proxy.js';
import type { Flow } from '../../support/faults/flow.js';
import { fleetAt } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';
import {
  COMMANDS,
  LIBRARY,
  limitOf,
  MARGIN_MS,
  type Place,
  type Row,
  recovery,
  rowsNamed,
} from '../../support/running-things.js';
import { startTls } from '../../support/tls.js';

const figures: string[] = [];
afterAll(() => {
  if (process.env.TEST_FIGURES) process.stdout.write(`${figures.join('\n')}\n`);
});

/** Breaks the connections of what runs on, and expects it to work again in time, and to tell the loss. */
async function recovers(
  row: Row,
  place: Place,
  near: { url: string },
  cut: () => unknown,
  where: string,
): Promise<void> {
  const { subject, tookMs } = await recovery(row, place, near, cut);
  figures.push(`${where} | ${row[0]} | ${tookMs} | ${limitOf(row)}`);
  await subject.tells?.();
  expect(tookMs).toBeLessThan(limitOf(row) + MARGIN_MS);
}

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
    await recovers(row, backend, backend, cut, where);
  });
});

describe('one server', () => {
  const redis = useRedis();

  test.each(SOME)('by a unix socket: %s', async (...row) => {
    const proxy = await useFaultProxy(redis.url, { path: join(redis.server.dir, 'proxy.sock') });
    await recovers(row, proxy, redis, () => proxy.blackHole(), 'a unix socket');
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
    await recovers(row, place, server, () => proxy.blackHole(), 'TLS');
  });

  describe.each<['toServer' | 'toClient']>([['toServer'], ['toClient']])(
    'in the direction %s',
    (direction) => {
      test.each(SOME)('%s', async (...row) => {
        const proxy = await useFaultProxy(redis.url);
        const cut = () => proxy.open.map((flow) => flow.set({ swallow: true }, direction));
        await recovers(row, proxy, redis, cut, direction);
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
      await recovers(row, proxy, redis, cut, 'the subscriber alone');
    },
  );
});
