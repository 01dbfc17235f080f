/**
 * Servers of a cluster or of a Sentinel set, each with a proxy before it. The servers announce the proxies' ports, so
 * clients that ask for addresses are told those of the proxies. The connections of replicas and sentinels go through
 * the proxies too, but are not disturbed: a test of a broken path to the clients causes no failover. Nor are those of
 * clients with the connection name `OBSERVER`, by which a test sees what happens.
 */
import type { PrivateServer } from '../../../src/redis/private-server.js';
import { FaultProxy } from './fault-proxy.js';

export const OBSERVER = 'test-observer';
const SPARED = new RegExp(`REPLCONF|sentinel-[\\da-f]{8}-(cmd|pubsub)|${OBSERVER}`, 'i');

export class ProxiedServers {
  readonly #isProxied: boolean;
  readonly #proxies = new Map<PrivateServer, FaultProxy>();

  /** @param isProxied false: there are no proxies, and the servers announce their own ports */
  constructor(isProxied: boolean) {
    this.#isProxied = isProxied;
  }

  /** @param launch starts the server; called with the port that it must announce, undefined: its own */
  async start(launch: (announcedPort?: number) => Promise<PrivateServer>): Promise<PrivateServer> {
    if (!this.#isProxied) return launch();
    const proxy = await FaultProxy.start(undefined, { seed: this.#proxies.size + 1, undisturbed: SPARED });
    const server = await launch(proxy.port);
    proxy.forwardTo(server.url);
    this.#proxies.set(server, proxy);
    return server;
  }

  get proxies(): FaultProxy[] {
    return [...this.#proxies.values()];
  }

  /** The proxy before a server. */
  proxyOf(server: PrivateServer): FaultProxy {
    const proxy = this.#proxies.get(server);
    if (!proxy) throw new Error('there is no proxy before the server');
    return proxy;
  }

  /** The port that clients are told. */
  portOf(server: PrivateServer): string {
    return String(this.#proxies.get(server)?.port ?? new URL(server.url).port);
  }

  async close(): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy.close()));
  }
}
