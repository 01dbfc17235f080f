/**
 * Starts a redis-server for this process alone, for the demo and for tests. The server has a new temporary
 * directory, and by default listens only on a unix socket in it. It is killed when this process ends for any
 * reason, even by SIGKILL: a small shell reads from a pipe that this process holds open, and kills the server when
 * the pipe closes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type NetConnectOpts } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DevstateError, fileProblem, quote, usageError } from '../core/model/errors.js';

export interface ServerOptions {
  /** Further arguments of redis-server; they override the default ones. */
  args?: readonly string[];
  /**
   * True: the server listens on a free TCP port of 127.0.0.1. False: it listens only on a unix socket in its
   * directory.
   */
  port?: boolean;
  /**
   * The text of the server's configuration file; undefined: there is no file. A sentinel needs one, because it
   * writes to it.
   */
  config?: string;
}

export interface PrivateServer {
  readonly url: string;
  readonly dir: string;
  /** The process id of the server; after the server has ended, still that of its last process. */
  readonly pid: number;
  /** Shuts the server down (SIGTERM) and removes the directory. */
  stop(): Promise<void>;
  /** Kills the server (SIGKILL). Its directory is kept, so that `restart` can start it again. */
  kill(): Promise<void>;
  /** Starts the server again with the same address and directory; a server that still runs is shut down first. */
  restart(): Promise<void>;
}

const READY_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 3_000;

/**
 * Starts a redis-server, and resolves when it accepts requests.
 * @throws DevstateError USAGE: no folder can be made in the folder for temporary files; CONNECTION: there is no
 * redis-server, or it fails
 */
export async function startServer(
  { args = [], port = false, config }: ServerOptions = {},
  env: NodeJS.ProcessEnv = process.env,
): Promise<PrivateServer> {
  const dir = await mkdtemp(join(tmpdir(), 'devstate-')).catch((error) => {
    throw usageError(`cannot make a folder in ${quote(tmpdir())}: ${fileProblem(error)}`);
  });
  const remove = () => rm(dir, { recursive: true, force: true });
  try {
    const address = port ? { host: '127.0.0.1', port: await freePort() } : { path: join(dir, 'redis.sock') };
    const listen =
      'path' in address
        ? ['--port', '0', '--unixsocket', address.path]
        : ['--bind', address.host, '--port', String(address.port)];
    const file = config === undefined ? [] : [join(dir, 'redis.conf')];
    for (const path of file) await writeFile(path, config ?? '');
    const serverArgs = [...file, ...listen, '--dir', dir, '--save', '', '--appendonly', 'no', ...args];
    const launch = () => start(serverArgs, dir, address, env);
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

/**
 * Spawns the server and waits until it answers PING.
 * @throws DevstateError CONNECTION: there is no redis-server, or it fails
 */
async function start(args: string[], dir: string, address: NetConnectOpts, env: NodeJS.ProcessEnv) {
  const program = env.DEVSTATE_REDIS_SERVER || 'redis-server';
  const log = join(dir, 'redis.log');
  const output = openSync(log, 'a');
  // Detached, so that Ctrl-C at the terminal does not reach the server: this process shuts it down itself.
  const child = spawn(program, args, { cwd: dir, env, detached: true, stdio: ['ignore', output, output] });
  closeSync(output);
  try {
    await once(child, 'spawn');
  } catch (cause) {
    const where = env.DEVSTATE_REDIS_SERVER ? ` at ${quote(env.DEVSTATE_REDIS_SERVER)}` : '';
    throw new DevstateError('CONNECTION', `no redis-server found${where}`, {
      reason: 'NO_REDIS_SERVER',
      cause,
    });
  }
  killWithOwner(child, dir, env);
  const deadline = performance.now() + READY_TIMEOUT_MS;
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

/** Starts a shell that kills the server and removes its directory if this process ends before the server. */
function killWithOwner(child: ChildProcess, dir: string, env: NodeJS.ProcessEnv): void {
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
  const killTimer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(killTimer);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/**
 * Returns whether a server at the address replies to PING and can be used. An error reply such as NOAUTH counts as
 * a reply. LOADING does not, because a server that loads its data refuses commands.
 */
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

/**
 * Returns a free port of 127.0.0.1 below 55,000, so that it also suits a cluster node, whose bus listens on the
 * port + 10,000.
 */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port < 55_000 ? port : freePort();
}
