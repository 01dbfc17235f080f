/**
 * A private redis-server for one test file (or `describe`), empty at the start of each test.
 * A file that leaves a connection open fails; connections of `client()` are closed here.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis, type RedisOptions } from 'ioredis';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { type PrivateServer, type ServerOptions, startServer } from '../../src/redis/private-server.js';

/** What a suite needs of a server, be it one of Redis or of ioredis-mock. */
export interface TestBackend {
  readonly url: string;
  /** Returns a connected client, which is closed at the file's end. */
  client(options?: RedisOptions): Promise<Redis>;
}

export interface TestRedis extends TestBackend {
  readonly server: PrivateServer;
}

/** @param env the environment of the server, called when it is started; default: that of the test */
export function useRedis(options?: ServerOptions, env?: () => NodeJS.ProcessEnv): TestRedis {
  let server: PrivateServer;
  const clients: Redis[] = [];

  beforeAll(async () => {
    server = await startServer(options, env?.());
  });

  // Each use opens a connection of its own, because a test may have restarted the server.
  beforeEach(async () => {
    await briefly(server.url, (redis) => redis.flushall());
  });

  afterAll(async () => {
    for (const client of clients) client.disconnect();
    try {
      await briefly(server.url, expectNoOthers);
    } finally {
      await server.stop();
    }
  });

  return {
    get url() {
      return server.url;
    },
    get server() {
      return server;
    },
    async client(clientOptions = {}) {
      const client = new Redis(server.url, { ...clientOptions, lazyConnect: true });
      clients.push(client);
      await client.connect();
      return client;
    },
  };
}

export async function briefly<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { connectionName: 'test-support', retryStrategy: () => null });
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

/** Connections of this file, and between the servers of a cluster. */
const EXPECTED = / name=test-support | flags=[SM] | cmd=restore-asking /;

/** Fails if the server has other clients. It sees a closed connection with a delay, so it is asked repeatedly. */
export async function expectNoOthers(redis: Redis): Promise<void> {
  let others: string[] = [];
  for (let attempt = 0; attempt < 100; attempt++) {
    const list = (await redis.client('LIST')) as string;
    others = list.split('\n').filter((line) => line !== '' && !EXPECTED.test(line));
    if (others.length === 0) return;
    await sleep(10);
  }
  throw new Error(`connections were left open:\n${others.join('\n')}`);
}
