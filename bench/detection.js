/**
 * `npm run bench:detection`: how long after its deadline a device's offline event is received, for
 * each of the three strategies. Each strategy has its own server with 100,000 devices whose deadlines are
 * spread over 8 s. A quarter as many more are due in the 2 s before and warm up the detector and this
 * process; they are not counted. `--check` exits with 1 if a limit is missed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { load } from '../scripts/load.js';
import { announce, root, run, StageError, stages } from '../scripts/stage.js';
import { alignedText } from './support/table.js';

const DEVICES = Number(process.env.DEVICES ?? 100_000);
const WARM_UP = DEVICES / 4;
const SPREAD_MS = 8_000;
const WARM_UP_MS = 2_000;
const LEAD_MS = 14_000;
const BATCH = 1_000;
const STRATEGIES = [
  { name: 'deadline', args: [] },
  { name: 'keyspace', args: ['--strategy', 'keyspace'] },
  { name: 'poll', args: ['--strategy', 'poll', '--interval', '10s'] },
];
const MAX_P99_MS = 10;
const MIN_RATIO = 300;

await stages(async () => {
  announce('building');
  run(process.execPath, [`${root}scripts/build.js`]);
  const [{ startServer }, { DeviceStateManager }] = await load('src/redis/private-server.ts', 'src/index.ts');
  const rows = [];
  for (const strategy of STRATEGIES) {
    announce(`${DEVICES} devices, strategy ${strategy.name}`);
    const server = await startServer({ port: true });
    try {
      rows.push({ name: strategy.name, ...(await measure(server, strategy, DeviceStateManager)) });
    } finally {
      await server.stop();
    }
  }
  report(rows);
});

async function measure(server, { args }, DeviceStateManager) {
  const { port } = new URL(server.url);
  const redis = new Redis(Number(port), '127.0.0.1');
  const manager = new DeviceStateManager({ host: '127.0.0.1', port: Number(port) });
  await register(redis);
  await redis.config('SET', 'slowlog-log-slower-than', '10000');
  const deadlines = await beat(manager);
  const detector = spawn(
    process.execPath,
    [`${root}bin/devstate.cjs`, 'detect', '-q', '-o', 'name', ...args],
    {
      env: { ...process.env, DEVSTATE_URL: server.url },
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  const ended = once(detector, 'exit');
  try {
    const delays = await receive(redis, deadlines);
    const slow = await redis.slowlog('LEN');
    return { ...percentiles(delays), slow };
  } finally {
    detector.kill('SIGTERM');
    await ended;
    await manager.close();
    redis.disconnect();
  }
}

/** Registers the devices in bulk, with the keys of the article. */
async function register(redis) {
  for (let from = 0; from < WARM_UP + DEVICES; from += BATCH) {
    const pipeline = redis.pipeline();
    for (const id of ids(from)) {
      pipeline.hset(`device:state:${id}`, {
        deviceId: id,
        deviceType: 'meter',
        status: 'offline',
        lastSeen: '0',
      });
      pipeline.sadd('devices:registered', id);
    }
    await pipeline.exec();
  }
}

/** Resolves to the deadline of each device that counts. They are random, so that neighbours in the set are not due together. */
async function beat(manager) {
  const start = Date.now() + LEAD_MS;
  const deadlines = new Map();
  for (let from = 0; from < WARM_UP + DEVICES; from += BATCH) {
    const counts = from >= WARM_UP;
    const beats = ids(from).map((deviceId) => ({
      deviceId,
      ttl: Math.round(start + Math.random() * (counts ? SPREAD_MS : -WARM_UP_MS) - Date.now()),
    }));
    for (const result of await manager.deviceHeartbeats(beats))
      if (counts) deadlines.set(result.deviceId, result.expiresAt);
  }
  if (Date.now() > start - WARM_UP_MS)
    throw new StageError('the machine is too slow: the first deadlines have passed');
  return deadlines;
}

async function receive(redis, deadlines) {
  const subscriber = redis.duplicate();
  const delays = [];
  await new Promise((resolve, reject) => {
    const timeout = setTimeout(
      () => reject(new StageError(`only ${delays.length} of ${DEVICES} events were received`)),
      90_000,
    );
    subscriber.on('message', (_channel, message) => {
      const now = Date.now();
      const { deviceId, status } = JSON.parse(message);
      const deadline = deadlines.get(deviceId);
      if (status !== 'offline' || deadline === undefined) return;
      delays.push(now - deadline);
      if (delays.length === DEVICES) {
        clearTimeout(timeout);
        resolve();
      }
    });
    subscriber.subscribe('devices:presence').catch(reject);
  }).finally(() => subscriber.disconnect());
  return delays;
}

function ids(from) {
  return Array.from({ length: BATCH }, (_, i) => `meter-${from + i}`);
}

function percentiles(delays) {
  const sorted = delays.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return { p50: at(0.5), p99: at(0.99), max: sorted.at(-1) };
}

function report(rows) {
  const [deadline, keyspace] = rows;
  const ratio = keyspace.p99 / Math.max(deadline.p99, 1);
  const cells = rows.map(({ name, p50, p99, max, slow }) => [name, p50, p99, max, slow]);
  console.log(alignedText([['delay in ms', 'p50', 'p99', 'max', 'slow commands'], ...cells]));
  console.log('slow commands: Redis commands over 10 ms');
  console.log(
    `p99 of deadline: ${deadline.p99} ms, limit ≤ ${MAX_P99_MS} ms; p99 of keyspace: ${ratio.toFixed(0)} × that, limit ≥ ${MIN_RATIO} ×`,
  );
  const missed = deadline.p99 > MAX_P99_MS || ratio < MIN_RATIO;
  if (missed && process.argv.includes('--check')) process.exitCode = 1;
}
