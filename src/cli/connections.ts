/**
 * The connections of a command line, opened at first use and closed at its end. Neither
 * ioredis is loaded nor the context file looked at before somebody asks.
 */
import type { Globals } from '../commands/shared/global-options.js';
import { DevstateError } from '../core/model/errors.js';
import type { Connection, Fleet } from '../core/store/fleet.js';
import type { Env } from './main.js';
import type { ResolvedTarget } from './resolve-target.js';

export interface ConnectionsOptions {
  globals: Globals;
  env: Env;
  /** Gives up. */
  signal: AbortSignal;
  /** A line on stderr. */
  notice(message: string): void;
}

interface FleetConnectOptions {
  persistent?: boolean;
  onLost?: (() => void) | undefined;
  /** Other than the command's. */
  signal?: AbortSignal;
}

/** For what has to tidy up after the end. */
const NEVER = new AbortController().signal;

export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #opened: Connection[] = [];
  #shown: string | undefined;
  #place: Promise<ResolvedTarget> | undefined;
  #fleet: Promise<Fleet> | undefined;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /** Which server, and how it may be used. @throws DevstateError USAGE */
  place(): Promise<ResolvedTarget> {
    const { globals, env, notice } = this.#options;
    this.#place ??= import('./resolve-target.js').then(({ resolveTarget }) =>
      resolveTarget(globals, env, notice),
    );
    return this.#place;
  }

  /** The fleet there; the first call says how it is connected to. */
  fleet(way: FleetConnectOptions): Promise<Fleet> {
    this.#fleet ??= this.place().then((place) => this.#connect(place, way));
    return this.#fleet;
  }

  /** A fleet of one's own there, or on another server; it stays when the command is to end. */
  async fleetAt(url: string | undefined, namespace: string): Promise<Fleet> {
    const place = await (url === undefined ? this.place() : this.#elsewhere(url));
    return this.#connect({ ...place, namespace }, { signal: NEVER });
  }

  async #elsewhere(url: string): Promise<ResolvedTarget> {
    const { parseTarget } = await import('../redis/target-url.js');
    const { readOnly = false } = this.#options.globals;
    return { target: parseTarget(url), readOnly, protected: false };
  }

  async #connect(
    place: ResolvedTarget,
    { persistent = false, onLost, signal }: FleetConnectOptions,
  ): Promise<Fleet> {
    const { globals, notice, signal: usual } = this.#options;
    const { target, context, namespace, dialect, readOnly } = place;
    const [{ connect }, { Fleet }] = await Promise.all([
      import('../redis/client.js'),
      import('../core/store/fleet.js'),
    ]);
    const timeout = globals.requestTimeout ?? 5000;
    const redis = await connect(target, { timeout, persistent, signal: signal ?? usual, onLost });
    this.#opened.push(redis);
    this.#shown = target.shown;
    if (globals.verbose) notice(`connected to ${target.shown}${context ? ` (context ${context})` : ''}`);
    return new Fleet(redis, {
      requestTimeout: timeout,
      readOnly,
      ...(namespace !== undefined && { namespace }),
      ...(dialect && { dialect }),
    });
  }

  /** An error of a connection that stood, or seemed to, with the server's name. */
  withServerName(error: unknown): unknown {
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
