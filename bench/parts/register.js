/** Registers many new devices: the library in bulk, the command line from a file, the article's design. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeDialect } from '../../test/support/article/node-dialect.mjs';
import { createProgram } from '../../test/support/article/program.mjs';
import { expect, Fleet, METADATA, TTL_MS, TYPE } from '../support/fleet.js';
import { DEVSTATE, whole } from '../support/programs.js';
import { inFlight, inTurn, timed } from '../support/rounds.js';
import { short, speedLine } from '../support/table.js';

const BATCH = 10_000;

export async function register(bench) {
  const { devices, rounds } = bench.sizes;
  const server = await bench.server();
  const { redis } = server;
  const { manager } = server;
  const article = createProgram(nodeDialect, server.client(), {
    ttlSeconds: TTL_MS / 1000,
    publisher: server.client(),
  });
  const fleet = new Fleet(devices);
  const items = fleet.onlineIds().map((deviceId) => ({ deviceId, deviceType: TYPE, metadata: METADATA }));
  const file = join(server.dir, 'devices.ndjson');
  writeFileSync(file, items.map((item) => `${JSON.stringify(item)}\n`).join(''));

  const measured = (run) => async () => {
    await redis.flushdb();
    const ms = await run();
    await checkRegistered(redis, fleet);
    return ms;
  };
  const ours = (run) => measured(() => bench.longest.watch(server, run));
  const times = await inTurn(
    rounds,
    {
      article: measured(() =>
        timed(() =>
          inFlight(256, items.values(), ({ deviceId, deviceType, metadata }) =>
            article.register(deviceId, deviceType, metadata),
          ),
        ),
      ),
      bulk: ours(() => bulk(manager, items)),
      file: ours(
        async () => (await whole(server.url, [DEVSTATE, 'register', '-f', '-'], { input: file })).ms,
      ),
    },
    { warmUp: true },
  );
  await server.stop();
  const line = (name, mine) => speedLine(name, devices, { ours: times[mine], theirs: times.article });
  return {
    lines: [
      line(`register in bulk, ${short(devices)} new; the article's, 256 in flight`, 'bulk'),
      line("register -f -, a whole process; the article's", 'file'),
    ],
  };
}

async function bulk(manager, items) {
  const results = [];
  const ms = await timed(async () => {
    for (let from = 0; from < items.length; from += BATCH)
      results.push(...(await manager.registerDevices(items.slice(from, from + BATCH))));
  });
  for (const [i, result] of results.entries()) {
    if (result instanceof Error) throw result;
    const { deviceId, created } = result;
    expect('a registration', [deviceId, created], [items[i].deviceId, true]);
  }
  return ms;
}

async function checkRegistered(redis, fleet) {
  const counts = [await redis.scard('devices:registered'), await redis.scard(`devices:type:${TYPE}`)];
  expect('registered devices', counts, [fleet.size, fleet.size]);
  const id = fleet.id(Math.floor(Math.random() * fleet.size));
  const record = await redis.hmget(`device:state:${id}`, 'deviceId', 'deviceType', 'status', 'metadata');
  expect(`the record of ${id}`, record, [id, TYPE, 'offline', JSON.stringify(METADATA)]);
}
