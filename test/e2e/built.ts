/** The built executable. It is built here only if src/ is newer, and by one test file at a time. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const bin = join(root, 'bin/devstate.cjs');
const LOCK = join(root, 'node_modules/.devstate-building');
const ABANDONED_MS = 60_000;

export async function build(): Promise<void> {
  while (!locked()) await sleep(50);
  try {
    if (newest('dist', Math.min) >= newest('src', Math.max)) return;
    const { exit, stdout, stderr } = await finished(spawn('npm', ['run', 'build'], { cwd: root }));
    if (exit !== 0) throw new Error(`npm run build: exit ${exit}\n${stdout}${stderr}`);
  } finally {
    rmSync(LOCK, { recursive: true, force: true });
  }
}

function locked(): boolean {
  try {
    mkdirSync(LOCK);
    return true;
  } catch {
    const since = statSync(LOCK, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (Date.now() - since > ABANDONED_MS) rmSync(LOCK, { recursive: true, force: true });
    return false;
  }
}

/** When the files of a folder were last changed, 0 if there are none. */
function newest(folder: string, pick: (...times: number[]) => number): number {
  try {
    const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
    const times = files
      .map((name) => statSync(join(root, folder, name)))
      .filter((stat) => stat.isFile())
      .map(({ mtimeMs }) => mtimeMs);
    return times.length === 0 ? 0 : pick(...times);
  } catch {
    return 0;
  }
}

export interface Ended {
  exit: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** What a process said, once it has ended. */
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

/** A command line of the shell in which `devstate` is ours. */
export function shell(script: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const prelude = `devstate() { '${process.execPath}' '${bin}' "$@"; }\nset -o pipefail\n`;
  return finished(
    spawn('bash', ['-c', prelude + script], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...clean(), ...env },
    }),
  );
}

/** @param stdin `pipe`: what the test writes */
export function start(
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
  stdin: 'ignore' | 'pipe' = 'ignore',
): ChildProcess {
  return spawn(process.execPath, [bin, ...argv], {
    stdio: [stdin, 'pipe', 'pipe'],
    env: { ...clean(), ...env },
  });
}

/** Resolves when a stream of a process has said this. */
export function says(child: ChildProcess, name: 'stdout' | 'stderr', text: string): Promise<void> {
  let sofar = '';
  return new Promise((resolve, reject) => {
    child[name]?.on('data', (chunk) => {
      sofar += chunk;
      if (sofar.includes(text)) resolve();
    });
    child.on('close', () => reject(new Error(`ended before it said ${JSON.stringify(text)}: ${sofar}`)));
  });
}

/** Whatever the tests run in, devstate sees nothing of it. */
function clean(): NodeJS.ProcessEnv {
  const { PATH, HOME, DEVSTATE_REDIS_SERVER } = process.env;
  return { PATH, HOME, ...(DEVSTATE_REDIS_SERVER && { DEVSTATE_REDIS_SERVER }) };
}
