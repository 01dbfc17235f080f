/**
 * What the time limit of scripts costs Redis: heartbeats by the script as it is, and by the same script without the line
 * that compares the time with the argument `notAfter`. Measured is the CPU time of Redis' main thread.
 */
import { load } from '../../scripts/load.js';
import { Fleet } from '../support/fleet.js';
import { recordedScripts } from '../support/recorded.js';
import { inTurn } from '../support/rounds.js';
import { cpuMs } from '../support/server.js';

const DEVICES = 1000;
/** The calls of one round. */
const CALLS = { 100: 500, 1: 20_000 };
const ROUNDS = 7;

export async function timeLimit(bench) {
  const server = await bench.server();
  const fleet = new Fleet(DEVICES);
  await fleet.build(server);
  const client = server.client();
  const [{ HEARTBEAT_FAST }] = await load('src/core/store/scripts.ts');
  const { source } = HEARTBEAT_FAST;
  const lines = [];
  for (const [batch, calls] of Object.entries(CALLS)) {
    const ids = fleet.onlineIds().slice(0, Number(batch));
    const args = await recordedArguments(bench, client, ids);
    const cpuOf = (text) => async () => {
      const sha = await client.script('LOAD', text);
      const before = await cpuMs(client);
      for (let sent = 0; sent < calls; sent += 100)
        await Promise.all(Array.from({ length: 100 }, () => client.evalsha(sha, ...args)));
      return (await cpuMs(client)) - before;
    };
    const times = await inTurn(
      ROUNDS * bench.sizes.rounds,
      { ours: cpuOf(source), theirs: cpuOf(withoutLimit(source)) },
      { warmUp: true },
    );
    lines.push(costLine(batch, calls * Number(batch), times));
  }
  await server.stop();
  return { lines };
}

/** The arguments of the script call that sends these heartbeats, from the number of its keys on, with a limit far ahead. */
async function recordedArguments(bench, client, ids) {
  const manager = bench.manager(client);
  const send = () => manager.deviceHeartbeats(ids.map((deviceId) => ({ deviceId })));
  await send(); // the server then knows the script, and asks for no permissions again
  const [call] = await recordedScripts(client, send);
  return call.slice(2);
}

function withoutLimit(source) {
  const lines = source.split('\n');
  const without = lines.filter((line) => !/^if .* notAfter .*STALE/.test(line));
  if (without.length !== lines.length - 1) throw new Error('the script has no line with the limit');
  return without.join('\n');
}

/** Compares the shortest round of each: other load on the machine can only lengthen a round. */
function costLine(batch, heartbeats, { ours, theirs }) {
  const microseconds = (times) => (Math.min(...times) * 1000) / heartbeats;
  return {
    name: `CPU time of Redis for a heartbeat, ${batch} a script; without the time limit`,
    figure: `${microseconds(ours).toFixed(2)} µs`,
    against: `${microseconds(theirs).toFixed(2)} µs`,
    value: microseconds(ours) / microseconds(theirs),
    unit: '×',
    atMost: 1.05,
  };
}
