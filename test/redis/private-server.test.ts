/** The private server: it starts, restarts at the same address, removes its files, and reports why it cannot start. */
import { existsSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { startServer } from '../../src/redis/private-server.js';
import { useRedis } from '../support/redis.js';

describe.each([{ port: false }, { port: true }])('a private server (%j)', (options) => {
  const redis = useRedis(options);

  it('answers commands', async () => {
    const client = await redis.client();
    expect(await client.set('key', 'value')).toBe('OK');
  });

  it('is empty at the start of each test', async () => {
    const client = await redis.client();
    expect(await client.dbsize()).toBe(0);
  });
});

it('restarts at the same address, after a shutdown and after a kill', async () => {
  const server = await startServer();
  const { pid, url } = server;
  await server.restart();
  expect(server.pid).not.toBe(pid);
  await server.kill();
  expect(existsSync(server.dir)).toBe(true);
  await server.restart();
  expect(server.url).toBe(url);
  await server.stop();
  expect(existsSync(server.dir)).toBe(false);
});

it.each([
  [{ PATH: '/nowhere' }, 'no redis-server found'],
  [{ DEVSTATE_REDIS_SERVER: '/nowhere/redis' }, 'no redis-server found at "/nowhere/redis"'],
])('reports a missing redis-server: %j', async (env, message) => {
  await expect(startServer({}, env)).rejects.toMatchObject({ code: 'CONNECTION', message });
});

it('reports why redis-server did not start', async () => {
  await expect(startServer({ args: ['--nonsense', 'x'] })).rejects.toThrow(/did not start: .*nonsense/);
});

it('reports that the folder for temporary files does not exist', async () => {
  vi.stubEnv('TMPDIR', '/nowhere');
  await expect(startServer().finally(() => vi.unstubAllEnvs())).rejects.toMatchObject({
    code: 'USAGE',
    message: 'cannot make a folder in "/nowhere": no such file',
  });
});
