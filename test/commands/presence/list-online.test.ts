import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { type PrivateServer, startServer } from '../../../src/redis/private-server.js';
import { cli } from '../../support/cli.js';
import { useRedis } from '../../support/redis.js';
import { listOnlineSuite } from '../suite/list-online.js';

listOnlineSuite(useRedis());

describe('a large fleet', () => {
  const SIZE = 3000;

  async function populate(server: PrivateServer): Promise<void> {
    const client = new Redis(server.url);
    const pipeline = client.pipeline();
    for (let i = 0; i < SIZE; i++) {
      const id = `sensor-${i}`;
      pipeline.hset(`device:state:${id}`, {
        deviceId: id,
        deviceType: 'sensor',
        lastSeen: 1_600_000_000_000,
      });
      pipeline.set(`device:heartbeat:${id}`, '1').sadd('devices:online', id);
    }
    await pipeline.exec();
    client.disconnect();
  }

  test('prints the first rows before the last are read, and closes the array if the server is lost', async () => {
    const server = await startServer();
    try {
      await populate(server);
      const there = cli(server.url);
      expect(((await there.json('list-online')) as unknown[]).length).toBe(SIZE);
      for (const [argv, end] of [
        ['list-online --json --request-timeout 1s', '}\n]\n'],
        ['list-online -o ndjson', '}\n'],
        ['list-online', '\n'],
      ] as const) {
        const { exit, stdout, stderr } = await there.run(argv, {
          reader: (text) => (text.length > 1 ? server.kill() : undefined),
        });
        expect(exit).toBe(5);
        expect(stdout.endsWith(end)).toBe(true);
        if (argv.includes('--json')) expect(JSON.parse(stdout).length).toBeGreaterThan(0);
        expect(stdout.split('\n').length).toBeLessThan(SIZE);
        expect(stderr).toMatch(/: (connection lost|connection refused|no such socket|timed out)/);
        await server.restart();
        await populate(server);
      }
    } finally {
      await server.stop();
    }
  });
});
