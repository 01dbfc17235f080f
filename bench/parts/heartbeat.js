/** Heartbeats of one fleet in random order: the library in bulk and one by one, the article's design, raw commands. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeDialect } from '../../test/support/article/node-dialect.mjs';
import { createProgram } from '../../test/support/article/program.mjs';
import { articleBeats, bulkBeats, checkBeaten, rawBeats, singleBeats } from '../support/beats.js';
import { Fleet, METADATA, TTL_MS, TYPE } from '../support/fleet.js';
import { DEVSTATE, whole } from '../support/programs.js';
import { inFlight, inTurn, shuffled } from '../support/rounds.js';
import { short, speedLine } from '../support/table.js';

/** The article's fleet is on the same server, in another database. */
const ARTICLE_DB = 1;
/** Raw commands are encoded before they are sent, with times of this process's clock, so index and key may differ. */
const RAW_CLOCK_MS = 60_000;

export async function heartbeat(bench) {
  const { devices, rounds } = bench.sizes;
  const server = await bench.server();
  const { manager } = server;
  const fleet = new Fleet(devices);
  await fleet.build(server);
  const ids = fleet.onlineIds();
  const articleRedis = server.client(ARTICLE_DB);
  const article = await articleFleet(server, articleRedis, ids);
  const raw = await server.raw();
  let beat = 0;
  const report = (id) => ({ temperature: fleet.indexOf(id) / 10, humidity: beat });
  const file = join(server.dir, 'heartbeats.ndjson');

  const measured = (redis, indexToleranceMs, run) => async () => {
    const order = shuffled(ids);
    const sinceMs = Date.now();
    beat += 1;
    const ms = await run(order);
    await checkBeaten(redis, ids, { sinceMs, indexToleranceMs });
    return ms;
  };
  const ours = (run) => measured(server.redis, 0, (order) => bench.longest.watch(server, () => run(order)));
  const theirs = (run) => measured(articleRedis, undefined, run);
  const times = await inTurn(
    rounds,
    {
      article: theirs((order) => articleBeats(article, order)),
      bulk: ours((order) => bulkBeats(manager, order)),
      single: ours((order) => singleBeats(manager, order)),
      raw: measured(server.redis, RAW_CLOCK_MS, (order) => rawBeats(raw, order)),
      file: ours((order) => fileBeats(server.url, file, order)),
      articleReports: theirs((order) => articleBeats(article, order, report)),
      reports: ours((order) => bulkBeats(manager, order, report)),
    },
    { warmUp: true },
  );
  await server.stop();

  const count = short(devices);
  const line = (name, mine, other, atLeast) =>
    speedLine(name, devices, { ours: times[mine], theirs: times[other] }, atLeast);
  return {
    lines: [
      line(`bulk heartbeat, ${count} at random; the article's, 256 in flight`, 'bulk', 'article', 2.2),
      line('… raw pipelined commands, the same writes', 'bulk', 'raw', 0.6),
      line("single calls, 256 in flight; the article's", 'single', 'article', 1.7),
      line("heartbeat -f -, a whole process; the article's", 'file', 'article'),
      line("bulk, a new report each, with history; the article's", 'reports', 'articleReports'),
    ],
  };
}

/** Registers the devices and sends a heartbeat for each, by the article's design. */
async function articleFleet(server, redis, ids) {
  const article = createProgram(nodeDialect, redis, {
    ttlSeconds: TTL_MS / 1000,
    publisher: server.client(ARTICLE_DB),
  });
  await inFlight(256, ids.values(), async (id) => {
    await article.register(id, TYPE, METADATA);
    await article.heartbeat(id);
  });
  return article;
}

async function fileBeats(url, file, ids) {
  writeFileSync(file, ids.map((deviceId) => `${JSON.stringify({ deviceId })}\n`).join(''));
  const args = [DEVSTATE, 'heartbeat', '-f', '-', '--ttl', `${TTL_MS}ms`];
  const { ms } = await whole(url, args, { input: file });
  return ms;
}
