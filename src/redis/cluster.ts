/**
 * A cluster, found by any of its nodes. All that the URL names are asked at once, so that
 * those which are away cost no time; who answers first is who is connected to. From then on
 * ioredis follows what moves: a command is passed on (MOVED, ASK), or tried again (TRYAGAIN,
 * a node that was lost) for as long as a request may take. So every client
 * comes back after a loss, persistent or not: another master can be expected.
 */
import { checkServerIdentity } from 'node:tls';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { DevstateError } from '../core/model/errors.js';
import { toDevstateError } from '../core/store/redis-errors.js';
import {
  type ConnectOptions,
  closeOnAbort,
  DEFAULT_OPTIONS,
  isUnreachable,
  retryDelay,
  TIMED_OUT,
  unreachable,
} from './connect-options.js';
import type { Address, Target } from './target-url.js';

/** Between two attempts of one command. */
const RETRY_MS = 100;
/** A node that does not answer is left for another by then. */
const PATIENCE_MS = 1000;
/** A node that hangs closes no connection: that another took its place is looked for. */
const LOOK_MS = 5000;

/** @throws DevstateError CONNECTION */
export async function connectCluster(
  target: Target,
  nodes: readonly Address[],
  { timeoutMs, persistent, signal, onLost = () => {} }: ConnectOptions,
): Promise<Cluster> {
  const end = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const patience = Math.min(timeoutMs, PATIENCE_MS);
  const redisOptions = { ...nodeOptions(target, nodes), connectTimeout: patience };
  const known = [await whoAnswers(target, nodes, { ...redisOptions, connectTimeout: timeoutMs }, end)];
  let established = false;
  const cluster = new Cluster(known, {
    redisOptions,
    lazyConnect: true,
    enableReadyCheck: false, // CLUSTER INFO
    dnsLookup: (name, done) => done(null, name), // what a certificate is for is a name
    clusterRetryStrategy: (times) => (established && !signal.aborted ? retryDelay(times) : null),
    maxRedirections: 2 * Math.ceil(timeoutMs / RETRY_MS), // an ASK does not wait; what it is followed by does
    retryDelayOnMoved: RETRY_MS,
    retryDelayOnTryAgain: RETRY_MS,
    retryDelayOnClusterDown: 0, // the fleet tries that again, and tells it in the end
    retryDelayOnFailover: RETRY_MS,
    slotsRefreshTimeout: patience,
  });
  cluster.on('error', () => {}); // commands say it
  const giveUp = () => cluster.disconnect();
  end.addEventListener('abort', giveUp);
  try {
    await cluster.connect();
  } catch (error) {
    throw unreachable(target, end.aborted ? TIMED_OUT : error, false);
  } finally {
    end.removeEventListener('abort', giveUp);
  }
  established = true;
  known.splice(0, 1, ...nodes); // where it looks when all that it knew are gone
  closeOnAbort(signal, cluster);
  // Not by ioredis' own option, whose timer may outlive the connection.
  const looking = setInterval(() => cluster.refreshSlotsCache(), LOOK_MS).unref();
  cluster.once('end', () => clearInterval(looking));
  if (persistent) cluster.on('reconnecting', onLost);
  return cluster;
}

/**
 * Nodes name each other by address, and often have certificates for names: a certificate is
 * good for the address that it was asked at, or for a name that the URL gives.
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

/** The first of the nodes to tell which server holds what. @throws DevstateError CONNECTION */
async function whoAnswers(
  target: Target,
  nodes: readonly Address[],
  options: RedisOptions,
  end: AbortSignal,
): Promise<Address> {
  const clients = nodes.map(
    (node) => new Redis({ ...options, ...node, lazyConnect: true, retryStrategy: () => null }),
  );
  const giveUp = () => {
    for (const client of clients) client.disconnect();
  };
  end.addEventListener('abort', giveUp);
  try {
    return await Promise.any(clients.map((client, i) => ask(client).then(() => nodes[i] as Address)));
  } catch (error) {
    const failures = (error as AggregateError).errors as NoAnswer[];
    const { reason, connected } =
      failures.find(({ reason }) => !isUnreachable(reason)) ?? (failures[0] as NoAnswer);
    throw unreachable(target, end.aborted && isUnreachable(reason) ? TIMED_OUT : reason, connected);
  } finally {
    end.removeEventListener('abort', giveUp);
    giveUp();
  }
}

class NoAnswer extends Error {
  readonly reason: unknown;
  readonly connected: boolean;

  constructor(reason: unknown, connected: boolean) {
    super();
    this.reason = reason;
    this.connected = connected;
  }
}

/** @throws NoAnswer */
async function ask(client: Redis): Promise<void> {
  let cause: unknown; // ioredis tells it only by this event
  client.on('error', (error: unknown) => {
    cause = error;
  });
  let connected = false;
  try {
    await client.connect();
    connected = true;
    const [range] = await client.cluster('SLOTS');
    if (!range) throw new DevstateError('CONNECTION', 'the cluster has no slots yet', FORM_IT);
    const [, , master] = range;
    if (!master?.[0]) throw new DevstateError('CONNECTION', 'the node does not know its address', MEET);
  } catch (error) {
    throw new NoAnswer(isNoCluster(error) ? NO_CLUSTER : (cause ?? error), connected);
  }
}

const FORM_IT = { hint: 'redis-cli --cluster create gives them' };
const MEET = { hint: 'set cluster-announce-ip, or let it meet another' };
const NO_CLUSTER = new DevstateError('CONNECTION', 'it is no cluster', { hint: 'name it redis://' });

function isNoCluster(error: unknown): boolean {
  return /cluster support disabled/.test(toDevstateError(error).message);
}
