/**
 * Connects, or says in one line why not. Connected is who was answered, for some ports
 * take every connection and say nothing. A first connection that fails is final, and only
 * a persistent client comes back after a later loss; by Sentinel every client does, because
 * another master can be expected.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis, ReplyError } from 'ioredis';
import { DevstateError } from '../core/model/errors.js';
import type { Connection } from '../core/store/fleet.js';
import { isTooManyClients } from '../core/store/redis-errors.js';
import {
  type ConnectOptions,
  closeOnAbort,
  DEFAULT_OPTIONS,
  isUnreachable,
  REPLICA,
  retryDelay,
  TIMED_OUT,
  unreachable,
} from './connect-options.js';
import { SentinelConnector } from './sentinel.js';
import type { Target } from './target-url.js';

/** Between two looks for a master while another is being made one. */
const FAILOVER_PAUSE_MS = 100;

/** @throws DevstateError CONNECTION */
export async function connect(target: Target, options: ConnectOptions): Promise<Connection> {
  if (options.signal.aborted)
    throw new DevstateError('CONNECTION', `not connecting to ${target.shown}: it is to end`);
  if (!target.nodes) return connectServer(target, options);
  const { connectCluster } = await import('./cluster.js');
  return connectCluster(target, target.nodes, options);
}

/** One server, which Sentinel may have found. */
async function connectServer(target: Target, options: ConnectOptions): Promise<Redis> {
  const { timeoutMs, persistent, signal, onLost = () => {} } = options;
  const bySentinel = target.options.sentinels !== undefined;
  let established = false;
  const redis = new Redis({
    ...target.options,
    ...(bySentinel && { Connector: SentinelConnector }),
    lazyConnect: true,
    connectTimeout: timeoutMs,
    ...DEFAULT_OPTIONS,
    retryStrategy: (times) =>
      established && (persistent || bySentinel) && !signal.aborted ? retryDelay(times) : null,
  });
  await untilAnswered(redis, target, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
  established = true;
  closeOnAbort(signal, redis);
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
        if (!end.aborted) reason = isTooManyClients(error) ? error : (cause ?? error); // else it was cut off, and what was the matter before holds
        await closed(redis);
        const mayBeReplaced = bySentinel && isUnreachable(reason) && !end.aborted;
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

/**
 * Any reply is one, be it that this user may ask nothing, but for the one before it hangs up. A
 * replica's is none where a master is looked for.
 */
async function firstAnswer(redis: Redis, bySentinel: boolean): Promise<void> {
  try {
    // Flat names and values; every user may say HELLO who may say anything about a connection.
    const hello = bySentinel ? ((await redis.call('HELLO')) as unknown[]) : [await redis.ping()];
    if (hello[hello.indexOf('role') + 1] === 'replica') throw REPLICA;
  } catch (error) {
    if (!(error instanceof ReplyError) || isTooManyClients(error)) throw error;
  }
}
