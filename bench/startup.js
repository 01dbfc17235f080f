/**
 * `npm run bench:startup`: the cold start of the built command line, as a ratio to `node -e 0`:
 * the time of whole processes, run in turn so that the machine's moods fall on all alike.
 * `--check` fails if a ratio exceeds its bar.
 */
import { spawnSync } from 'node:child_process';
import { load } from '../scripts/load.js';
import { announce, root, run, StageError, stages } from '../scripts/stage.js';

const RUNS = 20;
const devstate = `${root}bin/devstate.cjs`;
const SUBJECTS = [
  { name: 'node -e 0', args: ['-e', '0'] },
  { name: 'devstate --version', args: [devstate, '--version'], bar: 1.2 },
  { name: 'devstate --help', args: [devstate, '--help'], bar: 1.6 },
  { name: 'devstate get ID --json', args: [devstate, 'get', 'bench-1', '--json'], bar: 3.2 },
];

await stages(async () => {
  announce('building');
  run(process.execPath, [`${root}scripts/build.js`]);
  const [{ startServer }] = await load('src/redis/server.ts');
  const server = await startServer();
  try {
    const env = { ...process.env, DEVSTATE_URL: server.url };
    // It slows Node's own boot threefold, and so hides what is measured.
    delete env.NODE_EXTRA_CA_CERTS;
    time([devstate, 'register', 'bench-1', '--type', 'sensor'], env);
    announce(`measuring ${RUNS} runs of each`);
    report(Array.from({ length: RUNS }, () => SUBJECTS.map(({ args }) => time(args, env))));
  } finally {
    await server.stop();
  }
});

function time(args, env) {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  const elapsed = performance.now() - start;
  if (status !== 0) throw new StageError(`${args.join(' ')}: exit ${status}\n${stderr}`);
  return elapsed;
}

function report(runs) {
  const rows = SUBJECTS.map(({ name, bar }, i) => {
    const ms = median(runs.map((times) => times[i]));
    const ratio = median(runs.map((times) => times[i] / times[0]));
    return { name, ms, ratio, bar, missed: ratio > bar };
  });
  console.log(
    `${'median of whole processes'.padEnd(28)}${'ms'.padStart(8)}${'ratio'.padStart(8)}${'bar'.padStart(6)}`,
  );
  for (const { name, ms, ratio, bar, missed } of rows) {
    const numbers =
      ms.toFixed(1).padStart(8) + ratio.toFixed(2).padStart(8) + (bar ?? '').toString().padStart(6);
    console.log(`${name.padEnd(28)}${numbers}${missed ? '  missed' : ''}`);
  }
  if (process.argv.includes('--check') && rows.some(({ missed }) => missed)) process.exitCode = 1;
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle - 0.5)] + sorted[Math.floor(middle)]) / 2;
}
