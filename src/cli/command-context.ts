/**
 * Makes the context that a command runs with. Nothing is connected or opened before the command asks for it: a
 * command that asks for no fleet does not connect, and loads no ioredis.
 */
import type { Readable } from 'node:stream';
import type { Context } from '../commands/shared/context.js';
import type { ProgramDeclaration } from '../commands/shared/declaration.js';
import { type Globals, serverOptions } from '../commands/shared/global-options.js';
import { linkAbort } from '../core/async/abort.js';
import { DevstateError } from '../core/model/errors.js';
import { formatError } from '../output/errors.js';
import { escapeText } from '../output/escape.js';
import { splitFields } from '../output/fields.js';
import { createPrinter } from '../output/printer.js';
import { progressBar } from '../output/progress-bar.js';
import { createSpinner } from '../output/spinner.js';
import { aboveDrawing, type Terminal } from '../output/terminal.js';
import { isoTimes, relativeTimes } from '../output/times.js';
import { askYesNo } from './ask-yes-no.js';
import { Connections } from './connections.js';
import { hintFor } from './hints.js';
import type { Env, Invocation, Streams } from './invocation.js';
import { nestedStreams } from './nested-streams.js';
import { openInput } from './open-input.js';

export interface ContextOptions {
  declarations: ProgramDeclaration;
  /** True: the command changes something in Redis, so it goes on if its output is lost. False: it ends then. */
  hasEffects: boolean;
}

/**
 * Calls `use` with a new context, and resolves to its result. When `use` ends, closes the connections and inputs that
 * the context has opened. Resolves to undefined if `use` rejects only because the command was told to end.
 */
export async function withContext<T>(
  { env, streams, output, interrupted, main }: Invocation,
  globals: Globals,
  { declarations, hasEffects }: ContextOptions,
  use: (context: Context) => Promise<T>,
): Promise<T | undefined> {
  const end = hasEffects ? linkAbort(interrupted) : linkAbort(interrupted, output.lost);
  const { signal } = end;
  const inputs: Readable[] = [];
  const serverTime = () => connections.serverTime();
  const times = streams.stdout.isTTY ? relativeTimes(serverTime) : isoTimes();
  const format = globals.json ? 'json' : (globals.output ?? 'table');
  const quiet = globals.quiet ?? false;
  const canDraw = (streams.stderr.isTTY ?? false) && !quiet && env.TERM !== 'dumb';
  const terminal: Terminal = { stderr: streams.stderr, canDraw, isDrawn: false };
  const spinner = createSpinner(terminal);
  const print = createPrinter({
    format,
    ...(globals.fields !== undefined && { fields: splitFields(globals.fields) }),
    headers: globals.headers,
    color: usesColor(globals, env, streams),
    quiet,
    output,
    isTerminal: streams.stdout.isTTY ?? false,
    hasEffects,
    stderr: streams.stderr,
    times,
    spinner,
    signal,
  });
  const notice = (message: string) => {
    if (!quiet) streams.stderr.write(aboveDrawing(terminal, `${escapeText(message)}\n`));
  };
  const connections = new Connections({ globals, env, signal: interrupted, notice, spinner });
  try {
    return await use({
      signal,
      print,
      times,
      env,
      terminal: {
        stdin: streams.stdin.isTTY ?? false,
        stdout: streams.stdout.isTTY ?? false,
        stderr: streams.stderr.isTTY ?? false,
      },
      declarations,
      serverTime,
      fleet: (options = {}) => connections.fleet(options),
      async target() {
        const { namespace, dialect, target } = await connections.target();
        const topology = target.nodes ? 'cluster' : target.options.sentinels ? 'sentinel' : 'server';
        return {
          ...(namespace !== undefined && { namespace }),
          ...(dialect && { dialect }),
          database: target.options.db ?? 0,
          topology,
        };
      },
      serverOptions: serverOptions(globals),
      readOnly: async () => globals.readOnly || (await connections.target()).readOnly,
      async protectedContext() {
        const target = await connections.target();
        return target.protected ? target.context : undefined;
      },
      fleetAt: (url, namespace) => connections.fleetAt(url, namespace),
      contexts: async () => (await import('./saved-context-store.js')).contextStore(globals, env, notice),
      notice,
      failure(error, line) {
        if (!(error instanceof DevstateError)) throw error;
        const named = connections.withServerName(error) as DevstateError;
        const { code, message, outcome } = named;
        const hint = quiet ? undefined : hintFor(named);
        const text = formatError({ code, message, outcome, hint }, { isJson: print.isJson, line });
        streams.stderr.write(aboveDrawing(terminal, text));
      },
      async open(name) {
        // A spinner would overwrite what the user types at the terminal, so it is stopped before standard input is
        // read.
        if (name === '-' && streams.stdin.isTTY) spinner.stop();
        else if (name === '-') spinner.show('waiting for standard input');
        const input = await openInput(name, streams.stdin, signal);
        inputs.push(input);
        return input;
      },
      async confirm(question) {
        const { context, target } = await connections.target();
        if (context !== undefined) streams.stderr.write(`context ${context} (${escapeText(target.shown)})\n`);
        return askYesNo(question, streams, signal);
      },
      progress: ({ total } = {}) => progressBar(terminal, { total, onDraw: spinner.stop }),
      run: (argv, output, inner = signal) => main(argv, env, nestedStreams(output), inner),
      async startServer() {
        spinner.show('starting a redis-server');
        return (await import('../redis/private-server.js')).startServer({}, env);
      },
    });
  } catch (error) {
    if (signal.aborted && isConsequenceOfEnd(error)) return undefined;
    throw connections.withServerName(error);
  } finally {
    spinner.stop();
    end.unlink();
    connections.close();
    for (const input of inputs) input.destroy(); // an unfinished read of an input would keep the process alive
  }
}

/** Returns whether an error may be that of a connection or an input that was closed because the command is to end. */
function isConsequenceOfEnd(error: unknown): boolean {
  if (error instanceof DevstateError) return error.code === 'CONNECTION';
  return error instanceof Error && error.name === 'AbortError';
}

function usesColor({ color = 'auto' }: Globals, env: Env, { stdout }: Streams): boolean {
  if (color !== 'auto') return color === 'always';
  return (stdout.isTTY ?? false) && !env.NO_COLOR && env.TERM !== 'dumb';
}
