/**
 * What a command gets to work with, made lazily: nothing connects, and neither ioredis nor
 * a spinner is loaded, before it is asked for. All effects of the process live here.
 */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { addAbortSignal, PassThrough, Writable } from 'node:stream';
import type { Redis } from 'ioredis';
import type { Context } from '../commands/command.js';
import type { Globals } from '../commands/globals.js';
import { DevstateError, usage } from '../core/errors.js';
import type { Fleet } from '../core/fleet.js';
import type { ByteStream } from '../input/lines.js';
import { errorText } from '../output/errors.js';
import { visible } from '../output/escape.js';
import { splitFields } from '../output/fields.js';
import { createPrinter } from '../output/printer.js';
import { spinner } from '../output/progress.js';
import { isoTimes, relativeTimes } from '../output/times.js';
import { type Env, execute, type Streams } from './main.js';

export interface Surroundings {
  globals: Globals;
  argv: readonly string[];
  env: Env;
  streams: Streams;
  signal: AbortSignal;
}

/** For what has to tidy up after the end. */
const NEVER = new AbortController().signal;

const DEFAULT_URL = 'redis://127.0.0.1:6379';

/** Runs `use` with a context and closes what it opened. */
export async function withContext<T>(
  around: Surroundings,
  use: (context: Context) => Promise<T>,
): Promise<T> {
  const { globals, env, streams, signal } = around;
  const connections = new Connections(around);
  const times = streams.stdout.isTTY ? relativeTimes(Date.now) : isoTimes();
  const format = globals.json ? 'json' : (globals.output ?? 'table');
  const quiet = globals.quiet ?? false;
  const print = createPrinter({
    format,
    ...(globals.fields !== undefined && { fields: splitFields(globals.fields) }),
    headers: globals.headers,
    color: usesColor(globals, env, streams),
    quiet,
    stdout: streams.stdout,
    stderr: streams.stderr,
    times,
  });
  try {
    return await use({
      signal,
      print,
      times,
      env,
      terminal: { stdin: streams.stdin.isTTY ?? false, stderr: streams.stderr.isTTY ?? false },
      now: Date.now,
      url: globals.url,
      fleet: ({ persistent = false, onLost } = {}) => connections.fleet(persistent, onLost),
      fleetAt: (url, namespace) =>
        connections.connect({ url: url ?? globals.url, namespace, persistent: false, signal: NEVER }),
      notice(message) {
        if (!quiet) streams.stderr.write(`${visible(message)}\n`);
      },
      failure(error, line) {
        if (!(error instanceof DevstateError)) throw error;
        const { code, message } = error;
        const hint = quiet ? undefined : error.hint;
        streams.stderr.write(errorText({ code, message, hint }, { machine: print.machine, line }));
      },
      open: (name) => openInput(name, streams, signal),
      confirm: (question) => confirm(question, streams, signal),
      waiting: (text) =>
        spinner(streams.stderr, (streams.stderr.isTTY ?? false) && !quiet && env.TERM !== 'dumb', text),
      run: (argv, output, inner = signal) => execute(argv, env, capturing(output), inner),
      startServer: async () => (await import('../redis/server.js')).startServer({}, env),
    });
  } catch (error) {
    throw connections.named(error);
  } finally {
    connections.close();
  }
}

