/**
 * Connects to a cluster through the first of its nodes that answers. All nodes of the URL are asked at once, so
 * that unreachable ones cost no time. Once connected, ioredis follows redirections (MOVED, ASK) and repeats commands
 * after TRYAGAIN, within the request timeout.
 */
import { checkServerIdentity } from 'node:tls';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { onAbort } from '../core/async/abort.js';
import { DevstateError } from '../core/model/errors.js';
import type { Link } from '../core/store/link.js';
import { timedOut } from '../core/store/network-errors.js';
import { toDevstateError } from '../core/store/redis-errors.js';
import { ClusterLink } from './cluster-link.js';
import { refuseBadSlots } from './cluster-slots.js';
import { isUnreachable, unreachable } from './connect-errors.js';
import { type ConnectOptions, closeOnAbort, limitedSignal } from './connect-options.js';
import { nodeConnector } from './node-connector.js';
import { clientPolicy, clusterPolicy, reconnectDelayMs } from './policy.js';
import { ServerConnector } from './server-connector.js';
import type { Address, Target } from './target-url.js';

/**
 * The pause before ioredis sends a command again that a node has redirected or could not serve, ms. The number of
 * repetitions (`maxRedirections`) is computed from it, so that they last for half of the request timeout: then the call
 * knows that no node has done it, and sends it again.
 */
const RETRY_MS = 100;
/**
 * The time between two reads of the slots (which node serves which keys), ms. A node that hangs keeps its
 * connections open; the slots show earlier than the silence watch that another node has replaced it.
 */
const SLOTS_REFRESH_MS = 5000;

/** Connects to the cluster that has these nodes, and reads its slots regularly. @throws DevstateError CONNECTION */
export async function connectCluster(
  target: Target,
  nodes: readonly Address[],
  options: ConnectOptions,
): Promise<Link> {
  const { timeoutMs, signal } = options;
  refuseBadSlots();
  const attempt = limitedSignal(signal, timeoutMs);
  try {
    const first = await firstToAnswer(target, nodes, nodeOptions(target, nodes, timeoutMs), attempt.signal);
    return await connectThrough(first, attempt.signal, target, nodes, options);
  } finally {
    attempt.end();
  }
}

/**
 * Connects through one of the nodes.
 * @param attempt aborts when connecting has taken too long, or `options.signal` aborts
 */
async function connectThrough(
  first: Address,
  attempt: AbortSignal,
  target: Target,
  nodes: readonly Address[],
  { timeoutMs, signal, onLost = () => {} }: ConnectOptions,
): Promise<Link> {
  const startupNodes = [first];
  let established = false;
  const Connector = nodeConnector(() => cluster, timeoutMs / 4);
  const cluster: Cluster = new Cluster(startupNodes, {
    ...clusterPolicy(timeoutMs),
    redisOptions: { ...nodeOptions(target, nodes, timeoutMs), Connector },
    // Keeps host names instead of resolving them: certificates are checked against the names.
    dnsLookup: (name, done) => done(null, name),
    clusterRetryStrategy(count) {
      if (!established || signal.aborted) return null;
      if (count > 1) onLost();
      return reconnectDelayMs(count, timeoutMs);
    },
    // Twice the number of pauses that fit into the timeout: each repetition may also be redirected by an ASK, which has
    // no pause.
    maxRedirections: Math.ceil(timeoutMs / RETRY_MS / 2) + 2,
    retryDelayOnMoved: RETRY_MS,
    retryDelayOnTryAgain: RETRY_MS,
  });
  const name = target.options.connectionName;
  const link = new ClusterLink(cluster, { ownTimeoutMs: timeoutMs, onLost, name });
  const stopListening = onAbort(attempt, () => cluster.disconnect());
  try {
    await cluster.connect();
  } catch (error) {
    throw unreachable(target, attempt.aborted ? timedOut() : error, false);
  } finally {
    stopListening();
  }
  established = true;
  // From now on all nodes of the URL: ioredis asks them for the slots when all nodes that it knows from the slots are
  // gone.
  startupNodes.splice(0, 1, ...nodes);
  closeOnAbort(signal, cluster);
  // ioredis' option `slotsRefreshInterval` is not used, because its timer may outlive the connection; this timer
  // ends with it.
  const refresh = setInterval(() => cluster.refreshSlotsCache(), SLOTS_REFRESH_MS).unref();
  cluster.once('end', () => clearInterval(refresh));
  return link;
}

/**
 * Returns ioredis' options for a connection to a node. The slots often name nodes by IP address, while certificates
 * are for host names. So a certificate is accepted if it is valid for the node's address or for any host of the
 * URL.
 */
function nodeOptions({ options }: Target, nodes: readonly Address[], timeoutMs: number): RedisOptions {
  const all = { ...options, ...clientPolicy(timeoutMs), Connector: ServerConnector };
  if (!options.tls) return all;
  const check: typeof checkServerIdentity = (host, certificate) => {
    const names = [host, ...nodes.map((node) => node.host)];
    const problems = names.map((name) => checkServerIdentity(name, certificate));
    return problems.includes(undefined) ? undefined : problems[0];
  };
  return { ...all, tls: { ...options.tls, checkServerIdentity: check } };
}

/**
 * Returns the first of the nodes that replies with the slots of its cluster.
 * @throws DevstateError CONNECTION: no node does
 */
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
  const stopListening = onAbort(signal, giveUp);
  try {
    return await Promise.any(clients.map((client, i) => askForSlots(client).then(() => nodes[i] as Address)));
  } catch (error) {
    const failures = (error as AggregateError).errors as NodeFailure[];
    const { reason, connected } =
      failures.find(({ reason }) => !isUnreachable(reason)) ?? (failures[0] as NodeFailure);
    throw unreachable(target, signal.aborted && isUnreachable(reason) ? timedOut() : reason, connected);
  } finally {
    stopListening();
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

/**
 * Resolves once the node has replied with the slots of its cluster.
 * @throws NodeFailure: the node cannot be reached, belongs to no cluster, or has no slots or address to tell
 */
async function askForSlots(client: Redis): Promise<void> {
  let cause: unknown;
  // Only the error event has the cause: `connect()` rejects with a bare "Connection is closed." whatever failed.
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
