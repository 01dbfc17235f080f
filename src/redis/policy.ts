/**
 * The one connection policy: the options of ioredis for every client that devstate makes, except those of sentinels.
 * ioredis queues nothing, and sends nothing again after a lost connection. On a cluster it follows redirections, and
 * only for them queues commands while it connects to the node; and it repeats after TRYAGAIN. Requests wait in devstate
 * until the server has answered (server-link.ts), and core/store/call.ts decides what may be sent again. T stands for
 * the request timeout.
 */
import type { ClusterOptions, RedisOptions } from 'ioredis';

/**
 * Returns the options for a connection to one server: alone, by Sentinel, a node of a cluster, or of a subscription.
 * @param timeoutMs the request timeout, ms
 */
export function clientPolicy(timeoutMs: number) {
  return {
    lazyConnect: true,
    enableReadyCheck: false, // the check sends INFO, which the ACL of many users denies; the answer to TIME shows that a server is ready
    disableClientInfo: true, // otherwise ioredis sends CLIENT SETINFO, which the ACL of many users denies
    enableOfflineQueue: false, // the queue has no bound, and sends commands long after their callers have given up
    autoResendUnfulfilledCommands: false, // would send a write again that may have been done
    connectionName: undefined, // ioredis would wait for the reply to CLIENT SETNAME before `ready`, and never reconnect if the connection is lost meanwhile; name-connection.ts sends it
    autoResubscribe: false, // ioredis reports neither success nor refusal; core/pubsub subscribes again
    maxRetriesPerRequest: 0, // with a larger number, commands without a reply stay pending if the next attempt connects
    connectTimeout: Math.ceil(timeoutMs / 2), // leaves time for a second attempt
    keepAlive: timeoutMs, // the kernel probes an idle connection after this time
    disconnectTimeout: 0, // closes without waiting for the server, which may hang
    retryStrategy: (attempt: number) => reconnectDelayMs(attempt, timeoutMs),
    stringNumbers: false, // the forms of replies tell numbers from texts (core/store/replies.ts)
    // Options of a caller that would reject a request, and the probe for silence, before their time.
    commandTimeout: undefined,
    socketTimeout: undefined,
    blockingTimeout: undefined,
  } as RedisOptions;
}

/** Returns the options for a client of a cluster; its nodes have those of `clientPolicy`. */
export function clusterPolicy(timeoutMs: number) {
  return {
    lazyConnect: true,
    enableReadyCheck: false, // the check sends CLUSTER INFO, which the ACL of many users denies
    enableOfflineQueue: true, // false refuses every command that is redirected to a node which is being connected; cluster-link.ts sends nothing before a node is connected
    retryDelayOnFailover: 0, // 0: a command that was lost with its node is not sent again
    retryDelayOnClusterDown: 0, // 0: core/store/call.ts sends again after CLUSTERDOWN
    slotsRefreshTimeout: Math.ceil(timeoutMs / 2),
    clusterRetryStrategy: (attempt: number) => reconnectDelayMs(attempt, timeoutMs),
  } satisfies ClusterOptions;
}

/** Returns the pause before an attempt to reconnect, ms: 50 ms × 2^attempt, at most T / 4. */
export function reconnectDelayMs(attempt: number, timeoutMs: number): number {
  return Math.min(50 * 2 ** attempt, timeoutMs / 4);
}
