/**
 * Connects to one server, to a master by Sentinel, or to a cluster, for the command line; and makes the clients of the
 * library, which connect at their first request. Both follow the same policy (policy.ts). The first connection of the
 * command line is tried again only if the server does not answer in time; any other failure ends it at once. After
 * that, and in the library, a lost connection is made again until the client is closed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis, type RedisOptions } from 'ioredis';
import { onAbort } from '../core/async/abort.js';
import { DevstateError } from '../core/model/errors.js';
import { closeConnection } from '../core/store/close-connection.js';
import type { Link } from '../core/store/link.js';
import { timedOut } from '../core/store/network-errors.js';
import { isAnswer } from './answers.js';
import { CheckedSentinelConnector } from './checked-sentinel.js';
import { isUnreachable, REPLICA, unreachable } from './connect-errors.js';
import { type ConnectOptions, closeOnAbort, limitedSignal } from './connect-options.js';
import { clientPolicy, reconnectDelayMs } from './policy.js';
import { SentinelConnector } from './sentinel.js';
import { ServerConnector } from './server-connector.js';
import { ServerLink } from './server-link.js';
import type { Target } from './target-url.js';

/**
 * The pause before the sentinels are asked again, while the master that they named cannot be reached, ms. Without
 * it, connecting would ask them in a tight loop until they name another master.
 */
const FAILOVER_PAUSE_MS = 100;

/** Connects to the server or cluster of a URL. @throws DevstateError CONNECTION */
export async function connect(target: Target, given: ConnectOptions): Promise<Link> {
  const { signal, onLost } = given;
  if (signal.aborted) throw new DevstateError('CONNECTION', `not connecting to ${target.shown}: interrupted`);
  const options = { ...given, onLost: () => (signal.aborted ? undefined : onLost?.()) };
  if (!target.nodes) return connectServer(target, options);
  const { connectCluster } = await import('./cluster.js');
  return connectCluster(target, target.nodes, options);
}

/**
 * Returns the link of a client for these options of ioredis, which connects at the first request.
 * @param timeoutMs the request timeout, ms
 * @param onLost called when the connection was lost before the answer to a request
 */
export function createLink(options: RedisOptions, timeoutMs: number, onLost?: () => void): ServerLink {
  const bySentinel = options.sentinels !== undefined;
  const client: Redis = new Redis({
    ...options,
    ...clientPolicy(timeoutMs),
    ...(options.password && { username: options.username || 'default' }), // without a user name, ioredis would print a warning on stderr if the server requires no password
    retryStrategy: () => reconnectDelayMs(link.attempts, timeoutMs),
    Connector: connectorFor(options),
  });
  const link: ServerLink = new ServerLink(client, {
    ownTimeoutMs: timeoutMs,
    onLost,
    name: options.connectionName,
    ...(bySentinel && { verify: verifyMaster }),
  });
  return link;
}

/**
 * Returns the class that connects. Some options of a caller of the library only the Sentinel connector of ioredis knows.
 * That connector is slower when a sentinel cannot be reached, and is not told of a failover.
 */
function connectorFor(options: RedisOptions): NonNullable<RedisOptions['Connector']> {
  const { sentinels, tls, enableTLSForSentinelMode = false, role } = options;
  if (sentinels === undefined) return ServerConnector;
  const isOther = ['sentinelTLS', 'natMap', 'preferredSlaves', 'sentinelRetryStrategy'].some(
    (name) => name in options,
  );
  const needsOther = isOther || role === 'slave' || (tls !== undefined && !enableTLSForSentinelMode);
  return needsOther ? CheckedSentinelConnector : SentinelConnector;
}

/** Connects to one server: the one of the URL, or the master that the sentinels name. @throws DevstateError CONNECTION */
async function connectServer(target: Target, options: ConnectOptions): Promise<Link> {
  const { timeoutMs, signal, onLost = () => {} } = options;
  const link = createLink(target.options, timeoutMs, onLost);
  const { client } = link;
  // Until the first connection has succeeded, only a silent server is connected to again: any other failure is reported
  // at once.
  client.options.retryStrategy = () =>
    link.problem?.reason === 'TIMED_OUT' ? reconnectDelayMs(link.attempts, timeoutMs) : null;
  const attempt = limitedSignal(signal, timeoutMs);
  try {
    await untilAnswered(link, target, attempt.signal);
  } finally {
    attempt.end();
  }
  client.options.retryStrategy = () => {
    if (signal.aborted) return null;
    if (link.attempts > 1) onLost();
    return reconnectDelayMs(link.attempts, timeoutMs);
  };
  closeOnAbort(signal, client);
  return link;
}

/**
 * Connects, and resolves once the server has answered a command. By Sentinel it tries again, until `signal` is
 * aborted, while the master cannot be reached: the sentinels may name another one. Without Sentinel only a server that
 * does not answer in time is tried again; any other failure is final.
 * @throws DevstateError CONNECTION
 */
async function untilAnswered(link: ServerLink, target: Target, signal: AbortSignal): Promise<void> {
  const { client } = link;
  const bySentinel = target.options.sentinels !== undefined;
  const giveUp = () => closeConnection(client);
  const stopListening = onAbort(signal, giveUp);
  let reason: unknown;
  try {
    for (;;) {
      let connected = false;
      const onReady = () => {
        connected = true;
      };
      client.once('ready', onReady);
      try {
        await (client.status === 'end' ? client.connect().then(() => link.answered()) : link.answered());
        return;
      } catch (error) {
        // When connecting is aborted, the caught error comes from our own disconnect. It must not replace the error
        // of the previous attempt, which tells why connecting failed.
        if (!signal.aborted) reason = link.failure ?? error;
        await closed(client);
        const mayBeReplaced = bySentinel && isUnreachable(reason) && !signal.aborted;
        if (mayBeReplaced) await sleep(FAILOVER_PAUSE_MS);
        if (!mayBeReplaced || signal.aborted) throw unreachable(target, reason ?? timedOut(), connected);
      } finally {
        client.off('ready', onReady);
      }
    }
  } finally {
    stopListening();
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
 * Checks that the server is a master: after a failover the sentinels may name a server that still is a replica, or a
 * reconnected master that has become one.
 * @throws REPLICA
 */
async function verifyMaster(client: Redis): Promise<void> {
  // HELLO replies with the server's role, in a flat list of names and values. Its ACL categories are those of PING
  // (@fast, @connection), so most users may send it; if one may not, a replica is noticed by its reply READONLY.
  try {
    const hello = await client.call('HELLO');
    if (Array.isArray(hello) && hello[hello.indexOf('role') + 1] === 'replica') throw REPLICA;
  } catch (error) {
    if (error === REPLICA || !isAnswer(error)) throw error;
  }
}
