/**
 * Connects to one server, to a master by Sentinel, or to a cluster. A connection to a server counts as established
 * once the server has answered a command, because some ports accept every TCP connection and never answer. After a
 * loss, a client of one server reconnects only if it is persistent. A client by Sentinel or of a cluster always
 * reconnects, because another master may have taken over.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis, ReplyError } from 'ioredis';
import { linkAbort } from '../core/async/abort.js';
import { DevstateError } from '../core/model/errors.js';
import type { Connection } from '../core/store/connection.js';
import { isTooManyClients } from '../core/store/reply-errors.js';
import { isUnreachable, REPLICA, TIMED_OUT, unreachable } from './connect-errors.js';
import { type ConnectOptions, closeOnAbort, DEFAULT_OPTIONS, reconnectDelayMs } from './connect-options.js';
import { SentinelConnector } from './sentinel.js';
import type { Target } from './target-url.js';

/**
 * The pause before the sentinels are asked again, while the master that they named cannot be reached, ms. Without
 * it, connecting would ask them in a tight loop until they name another master.
 */
const FAILOVER_PAUSE_MS = 100;

/** Connects to the server or cluster of a URL. @throws DevstateError CONNECTION */
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
    lazyConnect: true,
    connectTimeout: timeoutMs,
    ...DEFAULT_OPTIONS,
    ...(bySentinel && { Connector: SentinelConnector }),
    retryStrategy: (attempt) =>
      established && (persistent || bySentinel) && !signal.aborted ? reconnectDelayMs(attempt) : null,
  });
  const giveUp = linkAbort(signal, AbortSignal.timeout(timeoutMs));
  try {
    await untilAnswered(redis, target, giveUp.signal);
  } finally {
    giveUp.unlink();
  }
  established = true;
  closeOnAbort(signal, redis);
  if (persistent) redis.on('reconnecting', onLost);
  // After a reconnection by Sentinel, the server may be a replica or may not answer the first command. Then the
  // client disconnects and reconnects, which asks the sentinels again.
  if (bySentinel) redis.on('ready', () => void firstAnswer(redis, true).catch(() => redis.disconnect(true)));
  return redis;
}

/**
 * Connects, and resolves once the server has answered a command. By Sentinel it tries again, until `signal` is
 * aborted, while the master cannot be reached: the sentinels may name another one. Without Sentinel it makes one
 * attempt.
 * @throws DevstateError CONNECTION
 */
async function untilAnswered(redis: Redis, target: Target, signal: AbortSignal): Promise<void> {
  const bySentinel = target.options.sentinels !== undefined;
  let cause: unknown;
  // Only the error event has the cause: `connect()` rejects with a bare "Connection is closed." whatever failed.
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
        // The server has answered, but an error event shows that AUTH or SELECT failed (wrong password, no such
        // database). So connecting counts as failed.
        if (cause !== undefined) throw cause;
        return;
      } catch (error) {
        // When connecting is aborted, the caught error comes from our own disconnect. It must not replace the error
        // of the previous attempt, which tells why connecting failed.
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
 * Sends a command and resolves once the server has replied. An error reply counts too, because the ACL may deny a
 * user PING. By Sentinel it also checks that the server is a master.
 * @throws REPLICA: by Sentinel, the server is a replica
 * @throws an error of ioredis: there was no reply, or the server has too many clients
 */
async function firstAnswer(redis: Redis, bySentinel: boolean): Promise<void> {
  try {
    // By Sentinel, HELLO is sent instead of PING, because it replies with the server's role (in a flat list of
    // names and values). Its ACL categories are those of PING (@fast, @connection), so most users who may send
    // PING may send HELLO.
    const hello = bySentinel ? ((await redis.call('HELLO')) as unknown[]) : [await redis.ping()];
    if (hello[hello.indexOf('role') + 1] === 'replica') throw REPLICA;
  } catch (error) {
    if (!(error instanceof ReplyError) || isTooManyClients(error)) throw error;
  }
}
