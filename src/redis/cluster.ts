/**
 * Connects to a cluster by the first of its nodes that answers. All nodes of the URL are asked at once, so that
 * unreachable ones cost no time. From then on ioredis redirects commands (MOVED, ASK) and repeats them
 * (TRYAGAIN, a lost node) within the request timeout. Every client reconnects after a loss, persistent or
 * not, because the cluster promotes another master.
 */
import { checkServerIdentity } from 'node:tls';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { DevstateError } from '../core/model/errors.js';
import { toDevstateError } from '../core/store/redis-errors.js';
import { isUnreachable, TIMED_OUT, unreachable } from './connect-errors.js';
import { type ConnectOptions, closeOnAbort, DEFAULT_OPTIONS, reconnectDelayMs } from './connect-options.js';
import type { Address, Target } from './target-url.js';

/** The pause between two attempts of one command. */
const RETRY_MS = 100;
/** A node that has not answered by then is skipped. */
const NODE_TIMEOUT_MS = 1000;
/** How often the slots are read: a node that hangs keeps its connections open, so nothing else shows a failover. */
const SLOTS_REFRESH_MS = 5000;

/** @throws DevstateError CONNECTION */
export async function connectCluster(
  target: Target,
  nodes: readonly Address[],
  { timeoutMs, persistent, signal, onLost = () => {} }: ConnectOptions,
): Promise<Cluster> {
  const gaveUp = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const nodeTimeoutMs = Math.min(timeoutMs, NODE_TIMEOUT_MS);
  const redisOptions = { ...nodeOptions(target, nodes), connectTimeout: nodeTimeoutMs };
  const first = await firstToAnswer(target, nodes, { ...redisOptions, connectTimeout: timeoutMs }, gaveUp);
  const startupNodes = [first];
  let established = false;
  const cluster = new Cluster(startupNodes, {
    redisOptions,
    lazyConnect: true,
    enableReadyCheck: false, // it sends CLUSTER INFO, which many users may not
    dnsLookup: (name, done) => done(null, name), // keeps the names, which certificates are checked against
    clusterRetryStrategy: (attempt) => (established && !signal.aborted ? reconnectDelayMs(attempt) : null),
    maxRedirections: 2 * Math.ceil(timeoutMs / RETRY_MS), // twice: every retry may be redirected once more by an ASK, which has no pause
    retryDelayOnMoved: RETRY_MS,
    retryDelayOnTryAgain: RETRY_MS,
    retryDelayOnClusterDown: 0, // no retries here: the fleet repeats the command, and reports CLUSTERDOWN in the end
    retryDelayOnFailover: RETRY_MS,
    slotsRefreshTimeout: nodeTimeoutMs,
  });
  cluster.on('error', () => {}); // the commands that fail report it
  const giveUp = () => cluster.disconnect();
  gaveUp.addEventListener('abort', giveUp);
  try {
    await cluster.connect();
  } catch (error) {
    throw unreachable(target, gaveUp.aborted ? TIMED_OUT : error, false);
  } finally {
    gaveUp.removeEventListener('abort', giveUp);
  }
  established = true;
  startupNodes.splice(0, 1, ...nodes); // ioredis asks these when all nodes it knew are gone
  closeOnAbort(signal, cluster);
  // ioredis' own option (slotsRefreshInterval) is not used: its timer may outlive the connection.
  const refresh = setInterval(() => cluster.refreshSlotsCache(), SLOTS_REFRESH_MS).unref();
  cluster.once('end', () => clearInterval(refresh));
  if (persistent) cluster.on('reconnecting', onLost);
  return cluster;
}

/**
 * Nodes give each other's IP addresses, while their certificates are often for host names: a certificate is
 * accepted if it is valid for the address connected to or for any host of the URL.
 */
function nodeOptions({ options }: Target, nodes: readonly Address[]): RedisOptions {
  if (!options.tls) return { ...options, ...DEFAULT_OPTIONS };
  const check: typeof checkServerIdentity = (host, certificate) => {
    const names = [host, ...nodes.map((node) => node.host)];
    const problems = names.map((name) => checkServerIdentity(name, certificate));
    return problems.includes(undefined) ? undefined : problems[0];
  };
  return { ...options, ...DEFAULT_OPTIONS, tls: { ...options.tls, checkServerIdentity: check } };
}

/** The first node that replies with the slots of its cluster. @throws DevstateError CONNECTION */
async function firstToAnswer(
  target: Target,
  nodes: readonly Address[],
  options: RedisOptions,
  signal: AbortSignal,
): Promise<Address> {
  const clients = nodes.map(
    (node) => new Redis({ ...options, ...node, lazyConnect: true, retryStrategy: () => null }),
  );
  const giveUp = () => {
    for (const client of clients) client.disconnect();
  };
  signal.addEventListener('abort', giveUp);
  try {
    return await Promise.any(clients.map((client, i) => askForSlots(client).then(() => nodes[i] as Address)));
  } catch (error) {
    const failures = (error as AggregateError).errors as NodeFailure[];
    const { reason, connected } =
      failures.find(({ reason }) => !isUnreachable(reason)) ?? (failures[0] as NodeFailure);
    throw unreachable(target, signal.aborted && isUnreachable(reason) ? TIMED_OUT : reason, connected);
  } finally {
    signal.removeEventListener('abort', giveUp);
    giveUp();
  }
}

class NodeFailure extends Error {
  readonly reason: unknown;
  readonly connected: boolean;

  constructor(reason: unknown, connected: boolean) {
    super();
    this.reason = reason;
    this.connected = connected;
  }
}

/** @throws NodeFailure */
async function askForSlots(client: Redis): Promise<void> {
  let cause: unknown;
  // Only this event has the cause: `connect()` rejects with a bare "Connection is closed.".
  client.on('error', (error: unknown) => {
    cause = error;
  });
  let connected = false;
  try {
    await client.connect();
    connected = true;
    const [range] = await client.cluster('SLOTS');
    if (!range)
      throw new DevstateError('CONNECTION', 'the cluster has no slots assigned', { reason: 'NO_SLOTS' });
    const [, , master] = range;
    if (!master?.[0])
      throw new DevstateError('CONNECTION', 'the node does not know its own address', {
        reason: 'NO_NODE_ADDRESS',
      });
  } catch (error) {
    throw new NodeFailure(isClusterDisabled(error) ? NOT_A_CLUSTER : (cause ?? error), connected);
  }
}

const NOT_A_CLUSTER = new DevstateError('CONNECTION', 'the server is not a cluster node', {
  reason: 'NOT_A_CLUSTER',
});

function isClusterDisabled(error: unknown): boolean {
  return /cluster support disabled/.test(toDevstateError(error).message);
}
