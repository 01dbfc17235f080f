/**
 * The link to a cluster: a link to each node (server-link.ts), and the lookup of the node that holds a key. A request
 * waits until that node has answered. If the node is lost, the cluster is asked for its slots until it names a node
 * that answers.
 */
import type { Cluster, Redis } from 'ioredis';
import type { DevstateError } from '../core/model/errors.js';
import { DEFAULT_REQUEST_TIMEOUT_MS } from '../core/model/numeric-options.js';
import { nodeOf } from '../core/store/cluster-keys.js';
import type { Link, ServerClock, WaitingRequest } from '../core/store/link.js';
import { connectionLost } from '../core/store/network-errors.js';
import { toDevstateError } from '../core/store/redis-errors.js';
import { isDenied } from '../core/store/reply-errors.js';
import { reconnectDelayMs } from './policy.js';
import { ServerLink, type ServerLinkOptions } from './server-link.js';
import { Subscribers } from './subscribers.js';
import { UnansweredRequests } from './unanswered-requests.js';

/** For requests without a key: they are reads, which need no time. */
const NO_CLOCK: ServerClock = { timeAt: () => undefined, renew: () => {} };

type ClusterLinkOptions = Omit<ServerLinkOptions, 'verify'>;

export class ClusterLink implements Link {
  readonly client: Cluster;
  readonly #options: ClusterLinkOptions;
  /** The link to each node whose client has not ended and was not closed. */
  readonly #nodes = new Map<Redis, ServerLink>();
  /** Requests whose node is not known at present, or was lost. */
  readonly #waiting = new Set<RoutedRequest>();
  readonly #subscribers: Subscribers;
  #problem: DevstateError | undefined;
  readonly #unanswered: UnansweredRequests;
  #searchTimer: NodeJS.Timeout | undefined;
  #searches = 0;

