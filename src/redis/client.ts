/**
 * Connects, or says in one line why not. ioredis tells the cause only in its `error`
 * event; a first connection that fails is final, and only a persistent client comes back
 * after a later loss.
 */
import { Redis } from 'ioredis';
import { DevstateError } from '../core/errors.js';
import { hangUp } from '../core/hang-up.js';
import { fromRedis } from '../core/redis-errors.js';
import type { Target } from './target.js';

export interface ConnectOptions {
  /** For connecting and for each command, ms. */
  timeout: number;
  /** Comes back after a loss; commands wait for it within their timeout. */
  persistent: boolean;
  /** Gives up: at once, or for a persistent client that is connected, soon. */
  signal: AbortSignal;
  /** A persistent client has lost its connection; called again with each attempt to come back. */
  onLost?: (() => void) | undefined;
}

const HINT = 'start redis-server, or name yours with --url or DEVSTATE_URL; "devstate demo" needs none';
const LONGEST_PAUSE_MS = 1000;
/** What a persistent command has to close cleanly, even if the server is gone. */
const GRACE_MS = 500;
/** How long a connection that is closed already may keep the process (ioredis waits for its end again). */
const LINGER_MS = 100;

/** @throws DevstateError CONNECTION */
export async function connect(
  target: Target,
  { timeout, persistent, signal, onLost = () => {} }: ConnectOptions,
): Promise<Redis> {
  if (signal.aborted)
    throw new DevstateError('CONNECTION', `not connecting to ${target.shown}: it is to end`);
  let established = false;
  const redis = new Redis({
    ...target.options,
    lazyConnect: true,
    connectTimeout: timeout,
    commandTimeout: timeout,
    disconnectTimeout: LINGER_MS,
    enableReadyCheck: false, // INFO is denied to many users; a server that loads says so itself
    maxRetriesPerRequest: null,
    retryStrategy: (times) =>
      established && persistent && !signal.aborted ? Math.min(50 * 2 ** times, LONGEST_PAUSE_MS) : null,
  });
  let cause: unknown;
  redis.on('error', (error: unknown) => {
    cause = error; // later ones come with the command that failed
  });
  const giveUp = () => {
    if (!established || !persistent) redis.disconnect();
    else setTimeout(() => hangUp(redis), GRACE_MS).unref();
  };
  signal.addEventListener('abort', giveUp, { once: true });
  redis.once('end', () => signal.removeEventListener('abort', giveUp));
  try {
    await redis.connect();
    // Connected, and yet refused: a password that nobody answered to, a database that is not there.
    if (cause !== undefined) throw cause;
    established = true;
    redis.on('reconnecting', onLost);
    return redis;
  } catch (error) {
    redis.disconnect();
    throw unreachable(target, fromRedis(cause ?? error));
  }
}

function unreachable(target: Target, reason: DevstateError): DevstateError {
  return new DevstateError('CONNECTION', `cannot reach ${target.shown}: ${reason.message}`, {
    cause: reason,
    hint: reason.hint ?? (reason.code === 'CONNECTION' ? HINT : 'check the URL'),
  });
}
