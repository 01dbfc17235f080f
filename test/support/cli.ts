/**
 * Runs command lines in the test's process through `main`, with its output in a pipe or, with `tty`, at a terminal.
 * `start` is for commands that run until they are stopped; `session` returns the whole output as one text, with times
 * masked.
 */
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PassThrough } from 'node:stream';
import type { Env } from '../../src/cli/invocation.js';
import { main } from '../../src/cli/main.js';
import { linkAbort } from '../../src/core/async/abort.js';
import { type CaptureOptions, captureStreams } from './streams.js';

/** A file that does not exist: the tests must not read the contexts of the user who runs them. */
const NO_CONTEXTS = join(tmpdir(), 'devstate-no-such-file.toml');

export interface Result {
  exit: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions extends CaptureOptions {
  signal?: AbortSignal;
  env?: Env;
}

type StreamName = 'stdout' | 'stderr';

/** A running command. */
export interface Running {
  readonly stdin: PassThrough;
  readonly done: Promise<Result>;
  /** Waits for the first `count` complete lines of a stream. Rejects if the command ends before. */
  lines(name: StreamName, count: number): Promise<string[]>;
  /** Waits until a stream contains a text. Rejects if the command ends before. */
  says(name: StreamName, text: string): Promise<void>;
  /** Interrupts the command, as SIGINT does. */
  stop(): Promise<Result>;
}

/** @param at the server's URL, or an object that has it once the server runs */
export function cli(at: string | { readonly url: string }, env: Env = {}) {
  const url = () => (typeof at === 'string' ? at : at.url);
  const words = (argv: Argv) => (typeof argv === 'string' ? argv.split(' ') : argv);

  function start(argv: Argv, options: RunOptions = {}): Running {
    const streams = captureStreams(options);
    const { stdin, stdout, stderr } = streams;
    const stop = new AbortController();
    const signal = linkAbort(options.signal, stop.signal).signal;
    const around = {
      DEVSTATE_URL: url(),
      DEVSTATE_CONFIG: NO_CONTEXTS,
      PATH: process.env.PATH,
      ...env,
      ...options.env,
    };
    const done = main(words(argv), around, streams, signal).then((exit) => ({
      exit,
      stdout: stdout.text,
      stderr: stderr.text,
    }));
    const until = async (name: StreamName, reached: (text: string) => boolean) => {
      const stream = streams[name];
      const ended = done.then(() => 'ended');
      while (!reached(stream.text)) {
        if ((await Promise.race([once(stream, 'text'), ended])) === 'ended' && !reached(stream.text))
          throw new Error(`ended before, having said:\n${stdout.text}${stderr.text}`);
      }
      return stream.text;
    };
    return {
      stdin,
      done,
      async lines(name, count) {
        const text = await until(name, (sofar) => sofar.split('\n').length > count);
        return text.split('\n').slice(0, count);
      },
      says: async (name, text) => void (await until(name, (sofar) => sofar.includes(text))),
      stop() {
        stop.abort();
        return done;
      },
    };
  }

  const run = (argv: Argv, options: RunOptions = {}) => start(argv, options).done;

  return {
    start,
    run,
    /** Returns what `--json` prints. Rejects if the command failed or printed anything else. */
    async json(argv: Argv, options: RunOptions = {}): Promise<unknown> {
      const { exit, stdout, stderr } = await run(['--json', ...words(argv)], options);
      if (exit !== 0 || stderr !== '') throw new Error(`exit ${exit}\n${stderr}`);
      return JSON.parse(stdout);
    },
    /** Returns the masked output: stdout, then the lines of stderr after `! `, then the exit code unless it is 0. */
    session: async (argv: Argv, options: RunOptions = {}) => transcript(await run(argv, options)),
  };
}

/** Arguments, or one text that is split at its spaces. */
export type Argv = string | readonly string[];

export function transcript({ exit, stdout, stderr }: Result): string {
  const notices = stderr.replace(/^(?=.)/gm, '! ');
  return masked(`${stdout}${notices}${exit === 0 ? '' : `exit ${exit}\n`}`);
}

/** Replaces current times and log ids by texts of the same width. */
export function masked(text: string): string {
  return text
    .replace(/\b20(?:2[6-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'YYYY-MM-DDThh:mm:ss.000Z')
    .replace(/"\d{13}-\d+"/g, '"LOG-ID"')
    .replace(/\b\d{13}-\d+\b/g, 'LOG-ID')
    .replace(/(?<![\w.])(?:1[7-9]|20)\d{11}(?![\w.])/g, 'MILLISECONDS0');
}

/** Returns the lines between the first and the last one of a template, without their common indentation. */
export function text({ raw }: TemplateStringsArray, ...values: readonly string[]): string {
  const lines = String.raw({ raw }, ...values).split('\n');
  const body = lines.slice(1, -1);
  const indent = Math.min(...body.filter((line) => line !== '').map((line) => line.search(/\S|$/)));
  return body.map((line) => `${line.slice(indent)}\n`).join('');
}
