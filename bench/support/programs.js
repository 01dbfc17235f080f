/** Runs programs as processes of their own: their time, the time to their first byte, and their peak memory. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { root, StageError } from '../../scripts/stage.js';

export const DEVSTATE = `${root}bin/devstate.cjs`;
export const ARTICLE_QUERY = fileURLToPath(new URL('../article-query.js', import.meta.url));
const PEAK = fileURLToPath(new URL('peak.cjs', import.meta.url));

function environment(url) {
  const env = { ...process.env, ...(url && { DEVSTATE_URL: url }) };
  // With this variable Node itself takes three times as long to start, which would hide the difference.
  delete env.NODE_EXTRA_CA_CERTS;
  return env;
}

/**
 * Runs a Node program to its end; resolves to its time in ms, its peak memory in MB, and its stderr.
 * @param files `input`, `output`: the files that are its stdin and stdout
 * @throws StageError: its exit code is not 0
 */
export async function whole(url, args, { input = '/dev/null', output = '/dev/null' } = {}) {
  const files = [openSync(input), openSync(output, 'w')];
  const start = performance.now();
  const child = spawn(process.execPath, ['--require', PEAK, ...args], {
    env: environment(url),
    stdio: [...files, 'pipe', 'pipe'],
  });
  for (const file of files) closeSync(file);
  const ended = once(child, 'exit').then(([code]) => ({ code, ms: performance.now() - start }));
  const [{ code, ms }, stderr, peakKb] = await Promise.all([ended, text(child.stderr), text(child.stdio[3])]);
  if (code !== 0) throw failed(args, code, stderr);
  return { ms, peakMb: Number(peakKb) / 1024, stderr };
}

/** The time to the first byte of its output, in ms. Then its stdout is closed, as `| head` does. */
export async function firstByte(url, args) {
  const start = performance.now();
  const child = spawn(process.execPath, args, {
    env: environment(url),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const first = await Promise.race([once(child.stdout, 'data'), once(child.stdout, 'end')]);
  const ms = performance.now() - start;
  child.stdout.destroy();
  const [code] = await ended;
  if (code !== 0 || first.length === 0) throw failed(args, code, 'no output');
  return ms;
}

/** The time of a whole process, in ms. */
export function processTime(url, args) {
  const start = performance.now();
  answer(url, args);
  return performance.now() - start;
}

/** What a program prints on stdout. @throws StageError: its exit code is not 0 */
export function answer(url, args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    env: environment(url),
    encoding: 'utf8',
  });
  if (status !== 0) throw failed(args, status, stderr);
  return stdout;
}

function failed(args, code, stderr) {
  const end = stderr.trimEnd().split('\n').slice(-3).join('\n');
  return new StageError(`${args.join(' ')}: exit ${code}\n${end}`);
}
