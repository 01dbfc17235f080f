/**
 * `npm run bench:outage`: Redis is unavailable for 15 s. Counts the devices that are announced offline although
 * they go on sending heartbeats (false offline), and how many of the devices that stopped meanwhile are found:
 * with the hold, with --no-hold, and by the article's design, where an `expired` event means offline. The
 * outage is a crash, in which the article's detector loses its connection and misses the expirations, or a
 * freeze, after which it receives them all. Each combination has its own Redis; all run at the same time.
 */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { load } from '../scripts/load.js';
import { announce, root, run, stages } from '../scripts/stage.js';
import { nodeDialect } from '../test/support/article/node-dialect.mjs';
import { createProgram } from '../test/support/article/program.mjs';
import { alignedText } from './support/table.js';

const DEVICES = 300;
const DYING = 30;
const TTL_SECONDS = 5;
const BEAT_MS = 2000;
const AWAY_MS = 15_000;
const AFTER_MS = 25_000;
const PRESENCE = 'devices:presence';

const ids = Array.from({ length: DEVICES }, (_, i) => `d${i}`);
const dying = new Set(ids.slice(0, DYING));

const OUTAGES = {
  async crash(server) {
    await server.kill();
    await sleep(AWAY_MS);
    await server.restart();
  },
  async freeze({ pid }) {
    process.kill(pid, 'SIGSTOP');
    await sleep(AWAY_MS);
    process.kill(pid, 'SIGCONT');
  },
};

await stages(async () => {
  announce('building');
  run(process.execPath, [`${root}scripts/build.js`]);
  const [{ startServer }] = await load('src/redis/private-server.ts');
  const { DeviceStateManager } = await import(`${root}dist/index.js`);
  announce(
    `${DEVICES} devices send a heartbeat every ${BEAT_MS / 1000} s, Redis is unavailable for ${AWAY_MS / 1000} s`,
  );
  const subjects = [
    { name: 'devstate', start: (server) => devstate(server, DeviceStateManager, []) },
    { name: 'devstate --no-hold', start: (server) => devstate(server, DeviceStateManager, ['--no-hold']) },
    { name: "the article's keyspace detector", start: article },
  ];
  const runs = subjects.flatMap(({ name, start }) =>
    Object.entries(OUTAGES).map(([how, away]) => outage({ name, how }, start, away, startServer)),
  );
  report(await Promise.all(runs));
});

async function outage(labels, start, away, startServer) {
  const aof = ['--appendonly', 'yes', '--appendfsync', 'always'];
  const server = await startServer({ args: [...aof, '--notify-keyspace-events', 'Ex'] });
  const subject = await start(server);
  const dead = new Set();
  const lives = ids.map((id, i) => live(subject, id, (i / DEVICES) * BEAT_MS, dead));
  await sleep(3 * BEAT_MS);
  for (const id of dying) dead.add(id);
  await away(server);
  await sleep(AFTER_MS);
  for (const id of ids) dead.add(id);
  const offline = await subject.offline();
  await Promise.all(lives);
  await subject.end();
  await server.stop();
  const falseOffline = offline.filter((id) => !dying.has(id));
  const found = new Set(offline.filter((id) => dying.has(id)));
  return {
    ...labels,
    falseEvents: falseOffline.length,
    devices: new Set(falseOffline).size,
    found: found.size,
  };
}

/** Sends heartbeats until the device is dead. It does not wait for an answer: the next one is sent on time. */
async function live(subject, id, phase, dead) {
  await sleep(phase);
  while (!dead.has(id)) {
    subject.beat(id).catch(() => {});
    await sleep(BEAT_MS);
  }
}

async function devstate(server, Manager, options) {
  const redis = client(server);
  const manager = new Manager(redis, { heartbeatTimeout: TTL_SECONDS });
  await Promise.all(ids.map((id) => manager.registerDevice(id, 'lamp')));
  const detector = spawn(process.execPath, [`${root}bin/devstate.cjs`, 'detect', '-q', ...options], {
    env: { ...process.env, DEVSTATE_URL: server.url },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise((resolve) => detector.once('exit', resolve));
  while ((await redis.exists('devices:pulse')) === 0) await sleep(20);
  return {
    beat: (id) => manager.deviceHeartbeat(id),
    async offline() {
      const entries = await redis.xrange('devices:presence:log', '-', '+');
      const events = entries.map(([, [, id, , , , status]]) => ({ id, status }));
      return events.filter(({ status }) => status === 'offline').map(({ id }) => id);
    },
    async end() {
      detector.kill('SIGTERM');
      await ended;
      redis.disconnect();
    },
  };
}

/** The article's Node class and its keyspace detector. */
async function article(server) {
  const [redis, expirations, watcher] = [client(server), client(server), client(server)];
  const program = createProgram(nodeDialect, redis, { ttlSeconds: TTL_SECONDS });
  const offline = [];
  watcher.on('message', (_channel, message) => {
    const { deviceId, status } = JSON.parse(message);
    if (status === 'offline') offline.push(deviceId);
  });
  await watcher.subscribe(PRESENCE);
  expirations.on('message', async (_channel, key) => {
    // The article's detector does not retry, so an event that fails is lost.
    await program.keyspaceDetector(key).catch(() => {});
  });
  await expirations.subscribe('__keyevent@0__:expired');
  return {
    beat: (id) => program.heartbeat(id),
    offline: async () => offline,
    end: async () => [redis, expirations, watcher].map((each) => each.disconnect()),
  };
}

function client(server) {
  const redis = new Redis(server.url);
  redis.on('error', () => {});
  return redis;
}

function report(rows) {
  const alive = DEVICES - DYING;
  const cells = rows.map(({ name, how, falseEvents, devices, found }) => [
    name,
    how,
    falseEvents,
    `${devices}/${alive}`,
    `${found}/${DYING}`,
  ]);
  console.log(alignedText([['detector', 'outage', 'false offline', 'devices', 'dead found'], ...cells]));
  const held = rows.filter(({ name }) => name === 'devstate');
  const missed = held.some(({ falseEvents, found }) => falseEvents > 0 || found < DYING);
  if (process.argv.includes('--check') && missed) process.exitCode = 1;
}
