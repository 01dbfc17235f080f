/**
 * A disk that is full, without mounting one: the file of stdout may not grow beyond a limit of the process
 * (RLIMIT_FSIZE), after which writes fail with EFBIG, as they do with ENOSPC on a full disk. The limit can be raised
 * while the process runs. For a disk that stays full there is /dev/full.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export const FULL = 'devstate: cannot write to standard output: no space left on device\n';
export const FILE_TOO_LARGE = 'devstate: cannot write to standard output: file too large\n';

export interface OnFullDisk {
  /** The process; its stdout is the file, its stderr a pipe. */
  readonly child: ChildProcess;
  /** The content of the file. */
  written(): string;
  /** Lets the file grow from now on. */
  free(): void;
}

/**
 * Starts a program whose stdout is a file on a full disk.
 * @param path the file of stdout
 * @param kib how much the file may hold, KiB
 */
export function startOnFullDisk(
  [program = '', ...args]: readonly string[],
  { path, kib, env }: { path: string; kib: number; env: NodeJS.ProcessEnv },
): OnFullDisk {
  const script = `ulimit -S -f ${kib}; exec "$@" >"$0"`;
  const child = spawn('bash', ['-c', script, path, program, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env,
  });
  return {
    child,
    written: () => readFileSync(path, 'utf8'),
    free: () => void execFileSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited:unlimited']),
  };
}
