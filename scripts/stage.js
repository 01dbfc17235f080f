/**
 * The stages of set-up, build, checks and tests. Each is announced on one line before it begins. Its
 * output is shown only if it fails.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

export function announce(stage) {
  console.log(`> ${stage} …`);
}

/** A stage failed. The message is for the user and complete: no stack trace is shown with it. */
export class StageError extends Error {}

/**
 * Runs a program until it exits, without standard input, so that it cannot prompt.
 * With `live`, its output goes to the terminal as it is written, and it may read from there.
 *
 * @returns what it wrote to stdout; '' with `live`
 * @throws StageError if it cannot be started, is ended by a signal or exits with another code than 0
 */
export function run(program, args, { cwd = root, env = process.env, live = false } = {}) {
  const { error, status, signal, stdout, stderr } = spawnSync(program, args, {
    cwd,
    env,
    encoding: 'utf8',
    maxBuffer: Number.POSITIVE_INFINITY,
    stdio: live ? 'inherit' : ['ignore', 'pipe', 'pipe'],
  });
  if (status === 0) return stdout ?? '';
  const output = live || error ? '' : `${stdout}${stderr}`.trimEnd();
  const reason = error?.message ?? (signal ? `ended by ${signal}` : `exit ${status}`);
  throw new StageError(`${output}\n${[program, ...args].join(' ')}: ${reason}`.trim());
}

/** Whether a program is there and runs: `starts('redis-server')`, `starts('openssl', ['version'])`. */
export function starts(program, args = ['--version']) {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

/** The path of a dev dependency's program: `tool('tsc')`. */
export function tool(name) {
  return join(root, 'node_modules', '.bin', name);
}

/** Runs the body of a script. If a stage fails, the script's exit code is 1, and only its message is shown. */
export async function stages(script) {
  try {
    await script();
  } catch (error) {
    console.error(error instanceof StageError ? error.message : error);
    process.exitCode = 1;
  }
}
