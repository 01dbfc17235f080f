/** Processes that run the built executable, or a shell in which `devstate` is it (test/build.ts builds it). */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const bin = join(root, 'bin/devstate.cjs');

export interface Ended {
  exit: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Waits until a process ends, and returns what it wrote. */
export function finished(child: ChildProcess): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exit, signal) => resolve({ exit, signal, stdout, stderr }));
  });
}

/** Runs a script of bash in which `devstate` is the built executable. */
export function shell(script: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const prelude = `devstate() { '${process.execPath}' '${bin}' "$@"; }\nset -o pipefail\n`;
  return finished(
    spawn('bash', ['-c', prelude + script], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...minimalEnv(), ...env },
    }),
  );
}

/** @param stdin `pipe`: the test writes to it */
export function start(
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
  stdin: 'ignore' | 'pipe' = 'ignore',
): ChildProcess {
  return spawn(process.execPath, [bin, ...argv], {
    stdio: [stdin, 'pipe', 'pipe'],
    env: { ...minimalEnv(), ...env },
  });
}

/** Waits until a stream of a process contains a text. Rejects if the process ends without it. */
export function says(child: ChildProcess, name: 'stdout' | 'stderr', text: string): Promise<void> {
  let output = '';
  return new Promise((resolve, reject) => {
    child[name]?.on('data', (chunk) => {
      output += chunk;
      if (output.includes(text)) resolve();
    });
    child.on('close', () => reject(new Error(`ended without ${JSON.stringify(text)}: ${output}`)));
  });
}

/** The environment of a process: of the variables of the test run only those that it needs. */
function minimalEnv(): NodeJS.ProcessEnv {
  const { PATH, HOME, DEVSTATE_REDIS_SERVER } = process.env;
  return { PATH, HOME, ...(DEVSTATE_REDIS_SERVER && { DEVSTATE_REDIS_SERVER }) };
}
