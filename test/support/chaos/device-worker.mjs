/**
 * A process with a share of the fleet's devices, which beat, fall silent, say goodbye and flap at random.
 * It uses the built library and writes down, one JSON array a line, what it did and what it was answered:
 *
 *   ["beat", id, ttl, sent, done, at, expiresAt, wasOffline]     ["goodbye", id, sent, done, wasOnline]
 *
 * Without the last fields: not answered, so it may or may not have been done. A device's next operation
 * begins when the last one has ended. Decisions come from the seed, moments from the machine.
 */
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import { DeviceStateManager, DevstateError } from '../../../dist/index.js';
import { randomNumbers } from '../random.mjs';

const { client, seed, ids, file } = JSON.parse(process.argv[2]);
const TICK_MS = 50;
const SURVIVES_MS = 600_000;

const random = randomNumbers(seed);
const between = (low, high) => low + random() * (high - low);
const pick = (choices) => choices[Math.floor(random() * choices.length)];

const redis = open(client);
redis.on('error', () => {});
// What was given up may be done later still: the checker takes what failed for over.
const manager = new DeviceStateManager(redis, { requestTimeout: 60_000 });
const written = [];
let finishing = false;
process.on('message', () => {
  finishing = true;
});

const devices = ids.map((id, i) => ({
  id,
  ttl: Math.round(between(1000, 4000)),
  own: i % 2 === 0,
  due: 0,
  plan: [],
}));
for (const { id, ttl, own } of devices) {
  await manager.registerDevice(id, pick(['lamp', 'meter']), {}, own ? { ttl } : {});
}
const start = Date.now();
for (const device of devices) device.due = start + between(0, 1000);
process.send('ready');

while (!finishing) {
  while (redis.status !== 'ready') await sleep(10);
  const tick = Date.now();
  const beats = [];
  const others = [];
  for (const device of devices) {
    if (device.due > tick) continue;
    if (device.plan.length === 0) device.plan = episode(device);
    const { act, ttl, pause } = device.plan.shift();
    device.due = tick + pause;
    if (act === 'goodbye') others.push(goodbye(device.id));
    else if (act === 'beat' && random() < 0.2) others.push(beat(device, ttl));
    else if (act === 'beat') beats.push([device, ttl]);
  }
  await Promise.all([...others, beatAll(beats)]);
  write();
  await sleep(Math.max(0, TICK_MS - (Date.now() - tick)));
}
for (const device of devices.filter((_, i) => i % 4 === 0)) {
  while (!(await beat(device, SURVIVES_MS))) await sleep(10);
}
write();
redis.disconnect();
process.disconnect();

/** Nothing is sent twice: what a lost connection leaves unanswered fails at once. */
function open({ url, nodes, ...options }) {
  if (nodes) return new Cluster(nodes, { retryDelayOnFailover: 0 });
  const once = { maxRetriesPerRequest: 0, retryStrategy: (times) => Math.min(50 * times, 500) };
  return url ? new Redis(url, once) : new Redis({ ...options, ...once });
}

/** What a device does next: a few acts, each with the pause after it, ms. */
function episode({ ttl }) {
  const times = (count, act) => Array.from({ length: count }, act);
  const roll = random();
  if (roll < 0.5) {
    return times(Math.round(between(2, 8)), () => ({ act: 'beat', ttl, pause: ttl * between(0.3, 0.7) }));
  }
  if (roll < 0.7) return [{ act: 'silence', pause: ttl * between(0.5, 2.5) }];
  if (roll < 0.85) return [{ act: 'goodbye', pause: between(0, 2000) }];
  return times(Math.round(between(3, 8)), () => ({
    act: pick(['beat', 'beat', 'goodbye']),
    ttl: Math.round(between(60, 400)), // often over before the next act
    pause: between(50, 300),
  }));
}

/** Every other device has its usual TTL in its record, and does not say it again. */
function lasting({ own, ttl: usual }, ttl) {
  return own && ttl === usual ? {} : { ttl };
}

async function beat(device, ttl) {
  const sent = Date.now();
  const report = random() < 0.3 ? { n: Math.floor(random() * 10) } : null;
  const reply = await answered(manager.deviceHeartbeat(device.id, report, lasting(device, ttl)));
  note('beat', device.id, ttl, sent, reply);
  return reply;
}

async function beatAll(beats) {
  if (beats.length === 0) return;
  const sent = Date.now();
  const list = beats.map(([device, ttl]) => ({ deviceId: device.id, ...lasting(device, ttl) }));
  const replies = await answered(manager.deviceHeartbeats(list));
  for (const [i, [{ id }, ttl]] of beats.entries()) {
    const reply = replies?.[i];
    if (reply instanceof DevstateError && reply.code !== 'CONNECTION') throw reply;
    note('beat', id, ttl, sent, reply instanceof DevstateError ? undefined : reply);
  }
}

function note(kind, id, ttl, sent, reply) {
  const line = [kind, id, ttl, sent, Date.now()];
  if (reply) line.push(reply.lastSeen, reply.expiresAt, reply.wasOffline);
  written.push(line);
}

async function goodbye(id) {
  const sent = Date.now();
  const reply = await answered(manager.disconnectDevice(id));
  written.push(['goodbye', id, sent, Date.now(), ...(reply === undefined ? [] : [reply])]);
}

/** The answer; undefined: the connection was lost before it came. */
async function answered(request) {
  try {
    return await request;
  } catch (error) {
    if (error instanceof DevstateError && error.code === 'CONNECTION') return undefined;
    throw error;
  }
}

function write() {
  const lines = written.splice(0).map((line) => `${JSON.stringify(line)}\n`);
  if (lines.length > 0) appendFileSync(file, lines.join(''));
}
