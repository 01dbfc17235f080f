/** Connections of the library that are lost or refused in ways that ioredis would not notice, or would repeat for ever. */
import dns from 'node:dns';
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { closeConnection } from '../../../src/core/store/close-connection.js';
import { type ClientOptions, DeviceStateManager } from '../../../src/index.js';
import { createLink } from '../../../src/redis/client.js';
import { makeCertificates } from '../../support/certificates.js';
import { useFaultProxy } from '../../support/faults/fault-proxy.js';
import { loseAnswer } from '../../support/faults/lose-answer.js';
import { failure, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';
import { startTls } from '../../support/tls.js';

const redis = useRedis({ port: true });
const port = () => Number(new URL(redis.url).port);

function managerFor(given: ClientOptions | Redis, requestTimeout: number): DeviceStateManager {
  const manager = new DeviceStateManager(given as ClientOptions, { requestTimeout });
  onTestFinished(() => manager.close());
  return manager;
}

describe('with commandTimeout', () => {
  test('a connection of the library that falls silent is replaced', async () => {
    const proxy = await useFaultProxy(redis.url);
    const manager = managerFor({ port: proxy.port, commandTimeout: 100 }, 800);
    await manager.registerDevice('d1', 'lamp');
    proxy.blackHole();
    await until(async () => (await manager.getDeviceState('d1').catch(() => undefined)) !== undefined);
    expect(proxy.flows.length).toBe(2);
  });

  test('a client of the caller is used again when the server answers again', async () => {
    const proxy = await useFaultProxy(redis.url);
    const client = new Redis({ port: proxy.port, commandTimeout: 100, lazyConnect: true });
    onTestFinished(() => client.disconnect());
    proxy.set({ swallow: true }, 'toClient');
    const manager = managerFor(client, 500);
    await failure(manager.registerDevice('d1', 'lamp'));
    proxy.set({ swallow: false }, 'toClient');
    await until(
      async () => (await manager.registerDevice('d1', 'lamp').catch(() => undefined)) !== undefined,
    );
  });
});

test('an answer that is lost before the login is refused is told as unknown', async () => {
  const admin = await redis.client();
  await admin.call('ACL', 'SETUSER', 'writer', 'on', '>first', '+@all', '~*', '&*');
  onTestFinished(async () => void (await admin.call('ACL', 'DELUSER', 'writer')));
  const proxy = await useFaultProxy(redis.url);
  const manager = managerFor({ port: proxy.port, username: 'writer', password: 'first' }, 1000);
  await manager.registerDevice('d1', 'lamp');
  await admin.call('ACL', 'SETUSER', 'writer', 'resetpass', '>second');
  loseAnswer(proxy, 'x-done', 'reset');
  const error = await failure(manager.setDesiredState('d1', { 'x-done': true }));
  expect(error).toMatchObject({ code: 'CONNECTION', outcome: 'unknown' });
});

test('a server that accepts connections and refuses the login is asked less and less often', async () => {
  const proxy = await useFaultProxy(redis.url);
  const link = createLink({ port: proxy.port, username: 'nobody', password: 'wrong' }, 4000);
  onTestFinished(() => closeConnection(link.client));
  await failure(link.answered());
  await new Promise((resolve) => setTimeout(resolve, 2000)); // the pauses are 100, 200, 400 and 800 ms
  expect(proxy.flows.length).toBeLessThanOrEqual(6);
});

test('a database that does not exist is an error of the connection', async () => {
  const manager = managerFor({ port: port(), db: 9999 }, 500);
  expect(await failure(manager.getDeviceState('d1'))).toMatchObject({ code: 'CONNECTION' });
});

test('TLS to a host of which the first address is refused', async () => {
  const made = await makeCertificates();
  const server = await startTls(made, 'server');
  onTestFinished(() => server.stop());
  const addresses = [
    { address: '::1', family: 6 },
    { address: '127.0.0.1', family: 4 },
  ];
  const lookup = vi
    .spyOn(dns, 'lookup')
    .mockImplementation(((_host, _options, done) => done(null, addresses as never, 0)) as typeof dns.lookup);
  onTestFinished(() => lookup.mockRestore());
  const tls = { ca: readFileSync(made.pem('ca')) };
  const manager = managerFor({ host: 'localhost', port: server.port, family: 0, tls }, 3000);
  await manager.registerDevice('d1', 'lamp');
  expect(await manager.getDeviceState('d1')).toMatchObject({ deviceId: 'd1' });
  expect(lookup).toHaveBeenCalled();
});