  constructor(client: Cluster, options: ClusterLinkOptions = {}) {
    this.client = client;
    this.#options = options;
    this.#unanswered = new UnansweredRequests(options, () => this.#checkSilence());
    this.#subscribers = new Subscribers(client, options.name);
    client.on('+node', (node: Redis) => this.#linkOf(node));
    client.on('-node', () => {
      this.#closeForgotten();
      this.#search();
    });
    client.on('refresh', () => this.#routeWaiting());
    client.on('ready', () => {
      this.#problem = undefined;
      this.#routeWaiting();
    });
    client.on('end', () => {
      this.#closeForgotten();
      this.#refuseAll();
    });
    client.on('error', (error: unknown) => {
      this.#problem = toDevstateError(error);
    });
    for (const node of client.nodes()) this.#linkOf(node);
  }

  get problem(): DevstateError | undefined {
    return this.#problem;
  }

  clockOf(key: string): ServerClock | undefined {
    return this.linkFor(key)?.clockOf();
  }

  whenOpen(key: string | undefined, request: WaitingRequest): () => void {
    const link = this.linkFor(key);
    if (link?.isOpen) return link.whenOpen(key, request);
    if (key === undefined && this.client.status === 'ready') {
      request.onOpen(NO_CLOCK);
      return () => {};
    }
    const routed = new RoutedRequest(this, key, request);
    routed.route();
    return () => routed.stop();
  }

  /** Returns the link to the node that holds a key; undefined: it is not known, or there is no key. */
  linkFor(key: string | undefined): ServerLink | undefined {
    if (key === undefined || this.client.status !== 'ready') return undefined;
    const node = nodeOf(this.client, key);
    return node && this.#linkOf(node);
  }

  /** Keeps a request until the nodes are read again. @param problem why its node cannot be reached */
  keep(request: RoutedRequest, problem?: DevstateError): void {
    if (this.client.status === 'end') {
      request.refuse(problem ?? connectionLost());
      return;
    }
    if (problem) this.#problem = problem;
    this.#waiting.add(request);
    if (this.client.status === 'wait') this.client.connect().catch(() => {}); // the event `error` says why it failed
    this.#search();
  }

  /** Called when the node of a waiting request has answered. */
  onFound(): void {
    this.#searches = 0;
    this.#problem = undefined;
  }

  forget(request: RoutedRequest): void {
    this.#waiting.delete(request);
  }

  onSent(): void {
    this.#unanswered.add();
  }

  onSettled(isLost: boolean): void {
    this.#unanswered.remove(isLost);
  }

  reconnectAfterReadOnly(): void {
    if (this.#options.ownTimeoutMs !== undefined) this.client.refreshSlotsCache();
  }

  newSubscriber(...args: Parameters<Link['newSubscriber']>): Redis {
    return this.#subscribers.make(...args);
  }

  #checkSilence(): void {
    for (const node of this.client.nodes('master')) this.#linkOf(node).checkSilence();
  }

  #linkOf(node: Redis): ServerLink {
    const known = this.#nodes.get(node);
    if (known) return known;
    const { onLost: _, ...options } = this.#options; // this link counts the requests, so it also tells their loss
    const link = new ServerLink(node, options);
    this.#nodes.set(node, link);
    node.once('end', () => this.#nodes.delete(node));
    return link;
  }

  /**
   * Closes the clients of nodes that ioredis no longer knows: when the client of a node has ended, it also forgets the
   * one that it has made for the same node meanwhile, and never closes that.
   */
  #closeForgotten(): void {
    if (this.#options.ownTimeoutMs === undefined) return;
    const known = this.client.nodes();
    for (const node of this.#nodes.keys()) {
      if (known.includes(node)) continue;
      this.#nodes.delete(node); // so that it is closed once: each time adds listeners to its stream
      node.disconnect();
    }
  }

  #routeWaiting(): void {
    const requests = [...this.#waiting];
    this.#waiting.clear();
    for (const request of requests) request.route();
  }

  /**
   * Reads the slots again after a pause, which grows while requests wait. A client of the caller's needs it too: ioredis
   * reads the slots when a node redirects a command, but no command is sent while its node is not known.
   */
  #search(): void {
    if (this.#searchTimer !== undefined) return;
    const pauseMs = reconnectDelayMs(
      this.#searches,
      this.#options.ownTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS,
    );
    this.#searchTimer = setTimeout(() => {
      this.#searchTimer = undefined;
      this.#searches += 1;
      if (this.client.status === 'ready') this.client.refreshSlotsCache();
      if (this.#waiting.size > 0) this.#search();
    }, pauseMs).unref();
  }

  #refuseAll(): void {
    clearTimeout(this.#searchTimer);
    const requests = [...this.#waiting];
    this.#waiting.clear();
    for (const request of requests) request.refuse(this.#problem ?? connectionLost());
  }
}

/** A request that waits for the node of its key. */
class RoutedRequest implements WaitingRequest {
  readonly #cluster: ClusterLink;
  readonly #key: string | undefined;
  readonly #request: WaitingRequest;
  #stopWaiting: (() => void) | undefined;

  constructor(cluster: ClusterLink, key: string | undefined, request: WaitingRequest) {
    this.#cluster = cluster;
    this.#key = key;
    this.#request = request;
  }

  route(): void {
    const { client } = this.#cluster;
    const link = this.#cluster.linkFor(this.#key);
    if (link) this.#stopWaiting = link.whenOpen(this.#key, this);
    else if (this.#key === undefined && client.status === 'ready') this.#request.onOpen(NO_CLOCK);
    else this.#cluster.keep(this);
  }

  onOpen(clock: ServerClock): void {
    this.#cluster.onFound();
    this.#request.onOpen(clock);
  }

  onRefused(error: DevstateError): void {
    if (isDenied(error)) this.refuse(error);
    else this.#cluster.keep(this, error);
  }

  refuse(error: DevstateError): void {
    this.#request.onRefused(error);
  }

  stop(): void {
    this.#stopWaiting?.();
    this.#cluster.forget(this);
  }
}
