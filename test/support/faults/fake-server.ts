/**
 * A server that answers commands as the test says: with recorded replies, or with malformed ones. Commands for which
 * the test has no reply are passed on to a real server, or stay unanswered.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { endOfReply, parseCommand } from './resp.js';

/** The bytes of a reply; or a function that writes them. */
export type Reply = string | Buffer | ((client: Socket) => void);

export interface FakeServerOptions {
  /** The URL of the server that answers the other commands: redis:// or unix://. */
  forwardTo?: string;
}

export class FakeServer {
  readonly url: string;
  /** All commands that were received, as words; the names as the client wrote them. */
  readonly commands: string[][] = [];
  /** The number of connections since the start. */
  connections = 0;
  /** The reply to a command; undefined: it is passed on. The name, which is the first word, is in capitals. */
  answer: (words: readonly string[]) => Reply | undefined = () => undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, { forwardTo }: FakeServerOptions) {
    this.#server = server;
    this.url = `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (client) => {
      this.connections += 1;
      const upstream = forwardTo === undefined ? undefined : connect(addressOf(forwardTo));
      for (const socket of [client, upstream]) {
        if (!socket) continue;
        this.#sockets.add(socket);
        socket
          .on('error', () => {})
          .on('close', () => {
            this.#sockets.delete(socket);
            for (const each of [client, upstream]) each?.destroy();
          });
      }
      new Conversation(client, upstream, (words) => {
        this.commands.push(words);
        return this.answer([words[0]?.toUpperCase() ?? '', ...words.slice(1)]);
      });
    });
  }

  static async start(options: FakeServerOptions = {}): Promise<FakeServer> {
    const server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeServer(server, options);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Starts a fake server that is closed when the test has finished. */
export async function useFakeServer(options?: FakeServerOptions): Promise<FakeServer> {
  const server = await FakeServer.start(options);
  onTestFinished(() => server.close());
  return server;
}

/** One connection: keeps the replies in the order of the commands, whoever answers them. */
class Conversation {
  readonly #client: Socket;
  /** For each command without a reply, in order: the reply of this server; undefined: it comes from upstream. */
  readonly #due: (Reply | undefined)[] = [];
  #received = Buffer.alloc(0);
  #replies = Buffer.alloc(0);

  constructor(client: Socket, upstream: Socket | undefined, answer: (words: string[]) => Reply | undefined) {
    this.#client = client;
    client.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      for (let command = parseCommand(this.#received); command; command = parseCommand(this.#received)) {
        const reply = answer(command.words);
        this.#due.push(reply);
        if (reply === undefined) upstream?.write(this.#received.subarray(0, command.length));
        this.#received = this.#received.subarray(command.length);
      }
      this.#answerNext();
    });
    upstream?.on('data', (chunk: Buffer) => {
      this.#replies = Buffer.concat([this.#replies, chunk]);
      this.#answerNext();
    });
  }

  /** Sends the replies whose turn it is. What comes from upstream without a command is a message of a channel. */
  #answerNext(): void {
    for (;;) {
      const isOwn = this.#due.length > 0 && this.#due[0] !== undefined;
      if (isOwn) {
        const reply = this.#due.shift();
        if (typeof reply === 'function') reply(this.#client);
        else this.#client.write(reply as string | Buffer);
        continue;
      }
      const end = endOfReply(this.#replies);
      if (end === undefined) return;
      this.#client.write(this.#replies.subarray(0, end));
      this.#replies = this.#replies.subarray(end);
      this.#due.shift();
    }
  }
}

function addressOf(url: string): { host: string; port: number } | { path: string } {
  const { protocol, hostname, port, pathname } = new URL(url);
  return protocol === 'unix:' ? { path: pathname } : { host: hostname, port: Number(port) };
}
