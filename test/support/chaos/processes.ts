/** Starts the built program in processes of their own. They are killed at the end of the test that started them. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach } from 'vitest';
import { until } from '../fleet.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const running = new Set<ChildProcess>();

export interface Process {
  readonly pid: number;
  /** The complete lines of stdout. */
  readonly lines: string[];
  readonly stderr: string;
  /** Waits until stderr contains this text. */
  untilStderr(text: string): Promise<void>;
  /** Waits for an IPC message. */
  untilMessage(message: string): Promise<void>;
  send(message: string): void;
  kill(signal: NodeJS.Signals): void;
  /** The exit code; null if a signal ended the process. */
  readonly exit: Promise<number | null>;
}

/** Kills the processes after each test. Call once in each file that starts processes. */
export function useProcesses(): void {
  afterEach(killAll);
  afterAll(killAll);
}

async function killAll(): Promise<void> {
  for (const child of running) child.kill('SIGKILL');
  await until(() => running.size === 0);
}

export function startDevstate(url: string, ...args: string[]): Process {
  return start([`${ROOT}bin/devstate.cjs`, ...args], { DEVSTATE_URL: url });
}

/** Starts a script of this folder with one JSON argument; `send` emits its `message` event. */
export function startHelper(name: string, options: unknown): Process {
  return start([fileURLToPath(new URL(name, import.meta.url)), JSON.stringify(options)], {});
}

/** The resident memory of a process, MB. */
export function residentMb(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024;
}

function start(argv: string[], env: NodeJS.ProcessEnv): Process {
  const child = spawn(process.execPath, argv, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  running.add(child);
  const exit = once(child, 'close').then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  const lines: string[] = [];
  const messages: unknown[] = [];
  child.on('message', (message) => messages.push(message));
  let rest = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() as string;
    for (const part of parts) lines.push(part);
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const waitFor = (condition: () => boolean) =>
    until(() => {
      if (child.exitCode !== null) throw new Error(`the process ended with ${child.exitCode}:\n${stderr}`);
      return condition();
    });
  return {
    pid: child.pid as number,
    lines,
    get stderr() {
      return stderr;
    },
    untilStderr: (text) => waitFor(() => stderr.includes(text)),
    untilMessage: (message) => waitFor(() => messages.includes(message)),
    send: (message) => void child.send(message),
    kill: (signal) => void child.kill(signal),
    exit,
  };
}
