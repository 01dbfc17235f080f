/**
 * Connects to a target. A connection counts as established once the server has answered a command, because
 * some ports accept every TCP connection and never answer. If the first connection fails, `connect` rejects;
 * after a later loss only persistent clients reconnect, and those by Sentinel, which gets them the new master.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis, ReplyError } from 'ioredis';
import { DevstateError } from '../core/model/errors.js';
import type { Connection } from '../core/store/connection.js';
import { isTooManyClients } from '../core/store/reply-errors.js';
import { isUnreachable, REPLICA, TIMED_OUT, unreachable } from './connect-errors.js';
import { type ConnectOptions, closeOnAbort, DEFAULT_OPTIONS, reconnectDelayMs } from './connect-options.js';
import { SentinelConnector } from './sentinel.js';
import type { Target } from './target-url.js';

/** During a failover: the pause before the sentinels are asked again for a master. */
const FAILOVER_PAUSE_MS = 100;

/** @throws DevstateError CONNECTION */
export async function connect(target: Target, options: ConnectOptions): Promise<Connection> {
  if (options.signal.aborted)
    throw new DevstateError('CONNECTION', `not connecting to ${target.shown}: interrupted`);
  if (!target.nodes) return connectServer(target, options);
  const { connectCluster } = await import('./cluster.js');
  return connectCluster(target, target.nodes, options);
}

/** Connects to one server: the one of the URL, or the master that the sentinels name. @throws DevstateError CONNECTION */
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
    retryStrategy: (attempt) =>
      established && (persistent || bySentinel) && !signal.aborted ? reconnectDelayMs(attempt) : null,
  });
  await untilAnswered(redis, target, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
  established = true;
  closeOnAbort(signal, redis);
  if (persistent) redis.on('reconnecting', onLost);
  // Each reconnection may have reached a replica or a server that hangs: then it reconnects again.
  if (bySentinel) redis.on('ready', () => void firstAnswer(redis, true).catch(() => redis.disconnect(true)));
  return redis;
}

/**
 * Resolves once the server has answered. By Sentinel, tries again until `signal` is aborted while the master
 * cannot be reached, because the sentinels may name another one; otherwise one attempt is made.
 * @throws DevstateError CONNECTION
 */
async function untilAnswered(redis: Redis, target: Target, signal: AbortSignal): Promise<void> {
  const bySentinel = target.options.sentinels !== undefined;
  let cause: unknown;
  // Only this event has the cause: `connect()` rejects with a bare "Connection is closed.".
  redis.on('error', (error: unknown) => {
    cause = error;
  });
  const giveUp = () => redis.disconnect();
  signal.addEventListener('abort', giveUp);
  let reason: unknown;
  try {
    for (;;) {
      let connected = false;
      cause = undefined;
      try {
        await redis.connect();
        connected = true;
        await firstAnswer(redis, bySentinel);
        // AUTH or SELECT has failed (wrong password, no such database), although PING was answered.
        if (cause !== undefined) throw cause;
        return;
      } catch (error) {
        // After an abort the error is that of our own disconnect; the reason of the attempt before is kept.
        if (!signal.aborted) reason = isTooManyClients(error) ? error : (cause ?? error);
        await closed(redis);
        const mayBeReplaced = bySentinel && isUnreachable(reason) && !signal.aborted;
        if (mayBeReplaced) await sleep(FAILOVER_PAUSE_MS);
        if (!mayBeReplaced || signal.aborted) throw unreachable(target, reason ?? TIMED_OUT, connected);
      }
    }
  } finally {
    signal.removeEventListener('abort', giveUp);
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
 * Resolves once the server has replied; an error reply counts too, since a restricted user may be denied PING.
 * By Sentinel the server must be a master.
 * @throws REPLICA, and ioredis' error if there was no reply or the server has too many clients
 */
async function firstAnswer(redis: Redis, bySentinel: boolean): Promise<void> {
  try {
    // HELLO replies with a flat list of names and values. Its ACL categories are those of PING (@fast, @connection).
    const hello = bySentinel ? ((await redis.call('HELLO')) as unknown[]) : [await redis.ping()];
    if (hello[hello.indexOf('role') + 1] === 'replica') throw REPLICA;
  } catch (error) {
    if (!(error instanceof ReplyError) || isTooManyClients(error)) throw error;
  }
}
