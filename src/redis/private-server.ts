/**
 * A redis-server of one's own: the demo's and the tests'. It lives in a fresh directory, is
 * reachable for nobody else by default (a unix socket there), and never outlives its owner:
 * a small shell waits on a pipe that breaks when the owner dies, however it dies.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type NetConnectOpts } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DevstateError, quote } from '../core/model/errors.js';

export interface ServerOptions {
  /** Further arguments of redis-server; they win over the defaults. */
  args?: readonly string[];
  /** Listen on a free port of the loopback instead of on a socket. */
  port?: boolean;
  /** What stands in a configuration file, for those that write to theirs: sentinels. */
  config?: string;
}

export interface PrivateServer {
  readonly url: string;
  readonly dir: string;
  /** The process that runs, or ran last. */
  readonly pid: number;
  /** Ends it in order and removes the directory. */
  stop(): Promise<void>;
  /** Ends it as a crash would; the directory stays. */
  kill(): Promise<void>;
  /** Starts it again in the same place, having ended it in order where it still runs. */
  restart(): Promise<void>;
}

const READY_MS = 15_000;
const STOP_MS = 3_000;
const INSTALL_HINT =
  'install it (apt-get install redis-server, brew install redis) or name it in DEVSTATE_REDIS_SERVER';

export async function startServer(
  { args = [], port = false, config }: ServerOptions = {},
  env: NodeJS.ProcessEnv = process.env,
): Promise<PrivateServer> {
  const dir = await mkdtemp(join(tmpdir(), 'devstate-'));
  const remove = () => rm(dir, { recursive: true, force: true });
  try {
    const address = port ? { host: '127.0.0.1', port: await freePort() } : { path: join(dir, 'redis.sock') };
    const listen =
      'path' in address
        ? ['--port', '0', '--unixsocket', address.path]
        : ['--bind', address.host, '--port', String(address.port)];
    const file = config === undefined ? [] : [join(dir, 'redis.conf')];
    for (const path of file) await writeFile(path, config ?? '');
    const all = [...file, ...listen, '--dir', dir, '--save', '', '--appendonly', 'no', ...args];
    const launch = () => start(all, dir, address, env);
    let child = await launch();
    return {
      url: 'path' in address ? `unix://${address.path}` : `redis://${address.host}:${address.port}`,
      dir,
      get pid() {
        return child.pid as number;
      },
      async stop() {
        await end(child, 'SIGTERM');
        await remove();
      },
      kill: () => end(child, 'SIGKILL'),
      async restart() {
        await end(child, 'SIGTERM');
        child = await launch();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Spawns the server and waits until it answers. */
async function start(args: string[], dir: string, address: NetConnectOpts, env: NodeJS.ProcessEnv) {
  const program = env.DEVSTATE_REDIS_SERVER || 'redis-server';
  const log = join(dir, 'redis.log');
  const output = openSync(log, 'a');
  // Detached: an interrupt typed at the terminal is the owner's to answer, not the server's.
  const child = spawn(program, args, { cwd: dir, env, detached: true, stdio: ['ignore', output, output] });
  closeSync(output);
  try {
    await once(child, 'spawn');
  } catch (cause) {
    const where = env.DEVSTATE_REDIS_SERVER ? ` at ${quote(env.DEVSTATE_REDIS_SERVER)}` : '';
    throw new DevstateError('CONNECTION', `no redis-server found${where}`, { hint: INSTALL_HINT, cause });
  }
  guard(child, dir, env);
  const deadline = performance.now() + READY_MS;
  while (!(await answers(address))) {
    if (hasEnded(child) || performance.now() > deadline) {
      await end(child, 'SIGKILL');
      const lines = (await readFile(log, 'utf8')).trim().split('\n');
      throw new DevstateError('CONNECTION', `redis-server did not start: ${lines.slice(-3).join(' | ')}`);
    }
    await sleep(5);
  }
  return child;
}

/** Ends the server and removes its directory if this process dies without having done so. */
function guard(child: ChildProcess, dir: string, env: NodeJS.ProcessEnv): void {
  const script = 'read -r _; kill -9 "$1"; rm -rf "$2"';
  const shell = spawn('/bin/sh', ['-c', script, 'guard', String(child.pid), dir], {
    env,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.once('exit', () => shell.kill('SIGKILL'));
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (hasEnded(child)) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  const patience = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await exited;
  clearTimeout(patience);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Whether a server answers there; one that asks for a password does, one that loads does not yet. */
function answers(address: NetConnectOpts): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address);
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1_000, () => settle(false));
    socket.on('error', () => settle(false));
    socket.on('close', () => settle(false));
    socket.on('data', (reply) => settle(!reply.toString().startsWith('-LOADING')));
    socket.write('PING\r\n');
  });
}

/** A port that was free just now, low enough that a cluster's bus (port + 10000) fits too. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port < 55_000 ? port : freePort();
}
