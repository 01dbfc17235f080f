/**
 * The stages of set-up, build and test: each is announced on one line before it begins, runs
 * quietly, and shows what it said only if it fails.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

export function announce(stage) {
  console.log(`> ${stage} …`);
}

/** A stage failed, and has said so: the message is all there is to show. */
export class StageError extends Error {}

/** Runs a program to its end. `live`: its output is shown as it comes. */
export function run(program, args, { env = process.env, live = false } = {}) {
  const { error, status, signal, stdout, stderr } = spawnSync(program, args, {
    cwd: root,
    env,
    encoding: 'utf8',
    maxBuffer: Number.POSITIVE_INFINITY,
    stdio: live ? 'inherit' : ['ignore', 'pipe', 'pipe'],
  });
  if (status === 0) return;
  const output = live || error ? '' : `${stdout}${stderr}`.trimEnd();
  const reason = error?.message ?? (signal ? `ended by ${signal}` : `exit ${status}`);
  throw new StageError(`${output}\n${[program, ...args].join(' ')}: ${reason}`.trim());
}

/** A program of a dev dependency. */
export function tool(name) {
  return join(root, 'node_modules', '.bin', name);
}

/** Runs the stages of a script; a failed one ends it with exit 1 and without a stack trace. */
export async function stages(script) {
  try {
    await script();
  } catch (error) {
    console.error(error instanceof StageError ? error.message : error);
    process.exitCode = 1;
  }
}
