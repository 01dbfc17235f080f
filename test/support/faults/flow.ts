/** One connection through a fault proxy: a client's socket, a socket to the server, and a channel for each direction. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Channel, type Faults, finish, NO_FAULTS } from './channel.js';

export type Direction = 'toServer' | 'toClient';

export interface FlowOptions {
  faults: Record<Direction, Faults>;
  random: () => number;
  onData: (flow: Flow, chunk: Buffer, direction: Direction) => void;
  onChange: () => void;
}

export class Flow {
  readonly toServer: Channel;
  readonly toClient: Channel;
  /** Whether the client's socket is closed, by either side. */
  clientClosed = false;
  /** Whether the socket to the server is closed, by either side. */
  serverClosed = false;
  /** Whether it passes on everything without faults. */
  isSpared = false;
  readonly #client: Socket;
  readonly #server: Socket;

  constructor(client: Socket, server: Socket, { faults, random, onData, onChange }: FlowOptions) {
    this.#client = client;
    this.#server = server;
    const channel = (direction: Direction, from: Socket, to: Socket) =>
      new Channel(
        from,
        to,
        faults[direction],
        random,
        (chunk) => onData(this, chunk, direction),
        onChange,
        (by) => finish(from, by),
      );
    this.toServer = channel('toServer', client, server);
    this.toClient = channel('toClient', server, client);
    client.on('close', () => {
      this.clientClosed = true;
      onChange();
    });
    server.on('close', () => {
      this.serverClosed = true;
      onChange();
    });
  }

  get isClosed(): boolean {
    return this.clientClosed && this.serverClosed;
  }

  /** Whether bytes were sent that were not passed on. */
  get hasSwallowed(): boolean {
    return this.toServer.pending + this.toClient.pending > 0;
  }

  /** Changes some of the faults in one direction or both. */
  set(faults: Partial<Faults>, direction?: Direction): void {
    if (direction !== 'toClient') this.toServer.set(faults);
    if (direction !== 'toServer') this.toClient.set(faults);
  }

  /** Ends all faults, and delivers what was swallowed; the proxy sets no further ones. */
  spare(): void {
    this.isSpared = true;
    this.set(NO_FAULTS);
  }

  /** Passes on nothing more, in neither direction, for ever; both sides stay connected. */
  blackHole(): void {
    this.toServer.blackHole();
    this.toClient.blackHole();
  }

  /** Resets the connections to both sides. */
  reset(): void {
    for (const socket of [this.#client, this.#server]) finish(socket, 'reset');
  }

  /** Closes the sockets to both sides. */
  async close(): Promise<void> {
    for (const channel of [this.toServer, this.toClient]) channel.discardPending();
    await Promise.all([this.#client, this.#server].map(destroyed));
  }
}

async function destroyed(socket: Socket): Promise<void> {
  if (socket.closed) return;
  const closed = once(socket, 'close');
  socket.destroy();
  await closed;
}
