/** The connections of one command line: opened at first use, closed at its end. */

import type { Globals } from '../commands/shared/global-options.js';
import { DevstateError } from '../core/model/errors.js';
import type { Connection } from '../core/store/connection.js';
import type { Fleet } from '../core/store/fleet.js';
import { escapeText } from '../output/escape.js';
import type { Spinner } from '../output/spinner.js';
import { hintFor } from './hints.js';
import type { Env } from './invocation.js';
import type { ResolvedTarget } from './resolve-target.js';

export interface ConnectionsOptions {
  globals: Globals;
  env: Env;
  /** Closes the connections soon after it is aborted. */
  signal: AbortSignal;
  /** Prints a line on stderr. */
  notice(message: string): void;
  /** Says what the command waits for. */
  spinner: Spinner;
}

interface FleetConnectOptions {
  /** Reconnects after a loss. */
  persistent?: boolean;
  /** Called at each loss of a persistent connection, and at each failed attempt to reconnect. */
  onLost?: (() => void) | undefined;
  /** Instead of the command line's. */
  signal?: AbortSignal;
}

const DEFAULT_TIMEOUT_MS = 5000;
const NEVER_ABORTED = new AbortController().signal;

export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #opened: Connection[] = [];
  /** The server connected to last, for messages. */
  #shown: string | undefined;
  #target: Promise<ResolvedTarget> | undefined;
  #fleet: Promise<Fleet> | undefined;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /** The server of this command line, without connecting. @throws DevstateError USAGE */
  target(): Promise<ResolvedTarget> {
    const { globals, env, notice } = this.#options;
    this.#target ??= import('./resolve-target.js').then(({ resolveTarget }) =>
      resolveTarget(globals, env, notice),
    );
    return this.#target;
  }

  /** The fleet there, connected to by the first call; later calls ignore their options. */
  fleet(options: FleetConnectOptions): Promise<Fleet> {
    this.#fleet ??= this.target().then((target) => this.#connect(target, options));
    return this.#fleet;
  }

  /** A fleet on a connection of its own, which the signal does not close: to `url`, or else the usual server. */
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
    { target, context, namespace, dialect, readOnly }: ResolvedTarget,
    { persistent = false, onLost, signal = this.#options.signal }: FleetConnectOptions,
  ): Promise<Fleet> {
    const { globals, notice, spinner } = this.#options;
    spinner.show(`connecting to ${escapeText(target.shown)}`);
    const [{ connect }, { Fleet }] = await Promise.all([
      import('../redis/client.js'),
      import('../core/store/fleet.js'),
    ]);
    const timeoutMs = globals.requestTimeout ?? DEFAULT_TIMEOUT_MS;
    const redis = await connect(target, { timeoutMs, persistent, signal, onLost });
    spinner.show('waiting for Redis');
    this.#opened.push(redis);
    this.#shown = target.shown;
    if (globals.verbose) notice(`connected to ${target.shown}${context ? ` (context ${context})` : ''}`);
    return new Fleet(redis, {
      requestTimeout: timeoutMs,
      readOnly,
      ...(namespace !== undefined && { namespace }),
      ...(dialect && { dialect }),
    });
  }

  /** Adds the server's name to an error of an established connection; returns other errors unchanged. */
  withServerName(error: unknown): unknown {
    const unnamed =
      error instanceof DevstateError && error.code === 'CONNECTION' && this.#shown !== undefined;
    if (!unnamed) return error;
    const hint = hintFor(error) ?? 'check the server, or raise --request-timeout';
    return new DevstateError('CONNECTION', `${this.#shown}: ${error.message}`, { hint, cause: error });
  }

  close(): void {
    for (const redis of this.#opened) redis.disconnect();
  }
}
