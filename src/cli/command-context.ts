/**
 * What a command gets to work with, made lazily: nothing connects, and neither ioredis nor
 * a spinner is loaded, before it is asked for. All effects of the process live here.
 */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { addAbortSignal, PassThrough, type Readable, Writable } from 'node:stream';
import type { Context, Input } from '../commands/shared/command.js';
import { type Globals, serverOptions } from '../commands/shared/global-options.js';
import { DevstateError, fileProblem, quote, usageError } from '../core/model/errors.js';
import { errorText } from '../output/errors.js';
import { visible } from '../output/escape.js';
import { splitFields } from '../output/fields.js';
import { createPrinter } from '../output/printer.js';
import { progressBar, spinner, type Terminal, wiped } from '../output/progress.js';
import { isoTimes, relativeTimes } from '../output/times.js';
import { Connections } from './connections.js';
import { type Cancellation, type Env, execute, type Streams } from './main.js';

export interface Invocation {
  globals: Globals;
  argv: readonly string[];
  env: Env;
  streams: Streams;
  ends: Cancellation;
}

/** For what has to tidy up after the end. */
const NEVER = new AbortController().signal;

/** Runs `use` with a context and closes what it opened. */
export async function withContext<T>(around: Invocation, use: (context: Context) => Promise<T>): Promise<T> {
  const { globals, env, streams, ends } = around;
  const signal = AbortSignal.any([ends.interrupted, ends.stdoutClosed]);
  const inputs: Readable[] = [];
  const times = streams.stdout.isTTY ? relativeTimes(Date.now) : isoTimes();
  const format = globals.json ? 'json' : (globals.output ?? 'table');
  const quiet = globals.quiet ?? false;
  const animated = (streams.stderr.isTTY ?? false) && !quiet && env.TERM !== 'dumb';
  const terminal: Terminal = { stderr: streams.stderr, enabled: animated };
  const print = createPrinter({
    format,
    ...(globals.fields !== undefined && { fields: splitFields(globals.fields) }),
    headers: globals.headers,
    color: usesColor(globals, env, streams),
    quiet,
    stdout: streams.stdout,
    stderr: streams.stderr,
    times,
    signal,
  });
  const notice = (message: string) => {
    if (!quiet) streams.stderr.write(wiped(terminal, `${visible(message)}\n`));
  };
  const connections = new Connections({ globals, env, signal: ends.interrupted, notice });
  try {
    return await use({
      signal,
      interrupted: ends.interrupted,
      print,
      times,
      env,
      terminal: {
        stdin: streams.stdin.isTTY ?? false,
        stdout: streams.stdout.isTTY ?? false,
        stderr: streams.stderr.isTTY ?? false,
      },
      now: Date.now,
      fleet: (way = {}) => connections.fleet(way),
      async place() {
        const { namespace, target } = await connections.place();
        return { ...(namespace !== undefined && { namespace }), database: target.options.db ?? 0 };
      },
      serverOptions: serverOptions(globals),
      readOnly: async () => globals.readOnly || (await connections.place()).readOnly,
      async protectedContext() {
        const place = await connections.place();
        return place.protected ? place.context : undefined;
      },
      fleetAt: (url, namespace) => connections.fleetAt(url, namespace),
      contexts: async () => (await import('./context-store.js')).contextStore(globals, env, notice),
      notice,
      failure(error, line) {
        if (!(error instanceof DevstateError)) throw error;
        const { code, message } = error;
        const hint = quiet ? undefined : error.hint;
        const text = errorText({ code, message, hint }, { machine: print.machine, line });
        streams.stderr.write(wiped(terminal, text));
      },
      async open(name) {
        const input = await openInput(name, streams, ends.interrupted);
        inputs.push(input);
        return input;
      },
      async confirm(question) {
        const { context, target } = await connections.place();
        if (context !== undefined) streams.stderr.write(`context ${context} (${visible(target.shown)})\n`);
        return confirm(question, streams, signal);
      },
      waiting: (text) => spinner(terminal, text),
      progress: ({ total } = {}) => progressBar(terminal, total),
      run: (argv, output, inner = signal) =>
        execute(argv, env, capturing(output), { interrupted: inner, stdoutClosed: NEVER }),
      startServer: async () => (await import('../redis/private-server.js')).startServer({}, env),
    });
  } catch (error) {
    throw connections.withServerName(error);
  } finally {
    connections.close();
    for (const input of inputs) input.destroy(); // more of it may be awaited still
  }
}

function usesColor({ color = 'auto' }: Globals, env: Env, { stdout }: Streams): boolean {
  if (color !== 'auto') return color === 'always';
  return (stdout.isTTY ?? false) && !env.NO_COLOR && env.TERM !== 'dumb';
}

async function openInput(name: string, streams: Streams, signal: AbortSignal): Promise<Readable & Input> {
  if (name === '-') return addAbortSignal(signal, streams.stdin);
  try {
    const file = await open(name); // opened first, so that what cannot be read is known before anything is done
    const stat = await file.stat();
    if (stat.isDirectory()) {
      await file.close();
      throw new Error('it is a directory');
    }
    return Object.assign(createReadStream(name, { fd: file }), stat.isFile() && { size: stat.size });
  } catch (error) {
    throw usageError(`cannot read ${quote(name)}: ${fileProblem(error)}`);
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
