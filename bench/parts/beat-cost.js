/**
 * What a heartbeat costs Redis: the CPU time of its main thread for the library's requests, recorded before and pumped
 * at it, and for raw commands with the same writes. Each device beats in its turn, so that deadlines come in time order.
 */
import { expect, Fleet, TTL_MS } from '../support/fleet.js';
import { chunk, encode } from '../support/raw.js';
import { recordedScripts } from '../support/recorded.js';
import { inTurn, median } from '../support/rounds.js';
import { cpuMs } from '../support/server.js';

const BATCH = 100;
const ROUNDS = 5;
const META = 'devices:meta';

export async function beatCost(bench) {
  const fleet = new Fleet(bench.sizes.devices);
  const open = async (writers) => {
    const server = await bench.server();
    await fleet.build(server);
    await server.redis.hset(META, 'writers', writers);
    return server;
  };
  const servers = {
    raw: await open('shared'),
    shared: await open('shared'),
    exclusive: await open('exclusive'),
  };
  const contestants = {};
  for (const [name, server] of Object.entries(servers)) {
    const encoded = name === 'raw' ? rawRequests(fleet) : await recordedRequests(bench, server, fleet);
    const pumped = async (turns) => pump(server, await server.raw(), turns, fleet.online);
    contestants[name] = await pumped([encoded.bare]);
    contestants[`${name}Reports`] = await pumped(encoded.reports);
  }
  const costs = await inTurn(ROUNDS * bench.sizes.rounds, contestants, { warmUp: true });
  for (const server of Object.values(servers)) await server.stop();
  return {
    lines: [
      costLine('a bare heartbeat, exclusive fleet', costs.exclusive, costs.raw, 1),
      costLine('a bare heartbeat, shared fleet', costs.shared, costs.raw, 1.15),
      costLine(
        'a heartbeat with a new report, exclusive fleet',
        costs.exclusiveReports,
        costs.rawReports,
        1.5,
      ),
      costLine('a heartbeat with a new report, shared fleet', costs.sharedReports, costs.rawReports, 1.5),
    ],
  };
}

/** Returns a function that sends requests, those of one turn after the other, and resolves to the cost of a heartbeat, µs. */
function pump(server, raw, turns, beats) {
  let turn = 0;
  return async () => {
    const before = await cpuMs(server.redis);
    await raw.send(turns[turn % turns.length]);
    turn += 1;
    return (((await cpuMs(server.redis)) - before) * 1000) / beats;
  };
}

/** A report of about 100 bytes, which is another one in each of the two turns. */
function report(fleet, id, turn) {
  const i = fleet.indexOf(id);
  return {
    temperature: (i % 400) / 10 + turn / 2,
    humidity: 40 + (i % 20),
    battery: 0.87,
    firmware: '2.14.1-rc3',
    position: { lat: 52.5 + turn, lon: 13.4 },
  };
}

/** The requests with which the library sends a heartbeat of each device, a script for each batch. */
async function recordedRequests(bench, server, fleet) {
  const client = server.client();
  const manager = bench.manager(client);
  manager.heartbeatTimeout = TTL_MS / 1000;
  const reports = [0, 1].map((turn) => (deviceId) => ({ reportedState: report(fleet, deviceId, turn) }));
  const sendAll = async (more, onBatch) => {
    const ids = fleet.onlineIds();
    for (let from = 0; from < ids.length; from += BATCH) {
      const beats = ids.slice(from, from + BATCH).map((deviceId) => ({ deviceId, ...more(deviceId) }));
      await onBatch(() => manager.deviceHeartbeats(beats));
    }
  };
  const recorded = async (more) => {
    const chunks = [];
    await sendAll(more, async (send) => {
      const scripts = await recordedScripts(client, send);
      expect('the scripts of a batch', scripts.length, 1);
      chunks.push(chunk(scripts.map((args) => encode(...args))));
    });
    return chunks;
  };
  // The first heartbeats load the scripts, and store what later ones find.
  for (const more of [() => ({}), ...reports]) await sendAll(more, (send) => send());
  return {
    bare: await recorded(() => ({})),
    reports: [await recorded(reports[0]), await recorded(reports[1])],
  };
}

function rawRequests(fleet) {
  const turns = [0, 1].map((turn) => (id) => report(fleet, id, turn));
  const ids = fleet.onlineIds();
  return { bare: rawBeats(ids), reports: turns.map((reportOf) => rawBeats(ids, reportOf)) };
}

/** Heartbeats as raw commands. Those of one batch have the same time, as those of one script do. */
function rawBeats(ids, reportOf) {
  const now = Date.now();
  const chunks = [];
  for (let from = 0; from < ids.length; from += BATCH) {
    const at = now + from / BATCH;
    chunks.push(chunk(ids.slice(from, from + BATCH).flatMap((id) => rawBeat(id, at, reportOf?.(id)))));
  }
  return chunks;
}

function rawBeat(id, at, reported) {
  const text = JSON.stringify(reported);
  const entry = `{"at":${at},"version":1,"value":${text}}`;
  const fields = ['lastSeen', at, 'status', 'online', ...(reported ? ['reportedState', text] : [])];
  return [
    encode('SET', `device:heartbeat:${id}`, '1', 'PX', TTL_MS),
    encode('HSET', `device:state:${id}`, ...fields),
    encode('SADD', 'devices:online', id),
    encode('ZADD', 'devices:activity', at + TTL_MS, id),
    ...(reported ? [encode('RPUSH', `device:history:reported:${id}`, entry)] : []),
  ];
}

/** Compares the least of the rounds: what else runs on the machine only adds. */
function costLine(name, ours, theirs, atMost) {
  const least = (costs) => Math.min(...costs);
  const figure = (costs) => `${least(costs).toFixed(2)} µs (median ${median(costs).toFixed(2)})`;
  return {
    name: `CPU time of Redis for ${name}; raw commands`,
    figure: figure(ours),
    against: figure(theirs),
    value: least(ours) / least(theirs),
    unit: '×',
    atMost,
  };
}
