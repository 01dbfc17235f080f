/** The memory of an online device in Redis: devstate's without history and log, and the article's. */
import { nodeDialect } from '../../test/support/article/node-dialect.mjs';
import { createProgram } from '../../test/support/article/program.mjs';
import { expect, Fleet, LOG, METADATA, TTL_MS, TYPE } from '../support/fleet.js';
import { inFlight } from '../support/rounds.js';
import { short } from '../support/table.js';

const BATCH = 10_000;

export async function memory(bench) {
  const fleet = new Fleet(bench.sizes.devices);
  const ids = fleet.onlineIds();
  const report = (id) => fleet.report(fleet.indexOf(id));
  const ours = await perDevice(bench, fleet, async ({ redis, manager }) => {
    await redis.hset('devices:meta', 'historyCap', '0');
    for (let from = 0; from < ids.length; from += BATCH) {
      const some = ids.slice(from, from + BATCH);
      await manager.registerDevices(
        some.map((deviceId) => ({ deviceId, deviceType: TYPE, metadata: METADATA })),
      );
      await manager.deviceHeartbeats(some.map((deviceId) => ({ deviceId, reportedState: report(deviceId) })));
    }
  });
  const theirs = await perDevice(bench, fleet, async (server) => {
    const redis = server.client();
    const article = createProgram(nodeDialect, redis, { ttlSeconds: TTL_MS / 1000 });
    await inFlight(256, ids.values(), async (id) => {
      await article.register(id, TYPE, METADATA);
      await article.heartbeat(id, report(id));
    });
    redis.disconnect();
  });
  return {
    lines: [
      {
        name: `memory in Redis, ${short(fleet.size)} online; the article's layout`,
        figure: `${ours.toFixed(0)} B/device`,
        against: `${theirs.toFixed(0)} B/device`,
        value: ours / theirs,
        unit: '×',
        atMost: 1.3,
      },
    ],
  };
}

/** The bytes per device that `write` adds to an empty server, without the presence log. */
async function perDevice(bench, fleet, write) {
  const server = await bench.server();
  const { redis } = server;
  const before = await used(redis);
  await write(server);
  expect('the devices online', await redis.scard('devices:online'), fleet.size);
  await redis.del(LOG);
  await redis.slowlog('RESET'); // the slow log is in the same memory
  const bytes = (await used(redis)) - before;
  await server.stop();
  return bytes / fleet.size;
}

async function used(redis) {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))[1]);
}
