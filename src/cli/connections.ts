/** The connections of one command line: opened at first use, closed at its end. */

import type { Globals } from '../commands/shared/global-options.js';
import { DevstateError } from '../core/model/errors.js';
import { DEFAULT_REQUEST_TIMEOUT_MS } from '../core/model/numeric-options.js';
import type { Connection } from '../core/store/connection.js';
import type { Fleet } from '../core/store/fleet.js';
import { estimatedFleetTime } from '../core/store/server-time.js';
import { escapeText } from '../output/escape.js';
import type { Spinner } from '../output/spinner.js';
import { hintFor } from './hints.js';
import type { Env } from './invocation.js';
import type { ResolvedTarget } from './resolve-target.js';

export interface ConnectionsOptions {
  globals: Globals;
  env: Env;
  /**
   * When the signal is aborted, the connections are closed 500 ms later, so that the command can still clean up.
   */
  signal: AbortSignal;
  /** Prints a notice for the user, one line on stderr. */
  notice(message: string): void;
  /** Shows what the command is waiting for: connecting, then the replies of Redis. */
  spinner: Spinner;
}

interface FleetConnectOptions {
  /** Called when the connection was lost before the answer to a request, and at each failed attempt to reconnect. */
  onLost?: (() => void) | undefined;
  /** When the signal is aborted, the connection is closed 500 ms later; default: the signal of the command line. */
  signal?: AbortSignal;
}

const NEVER_ABORTED = new AbortController().signal;

export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #opened: Connection[] = [];
  /** The URL, without its password, of the server that was connected to last; for error messages. */
  #shown: string | undefined;
  #target: Promise<ResolvedTarget> | undefined;
  #fleet: Promise<Fleet> | undefined;
  /** The fleet that `fleet` returned. */
  #connected: Fleet | undefined;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /** Returns the server of this command line, without connecting. @throws DevstateError USAGE */
  target(): Promise<ResolvedTarget> {
    const { globals, env, notice } = this.#options;
    this.#target ??= import('./resolve-target.js').then(({ resolveTarget }) =>
      resolveTarget(globals, env, notice),
    );
    return this.#target;
  }

  /**
   * Returns the fleet on the server of this command line. The first call connects; later calls return the same
   * fleet and ignore their options.
   */
  fleet(options: FleetConnectOptions): Promise<Fleet> {
    this.#fleet ??= this.target().then(async (target) => {
      this.#connected = await this.#connect(target, options);
      return this.#connected;
    });
    return this.#fleet;
  }

  /**
   * Returns the time of the fleet's server, as its replies told it, ms since the epoch; undefined: no reply has told it
   * yet.
   */
  serverTime(): number | undefined {
    return this.#connected && estimatedFleetTime(this.#connected);
  }

  /**
   * Returns a fleet on a connection of its own: to `url`, or without one to the server of this command line. SIGINT
   * and SIGTERM do not close that connection, so that clean-up can still use it.
   */
  async fleetAt(url: string | undefined, namespace: string): Promise<Fleet> {
    const target = await (url === undefined ? this.target() : this.#targetAt(url));
    return this.#connect({ ...target, namespace }, { signal: NEVER_ABORTED });
  }

  async #targetAt(url: string): Promise<ResolvedTarget> {
    const { parseTarget } = await import('../redis/target-url.js');
    const { readOnly = false } = this.#options.globals;
    return { target: parseTarget(url), readOnly, protected: false };
  }

  async #connect(
    { target, context, namespace, dialect, readOnly, role, partitions, historyCap }: ResolvedTarget,
    { onLost, signal = this.#options.signal }: FleetConnectOptions,
  ): Promise<Fleet> {
    const { globals, notice, spinner } = this.#options;
    spinner.show(`connecting to ${escapeText(target.shown)}`);
    const [{ connect }, { Fleet }] = await Promise.all([
      import('../redis/client.js'),
      import('../core/store/fleet.js'),
    ]);
    const timeoutMs = globals.requestTimeout ?? DEFAULT_REQUEST_TIMEOUT_MS;
    const link = await connect(target, { timeoutMs, signal, onLost });
    spinner.show('waiting for Redis');
    this.#opened.push(link.client);
    this.#shown = target.shown;
    if (globals.verbose) notice(`connected to ${target.shown}${context ? ` (context ${context})` : ''}`);
    return new Fleet(link, {
      requestTimeout: timeoutMs,
      readOnly,
      ...(namespace !== undefined && { namespace }),
      ...(dialect && { dialect }),
      ...(role && { role }),
      ...(partitions !== undefined && { partitions }),
      ...(historyCap !== undefined && { historyCap }),
    });
  }

  /**
   * Puts the server's name before the message of a CONNECTION error that occurred after connecting; an error of
   * connecting itself names the server already. Returns any other error unchanged.
   */
  withServerName(error: unknown): unknown {
    const unnamed =
      error instanceof DevstateError && error.code === 'CONNECTION' && this.#shown !== undefined;
    if (!unnamed) return error;
    const hint = hintFor(error) ?? 'check the server, or raise --request-timeout';
    const { outcome } = error;
    return new DevstateError('CONNECTION', `${this.#shown}: ${error.message}`, {
      hint,
      outcome,
      cause: error,
    });
  }

  close(): void {
    for (const redis of this.#opened) redis.disconnect();
  }
}
