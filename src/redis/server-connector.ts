/**
 * Opens the stream of a connection to one server, and ends it with an error when the server sends something that is
 * not a reply of Redis, or too large a reply. Without that, the parser of ioredis would throw in a listener of the
 * stream, which ends the process.
 */
import { Socket } from 'node:net';
import { AbstractConnector, type RedisOptions } from 'ioredis';
import { DevstateError } from '../core/model/errors.js';
import { ReplyScanner } from './reply-scanner.js';
import { openSocket } from './sockets.js';

/** Connects ioredis to the server of its options (option `Connector`). */
export class ServerConnector extends AbstractConnector {
  protected readonly options: RedisOptions;
  #disconnected = new AbortController();

  /**
   * @param options the options of the client, read at each attempt to connect
   * @param disconnectTimeout how long the server may take to close after `disconnect`, ms
   */
  constructor(options: unknown, disconnectTimeout = (options as RedisOptions).disconnectTimeout ?? 0) {
    super(disconnectTimeout);
    this.options = options as RedisOptions;
  }

  /**
   * Connects to the server. On failure it returns a closed stream instead of rejecting, because ioredis never
   * reconnects after a rejection.
   */
  override async connect(): Promise<Socket> {
    this.connecting = true;
    this.#disconnected = new AbortController();
    try {
      const stream = await this.open(this.#disconnected.signal);
      stream.once('error', (error) => {
        this.firstError = error;
      });
      this.stream = stream;
    } catch (error) {
      this.firstError = error as Error;
      this.stream = new Socket().destroy();
    }
    return this.stream;
  }

  /** Opens the stream of the connection. @param signal closes the stream if it aborts before the stream is returned */
  protected open(signal: AbortSignal): Promise<Socket> {
    return openStream(this.options, signal);
  }

  override disconnect(): void {
    super.disconnect();
    this.#disconnected.abort();
  }
}

/**
 * Opens a stream, with TLS or without, to the host and port or the unix socket of the options. What it receives is
 * checked.
 * @param signal closes the stream if it aborts before the stream is returned
 * @throws an error of Node, only with TLS
 */
export async function openStream(options: RedisOptions, signal: AbortSignal): Promise<Socket> {
  const socket = await openSocket(options, signal);
  // ioredis goes on with an attempt to connect that `disconnect` should have ended, unless its stream is closed.
  if (signal.aborted) socket.destroy();
  return guardReplies(socket);
}

/**
 * Makes a stream end with an error when the server sends a reply that is malformed or too large, or one that a
 * listener of `data` throws on, as ioredis does for a reply to no command.
 */
export function guardReplies(stream: Socket): Socket {
  const scanner = new ReplyScanner();
  const emit = stream.emit.bind(stream);
  stream.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event !== 'data') return emit(event, ...args);
    try {
      scanner.scan(args[0] as Buffer);
      return emit(event, ...args);
    } catch (cause) {
      stream.destroy(cause instanceof DevstateError ? cause : unexpected(cause));
      return true;
    }
  };
  return stream;
}

/** Returns the error for an exception of a `data` listener, whatever it is. */
function unexpected(cause: unknown): DevstateError {
  return new DevstateError('CONNECTION', 'the server sent a reply that nothing asked for', {
    reason: 'MALFORMED_REPLY',
    cause,
  });
}
