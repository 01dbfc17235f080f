/**
 * Opens the sockets of connections, and resets them (TCP RST), so that the server does not read what is still on its
 * way: a connection that is closed in the usual way (FIN) delivers that first. Below TLS only the TCP socket can be
 * reset, so it is opened separately.
 */
import { connect as connectPlain, Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import type { Redis, RedisOptions } from 'ioredis';
import { onAbort } from '../core/async/abort.js';
import { connectionLost } from '../core/store/network-errors.js';

/** The TCP socket below each TLS socket that was opened here. */
const socketsBelow = new WeakMap<object, Socket>();

/**
 * Opens a connection to the server of the options: to a path, or to host and port. With TLS it resolves after the
 * handshake: Node may try several addresses of a host, each with a new handle of the TCP socket, which TLS must not use
 * before one of them is connected.
 * @param signal closes the socket while it is being connected with TLS
 * @throws an error of Node, only with TLS
 */
export async function openSocket(options: RedisOptions, signal: AbortSignal): Promise<Socket> {
  const { path, host, port = 6379, family, tls, connectTimeout = 0 } = options;
  const socket = path
    ? connectPlain({ path })
    : connectPlain({ port, ...(host !== undefined && { host }), ...(family !== undefined && { family }) });
  if (!tls) return socket;
  const end = performance.now() + connectTimeout;
  await connected(socket, 'connect', connectTimeout, signal);
  const secure = connectTls({ socket, ...(host !== undefined && { host }), ...tls });
  socket.on('error', () => {}); // the TLS socket has the same error
  socketsBelow.set(secure, socket);
  await connected(secure, 'secureConnect', end - performance.now(), signal);
  return secure;
}

/** Resolves at the event; else destroys the socket, and rejects. @param timeoutMs 0: no limit */
function connected(socket: Socket, event: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => socket.destroy(error);
    const timer = timeoutMs > 0 ? setTimeout(fail, timeoutMs, timedOut()) : undefined;
    const stopListening = onAbort(signal, () => fail(connectionLost()));
    const end = (settle: () => void) => {
      clearTimeout(timer);
      stopListening();
      socket.off('error', onError).off('close', onClose);
      settle();
    };
    const onError = (error: Error) => end(() => reject(error));
    const onClose = () => onError(connectionLost());
    socket.once('error', onError).once('close', onClose);
    socket.once(event, () => end(resolve));
  });
}

function timedOut(): Error {
  return Object.assign(new Error('connect ETIMEDOUT'), { code: 'ETIMEDOUT', syscall: 'connect' });
}

/**
 * Resets the connection (RST), or closes it where there is no RST: Unix sockets, TLS sockets that were not opened here,
 * and sockets that ioredis is closing.
 */
export function resetConnection({ stream }: Redis): void {
  resetStream(stream as Socket);
}

/** Resets the connection of a stream, as `resetConnection` does. */
export function resetStream(stream: Socket): void {
  const socket = socketsBelow.get(stream) ?? stream;
  // Node throws if a TLS socket is reset. ioredis' Sentinel connector opens them without a separate socket below.
  const isTcp =
    socket instanceof Socket && !(socket instanceof TLSSocket) && socket.remoteFamily !== undefined;
  if (isTcp && !stream.writableEnded) socket.resetAndDestroy();
  else stream.destroy();
}
