/**
 * A server of ioredis-mock for one test file, empty at the start of each test; `useRedis` does the same with a real
 * redis-server. A file that leaves a connection open fails; connections of `client()` are closed here.
 */
import { afterAll, beforeEach, expect } from 'vitest';
import type { TestBackend } from '../redis.js';
import { connections, Redis } from './ioredis.js';

const FIRST_PORT = 20_000;

export function useMockRedis(): TestBackend {
  const port = FIRST_PORT + connections.size;
  const open = new Set<Redis>();
  const clients: Redis[] = [];
  connections.set(port, open);

  const newClient = async (options = {}) => {
    const client = new Redis({ ...options, host: '127.0.0.1', port, db: 0, lazyConnect: true });
    await client.connect();
    return client;
  };

  beforeEach(async () => {
    const client = await newClient();
    await client.flushall();
    client.disconnect();
  });

  afterAll(() => {
    for (const client of clients) client.disconnect();
    expect([...open]).toEqual([]);
  });

  return {
    url: `redis://127.0.0.1:${port}`,
    async client(options) {
      const client = await newClient(options);
      clients.push(client);
      return client;
    },
  };
}
