/**
 * A process that simulates some devices of the fleet: at random they beat, pause, disconnect and flap. It uses the
 * built library and writes each operation with its reply as a JSON array, one per line:
 *
 *   ["beat", id, sent, done, outcome, ttl, mayRepeat]     ["disconnect", id, sent, done, outcome]
 *
 * The outcome is [at, expiresAt, wasOffline] of a beat, and whether the device was online of a disconnect; or "unknown":
 * it may or may not have been executed; or "failed": it was not. A beat with `mayRepeat` may have been executed more than
 * once. A device starts an operation only after the end of its previous one. Decisions repeat for the same seed, times
 * do not.
 */
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import { DeviceStateManager, DevstateError } from '../../../dist/index.js';
import { randomNumbers } from '../random.mjs';

const { client, isOwn, requestTimeout, seed, ids, file } = JSON.parse(process.argv[2]);
const TICK_MS = 50;
const FINAL_TTL_MS = 600_000;
/** Nothing is broken yet, but all devices are registered at once. */
const REGISTER_TIMEOUT_MS = 20_000;

const random = randomNumbers(seed);
const between = (low, high) => low + random() * (high - low);
const pick = (choices) => choices[Math.floor(random() * choices.length)];

const redis = isOwn ? undefined : open(client);
redis?.on('error', () => {});
const manager = new DeviceStateManager(redis ?? ownOptions(client), { requestTimeout });
const watch = redis && setInterval(() => reconnectIfSilent(redis), requestTimeout);
const written = [];
let finishing = false;
process.on('message', () => {
  finishing = true;
});

const devices = ids.map((id, i) => ({
  id,
  ttl: Math.round(between(1000, 4000)),
  hasOwnTtl: i % 2 === 0,
  dueAt: 0,
  plan: [],
}));
const registrar = new DeviceStateManager(redis ?? ownOptions(client), {
  requestTimeout: REGISTER_TIMEOUT_MS,
});
await Promise.all(
  devices.map(({ id, ttl, hasOwnTtl }) =>
    registrar.registerDevice(id, pick(['lamp', 'meter']), {}, hasOwnTtl ? { ttl } : {}),
  ),
);
await registrar.close();
const start = Date.now();
for (const device of devices) device.dueAt = start + between(0, 1000);
process.send('ready');

while (!finishing) {
  while (redis && redis.status !== 'ready') await sleep(10);
  const tick = Date.now();
  const beats = [];
  const others = [];
  for (const device of devices) {
    if (device.dueAt > tick) continue;
    if (device.plan.length === 0) device.plan = nextActions(device);
    const { action, ttl, pauseMs } = device.plan.shift();
    device.dueAt = tick + pauseMs;
    if (action === 'disconnect') others.push(disconnect(device.id));
    else if (action === 'beat' && random() < 0.2) others.push(beat(device, ttl));
    else if (action === 'beat') beats.push([device, ttl]);
  }
  await Promise.all([...others, beatAll(beats)]);
  write();
  await sleep(Math.max(0, TICK_MS - (Date.now() - tick)));
}
for (const device of devices.filter((_, i) => i % 4 === 0)) {
  while (!(await beat(device, FINAL_TTL_MS))) await sleep(10);
}
write();
clearInterval(watch);
await manager.close();
redis?.disconnect();
process.disconnect();

/** The options from which the library makes a client of its own. */
function ownOptions({ url, ...options }) {
  if (!url) return options;
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

/** Connects again to each server that does not answer: the library does so only with clients that it made. */
function reconnectIfSilent(client) {
  for (const node of client.isCluster ? client.nodes() : [client]) {
    if (node.status !== 'connect' && node.status !== 'ready') continue; // until `ready`, ioredis queues the PING
    const timer = setTimeout(() => node.disconnect(true), requestTimeout);
    const onAnswer = () => clearTimeout(timer);
    node.ping().then(onAnswer, onAnswer);
  }
}

/** Connects such that an unanswered command fails when the connection is lost, and is not sent again. */
function open({ url, nodes, ...options }) {
  if (nodes) return new Cluster(nodes, { retryDelayOnFailover: 0 });
  const once = { maxRetriesPerRequest: 0, retryStrategy: (times) => Math.min(50 * times, 500) };
  return url ? new Redis(url, once) : new Redis({ ...options, ...once });
}

/** The next actions of a device, each with the pause after it, ms. */
function nextActions({ ttl }) {
  const repeat = (count, action) => Array.from({ length: count }, action);
  const roll = random();
  if (roll < 0.5) {
    return repeat(Math.round(between(2, 8)), () => ({
      action: 'beat',
      ttl,
      pauseMs: ttl * between(0.3, 0.7),
    }));
  }
  if (roll < 0.7) return [{ action: 'none', pauseMs: ttl * between(0.5, 2.5) }];
  if (roll < 0.85) return [{ action: 'disconnect', pauseMs: between(0, 2000) }];
  return repeat(Math.round(between(3, 8)), () => ({
    action: pick(['beat', 'beat', 'disconnect']),
    ttl: Math.round(between(60, 400)), // often expired before the next action
    pauseMs: between(50, 300),
  }));
}

/** The option `ttl`, which every other device omits because its record has that TTL. */
function ttlOption({ hasOwnTtl, ttl: usual }, ttl) {
  return hasOwnTtl && ttl === usual ? {} : { ttl };
}

async function beat(device, ttl) {
  const sent = Date.now();
  const report = random() < 0.3 ? { n: Math.floor(random() * 10) } : null;
  const outcome = await outcomeOf(manager.deviceHeartbeat(device.id, report, ttlOption(device, ttl)));
  return record(device.id, ttl, sent, outcome, report === null);
}

async function beatAll(beats) {
  if (beats.length === 0) return;
  const sent = Date.now();
  const list = beats.map(([device, ttl]) => ({ deviceId: device.id, ...ttlOption(device, ttl) }));
  const outcomes = await outcomeOf(manager.deviceHeartbeats(list));
  for (const [i, [{ id }, ttl]] of beats.entries()) {
    const outcome = Array.isArray(outcomes) ? outcomes[i] : outcomes;
    record(id, ttl, sent, outcome instanceof DevstateError ? withoutReply(outcome) : outcome, true);
  }
}

/** Returns whether the beat was answered. */
function record(id, ttl, sent, outcome, mayRepeat) {
  const isAnswered = typeof outcome === 'object';
  const told = isAnswered ? [outcome.lastSeen, outcome.expiresAt, outcome.wasOffline] : outcome;
  written.push(['beat', id, sent, Date.now(), told, ttl, mayRepeat]);
  return isAnswered;
}

async function disconnect(id) {
  const sent = Date.now();
  const outcome = await outcomeOf(manager.disconnectDevice(id));
  written.push(['disconnect', id, sent, Date.now(), outcome]);
}

/** The reply, or what is known without one. */
async function outcomeOf(request) {
  try {
    return await request;
  } catch (error) {
    return withoutReply(error);
  }
}

/**
 * By Sentinel a server that was killed comes back empty, and is a master until the sentinels demote it. Who connects to
 * it until then finds no device, and nothing is done.
 */
function withoutReply(error) {
  const { code, outcome = 'failed' } = error instanceof DevstateError ? error : {};
  if (code === 'CONNECTION' || (code === 'NOT_FOUND' && client.sentinels)) return outcome;
  throw error;
}

function write() {
  const lines = written.splice(0).map((line) => `${JSON.stringify(line)}\n`);
  if (lines.length > 0) appendFileSync(file, lines.join(''));
}