/** The connections of a command line, opened at first use and closed at its end. */
class Connections {
  readonly #around: Surroundings;
  readonly #opened: Redis[] = [];
  #shown: string | undefined;
  #fleet: Promise<Fleet> | undefined;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  fleet(persistent: boolean, onLost: (() => void) | undefined): Promise<Fleet> {
    const { url, namespace } = this.#around.globals;
    this.#fleet ??= this.connect({ url, namespace, persistent, onLost });
    return this.#fleet;
  }

  async connect(where: {
    url: string | undefined;
    namespace: string | undefined;
    persistent: boolean;
    onLost?: (() => void) | undefined;
    /** Other than the command's. */
    signal?: AbortSignal;
  }): Promise<Fleet> {
    const { globals, env, signal, streams } = this.#around;
    const namespace = where.namespace === undefined ? undefined : namespaceOf(where.namespace);
    const [{ connect }, { parseTarget }, { Fleet }] = await Promise.all([
      import('../redis/client.js'),
      import('../redis/target.js'),
      import('../core/fleet.js'),
    ]);
    const url = where.url ?? (env.DEVSTATE_URL || env.REDIS_URL || DEFAULT_URL);
    const target = parseTarget(url, env.REDISCLI_AUTH || undefined);
    const timeout = globals.requestTimeout ?? 5000;
    const redis = await connect(target, {
      timeout,
      persistent: where.persistent,
      signal: where.signal ?? signal,
      onLost: where.onLost,
    });
    this.#opened.push(redis);
    this.#shown = target.shown;
    if (globals.verbose) streams.stderr.write(`connected to ${target.shown}\n`);
    return new Fleet(redis, {
      requestTimeout: timeout,
      readOnly: globals.readOnly ?? false,
      ...(namespace !== undefined && { namespace }),
      ...(globals.dialect && { dialect: globals.dialect }),
    });
  }

  /** An error of a connection that stood, or seemed to, with the server's name. */
  named(error: unknown): unknown {
    const unnamed =
      error instanceof DevstateError && error.code === 'CONNECTION' && this.#shown !== undefined;
    if (!unnamed) return error;
    const { message, hint = 'see whether it is well, or give it longer with --request-timeout' } = error;
    return new DevstateError('CONNECTION', `${this.#shown}: ${message}`, { hint, cause: error });
  }

  close(): void {
    for (const redis of this.#opened) redis.disconnect();
  }
}

function namespaceOf(name: string): string {
  if (!/^[^\s{}\p{Cc}]+$/u.test(name) || name.endsWith(':')) {
    throw usage('a namespace has no white space, braces or control characters, and no colon at its end');
  }
  return name;
}

function usesColor({ color = 'auto' }: Globals, env: Env, { stdout }: Streams): boolean {
  if (color !== 'auto') return color === 'always';
  return (stdout.isTTY ?? false) && !env.NO_COLOR && env.TERM !== 'dumb';
}

async function openInput(name: string, streams: Streams, signal: AbortSignal): Promise<ByteStream> {
  if (name === '-') return addAbortSignal(signal, streams.stdin);
  try {
    const file = await open(name); // opened first, so that what cannot be read is known before anything is done
    if ((await file.stat()).isDirectory()) {
      await file.close();
      throw new Error('it is a directory');
    }
    return createReadStream(name, { fd: file });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'no such file' : code === 'EACCES' ? 'permission denied' : message;
    throw usage(`cannot read ${JSON.stringify(name)}: ${reason}`);
  }
}

async function confirm(question: string, streams: Streams, signal: AbortSignal): Promise<boolean> {
  const { createInterface } = await import('node:readline/promises');
  // Line by line, as the terminal edits them itself: Ctrl-C stays the signal that `main` waits for.
  const lines = createInterface({ input: streams.stdin, output: streams.stderr, terminal: false });
  const ended = once(lines, 'close').then(() => '\n'); // Ctrl-D: no answer
  try {
    const answer = await Promise.race([lines.question(`${visible(question)} [y/N] `, { signal }), ended]);
    if (answer === '\n') streams.stderr.write(answer);
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  } finally {
    lines.close();
  }
}

/** Streams of a command line run within another one: nothing to read, no terminal. */
function capturing({ stdout, stderr }: { stdout(text: string): void; stderr(text: string): void }): Streams {
  const sink = (take: (text: string) => void) =>
    new Writable({
      decodeStrings: false,
      write(chunk: string | Buffer, _encoding, done) {
        take(chunk.toString());
        done();
      },
    });
  return { stdin: new PassThrough().end(), stdout: sink(stdout), stderr: sink(stderr) };
}
