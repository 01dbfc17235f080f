/** The built programs as processes of their own, killed at the latest when the test ends that runs. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach } from 'vitest';
import { until } from '../fleet.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const running = new Set<ChildProcess>();

export interface Program {
  readonly pid: number;
  /** Whole lines of stdout. */
  readonly lines: string[];
  readonly stderr: string;
  /** Waits until stderr says this. */
  says(text: string): Promise<void>;
  /** Waits for an IPC message. */
  messaged(message: string): Promise<void>;
  send(message: string): void;
  kill(signal: NodeJS.Signals): void;
  /** Its exit code; null: a signal ended it. */
  readonly exit: Promise<number | null>;
}

/** Call once in each file that starts programs. */
export function usePrograms(): void {
  afterEach(killAll);
  afterAll(killAll);
}

async function killAll(): Promise<void> {
  for (const child of running) child.kill('SIGKILL');
  await until(() => running.size === 0);
}

export function devstate(url: string, ...args: string[]): Program {
  return start([`${ROOT}bin/devstate.cjs`, ...args], { DEVSTATE_URL: url });
}

/** A script beside this one, with one JSON argument; `send` reaches its `message` event. */
export function helper(name: string, options: unknown): Program {
  return start([fileURLToPath(new URL(name, import.meta.url)), JSON.stringify(options)], {});
}

/** What a process holds in memory, MB. */
export function residentMb(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024;
}

function start(argv: string[], env: NodeJS.ProcessEnv): Program {
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
  const when = (condition: () => boolean) =>
    until(() => {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${stderr}`);
      return condition();
    });
  return {
    pid: child.pid as number,
    lines,
    get stderr() {
      return stderr;
    },
    says: (text) => when(() => stderr.includes(text)),
    messaged: (message) => when(() => messages.includes(message)),
    send: (message) => void child.send(message),
    kill: (signal) => void child.kill(signal),
    exit,
  };
}
