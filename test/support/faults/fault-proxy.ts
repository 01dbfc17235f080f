/**
 * A proxy between clients and a server, on a port of the loopback interface or on a unix socket. The test sets its
 * faults at run time, for one connection ("flow") or for all, and awaits what happens in it.
 */
import { EventEmitter, once } from 'node:events';
import {
  type AddressInfo,
  connect,
  createServer,
  type NetConnectOpts,
  type Server,
  type Socket,
} from 'node:net';
import { onTestFinished } from 'vitest';
import { randomNumbers } from '../random.mjs';
import { type Faults, NO_FAULTS } from './channel.js';
import { type Direction, Flow } from './flow.js';

/** Below the ports that systems choose for outgoing connections, so none takes the port while the proxy refuses. */
const PORTS = { from: 20_000, count: 12_000 };
const HOST = '127.0.0.1';
const WAIT_MS = 15_000;

export interface FaultProxyOptions {
  /** The seed of the jitter. */
  seed?: number;
  /**
   * A flow whose client sends this is passed on without faults, and does not count as open: the connections of
   * replicas and sentinels, where only those of clients are to be disturbed. `refuse` and `hold` apply to it too.
   */
  undisturbed?: RegExp;
  /** The path of a unix socket to listen on; default: a port is used. */
  path?: string;
}

export class FaultProxy {
  /** The port that it listens on; 0: it listens on a unix socket. */
  readonly port: number;
  /** All flows since the start, closed ones too. */
  readonly flows: Flow[] = [];
  /** Called with each chunk before it is passed on. It may set faults of the flow that apply to this chunk. */
  onData: (flow: Flow, chunk: Buffer, direction: Direction) => void = () => {};
  #url = '';
  readonly #server: Server;
  readonly #random: () => number;
  readonly #undisturbed: RegExp | undefined;
  readonly #path: string | undefined;
  readonly #faults: Record<Direction, Faults> = { toServer: NO_FAULTS, toClient: NO_FAULTS };
  readonly #changes = new EventEmitter();
  /** The clients that wait for the end of `hold()`; undefined: new ones are connected at once. */
  #held: Socket[] | undefined;

  private constructor(server: Server, { seed = 1, undisturbed, path }: FaultProxyOptions) {
    this.port = path === undefined ? (server.address() as AddressInfo).port : 0;
    this.#path = path;
    this.#server = server;
    this.#random = randomNumbers(seed);
    this.#undisturbed = undisturbed;
    server.on('connection', (client) => this.#accept(client));
  }

  /**
   * @param url of the server: redis://, rediss:// (the bytes of TLS are passed on) or unix://; undefined: it is set
   *   by `forwardTo`
   */
  static async start(url?: string, options: FaultProxyOptions = {}): Promise<FaultProxy> {
    const proxy = new FaultProxy(await listen(options.path), options);
    if (url !== undefined) proxy.forwardTo(url);
    return proxy;
  }

  /** Sets the server to which further connections are forwarded. */
  forwardTo(url: string): void {
    this.#url = url;
  }

  /** The URL of the server with the proxy's address in place of the server's. */
  get url(): string {
    if (this.#path !== undefined) return `unix://${this.#path}`;
    const { protocol, host } = new URL(this.#url);
    const address = `${HOST}:${this.port}`;
    return protocol === 'unix:' ? `redis://${address}` : this.#url.replace(host, address);
  }

  /** The flows of which at least one side is connected, without those that are undisturbed. */
  get open(): Flow[] {
    return this.flows.filter((flow) => !flow.isClosed && !flow.isSpared);
  }

  /** Changes some of the faults of all flows, those to come too, in one direction or both. */
  set(faults: Partial<Faults>, direction?: Direction): void {
    for (const each of ['toServer', 'toClient'] as const) {
      if (direction === undefined || direction === each)
        this.#faults[each] = { ...this.#faults[each], ...faults };
    }
    for (const flow of this.open) flow.set(faults, direction);
  }

  /** Lets the flows that exist now pass on nothing more, for ever; new flows work. Returns them. */
  blackHole(): Flow[] {
    const flows = this.open;
    for (const flow of flows) flow.blackHole();
    return flows;
  }

  /** Resets all flows. */
  reset(): void {
    for (const flow of this.open) flow.reset();
  }

  /** Refuses new connections (ECONNREFUSED), until `accept()`. */
  refuse(): void {
    this.#server.close();
  }

  /** Accepts new connections without passing on anything, until `accept()`. */
  hold(): void {
    this.#held ??= [];
  }

  /** Ends `refuse()` and `hold()`: new connections, and those that were held, are connected to the server. */
  async accept(): Promise<void> {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const client of held) this.#accept(client);
    if (!this.#server.listening)
      await once(
        this.#server.listen(
          this.#path === undefined ? { host: HOST, port: this.port } : { path: this.#path },
        ),
        'listening',
      );
  }

  /**
   * Waits until a condition on the flows and their counts is true; it is checked after each change of them.
   * @throws Error: it was not true within 15 s
   */
  async until(condition: () => boolean): Promise<void> {
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), WAIT_MS);
    try {
      while (!condition()) await once(this.#changes, 'change', { signal: timeout.signal });
    } catch (cause) {
      throw new Error('the condition did not become true within 15 s', { cause });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Closes all connections and the port. */
  async close(): Promise<void> {
    this.#server.close();
    for (const client of this.#held ?? []) client.destroy();
    await Promise.all(this.flows.map((flow) => flow.close()));
  }

  #accept(client: Socket): void {
    client.setNoDelay(true);
    if (this.#held) {
      client.on('error', () => {});
      this.#held.push(client);
      return;
    }
    const server = connect({ ...addressOf(this.#url), allowHalfOpen: true, noDelay: true });
    const changed = () => void this.#changes.emit('change');
    this.flows.push(
      new Flow(client, server, {
        faults: this.#faults,
        random: this.#random,
        onData: (flow, chunk, direction) => {
          if (direction === 'toServer' && this.#undisturbed?.test(chunk.toString('latin1'))) flow.spare();
          if (!flow.isSpared) this.onData(flow, chunk, direction);
        },
        onChange: changed,
      }),
    );
    changed();
  }
}

function addressOf(url: string): NetConnectOpts {
  const { protocol, hostname, port, pathname } = new URL(url);
  if (protocol === 'unix:') return { path: pathname };
  return { host: hostname.replace(/[[\]]/g, ''), port: Number(port || 6379) };
}

/** Starts a proxy that is closed when the test has finished. */
export async function useFaultProxy(url: string, options?: FaultProxyOptions): Promise<FaultProxy> {
  const proxy = await FaultProxy.start(url, options);
  onTestFinished(() => proxy.close());
  return proxy;
}

async function listen(path?: string): Promise<Server> {
  for (;;) {
    const server = createServer({ allowHalfOpen: true });
    const port = PORTS.from + Math.floor(Math.random() * PORTS.count);
    server.listen(path === undefined ? { host: HOST, port } : { path });
    const outcome = await Promise.race([
      once(server, 'listening').then(() => 'listening'),
      new Promise<NodeJS.ErrnoException>((resolve) => server.once('error', resolve)),
    ]);
    if (outcome === 'listening') return server;
    if (path !== undefined || (outcome as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw outcome;
  }
}
