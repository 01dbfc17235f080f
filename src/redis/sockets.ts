/**
 * Opens the sockets of connections, and resets them (TCP RST), so that the server does not read what is still on its
 * way: a connection that is closed in the usual way (FIN) delivers that first. Below TLS only the TCP socket can be
 * reset, so it is opened separately.
 */
import { connect as connectPlain, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Redis, RedisOptions } from 'ioredis';

/** The TCP socket below each TLS socket. */
const socketsBelow = new WeakMap<object, Socket>();

/** Opens a connection to the server of the options: to a path, or to host and port, with TLS if they have `tls`. */
export function openSocket({ path, host, port = 6379, family, tls }: RedisOptions): Socket {
  const socket = path
    ? connectPlain({ path })
    : connectPlain({ port, ...(host !== undefined && { host }), ...(family !== undefined && { family }) });
  if (!tls) return socket;
  const secure = connectTls({ socket, ...(host !== undefined && { host }), ...tls });
  socket.on('error', () => {}); // the TLS socket has the same error
  socketsBelow.set(secure, socket);
  return secure;
}

/**
 * Resets the connection (RST), or closes it where there is no RST: Unix sockets, and sockets that ioredis is closing.
 */
export function resetConnection({ stream }: Redis): void {
  const socket = socketsBelow.get(stream) ?? stream;
  const isTcp = socket instanceof Socket && socket.remoteFamily !== undefined;
  if (isTcp && !stream.writableEnded) socket.resetAndDestroy();
  else stream.destroy();
}
