/**
 * Connects, or says in one line why not. Connected is who was answered, for some ports
 * take every connection and say nothing. A first connection that fails is final, and only
 * a persistent client comes back after a later loss; by Sentinel every client does, because
 * another master can be expected.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis, ReplyError } from 'ioredis';
import { DevstateError, usage } from '../core/errors.js';
import { hangUp } from '../core/hang-up.js';
import { fromRedis, networkReason } from '../core/redis-errors.js';
import { SentinelConnector } from './sentinel.js';
import type { Target } from './target.js';

export interface ConnectOptions {
  /** For connecting and for each command, ms. */
  timeout: number;
  /** Comes back after a loss; commands wait for it within their timeout. */
  persistent: boolean;
  /** Gives up: at once, or once connected, soon. */
  signal: AbortSignal;
  /** A persistent client has lost its connection; called again with each attempt to come back. */
  onLost?: (() => void) | undefined;
}

const USUAL_HINT = 'start redis-server, or name yours with --url or DEVSTATE_URL; "devstate demo" needs none';
const LONGEST_PAUSE_MS = 1000;
/** Between two looks for a master while another is being made one. */
const FAILOVER_PAUSE_MS = 100;
/** What a command has to end what it has begun, even if the server is gone. */
const GRACE_MS = 500;
/** How long a connection that is closed already may keep the process (ioredis waits for its end again). */
const LINGER_MS = 100;

/** Sentinels may be behind for a moment. */
const REPLICA = new DevstateError('CONNECTION', 'it is a replica');
const TIMED_OUT = new DevstateError('CONNECTION', 'timed out');

/** @throws DevstateError CONNECTION; USAGE where it is a cluster */
export async function connect(target: Target, options: ConnectOptions): Promise<Redis> {
  const { timeout, persistent, signal, onLost = () => {} } = options;
  if (target.nodes) throw usage('clusters are not supported yet', 'name one server, or Sentinel');
  if (signal.aborted)
    throw new DevstateError('CONNECTION', `not connecting to ${target.shown}: it is to end`);
  const bySentinel = target.options.sentinels !== undefined;
  let established = false;
  const redis = new Redis({
    ...target.options,
    ...(bySentinel && { Connector: SentinelConnector }),
    lazyConnect: true,
    connectTimeout: timeout,
    disconnectTimeout: LINGER_MS,
    enableReadyCheck: false, // INFO is denied to many users; a server that loads says so itself
    disableClientInfo: true, // and so is CLIENT
    maxRetriesPerRequest: null,
    retryStrategy: (times) =>
      established && (persistent || bySentinel) && !signal.aborted
        ? Math.min(50 * 2 ** times, LONGEST_PAUSE_MS)
        : null,
  });
  await untilAnswered(redis, target, AbortSignal.any([signal, AbortSignal.timeout(timeout)]));
  established = true;
  const giveUp = () => setTimeout(() => hangUp(redis), GRACE_MS).unref();
  signal.addEventListener('abort', giveUp, { once: true });
  redis.once('end', () => signal.removeEventListener('abort', giveUp));
  if (persistent) redis.on('reconnecting', onLost);
  // Where it cannot be asked, it has been lost again.
  if (bySentinel) redis.on('ready', () => void firstAnswer(redis, true).catch(() => redis.disconnect(true)));
  return redis;
}

/** Until `end`: once, or as often as the sentinels name a master that is away. @throws CONNECTION */
async function untilAnswered(redis: Redis, target: Target, end: AbortSignal): Promise<void> {
  const bySentinel = target.options.sentinels !== undefined;
  let cause: unknown; // ioredis tells it only by this event
  redis.on('error', (error: unknown) => {
    cause = error; // later ones come with the command that failed
  });
  const giveUp = () => redis.disconnect();
  end.addEventListener('abort', giveUp);
  let reason: unknown;
  try {
    for (;;) {
      let connected = false;
      cause = undefined;
      try {
        await redis.connect();
        connected = true;
        await firstAnswer(redis, bySentinel);
        // Answered, and yet refused: a wrong password, a database that is not there.
        if (cause !== undefined) throw cause;
        return;
      } catch (error) {
        if (!end.aborted) reason = cause ?? error; // else it was cut off, and what was the matter before holds
        await closed(redis);
        const mayBeReplaced = bySentinel && isAway(reason) && !end.aborted;
        if (mayBeReplaced) await sleep(FAILOVER_PAUSE_MS);
        if (!mayBeReplaced || end.aborted) throw unreachable(target, reason ?? TIMED_OUT, connected);
      }
    }
  } finally {
    end.removeEventListener('abort', giveUp);
  }
}

function closed(redis: Redis): Promise<void> {
  return new Promise((resolve) => {
    if (redis.status === 'end') return resolve();
    redis.once('end', resolve);
    redis.disconnect();
  });
}

/** Any reply is one, be it that this user may ask nothing. A replica's is none where a master is looked for. */
async function firstAnswer(redis: Redis, bySentinel: boolean): Promise<void> {
  try {
    // Flat names and values; every user may say HELLO who may say anything about a connection.
    const hello = bySentinel ? ((await redis.call('HELLO')) as unknown[]) : [await redis.ping()];
    if (hello[hello.indexOf('role') + 1] === 'replica') throw REPLICA;
  } catch (error) {
    if (!(error instanceof ReplyError)) throw error;
  }
}

function isAway(reason: unknown): boolean {
  return reason === REPLICA || (reason instanceof Error && networkReason(reason) !== null);
}

function unreachable({ shown, options }: Target, reason: unknown, connected: boolean): DevstateError {
  const known = fromRedis(reason);
  let { message, hint } = known;
  if (options.sentinels && isAway(reason)) {
    message = `no master where the sentinels say: ${message}`;
    hint = 'give them the time to name another: --request-timeout';
  } else if (message === 'timed out') {
    if (options.tls) hint = 'see whether it is well, and speaks TLS: a plain port wants redis://';
  } else if (connected && isAway(reason)) {
    message = 'it hung up without an answer';
    hint = options.tls ? "see the server's log" : 'a port that speaks TLS wants rediss://';
  }
  hint ??= known.code === 'CONNECTION' ? USUAL_HINT : 'check the URL';
  return new DevstateError('CONNECTION', `cannot reach ${shown}: ${message}`, { cause: known, hint });
}
