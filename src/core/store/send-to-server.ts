/**
 * Sends a command and tells which server replied: in a cluster, a server may redirect the command to another one. Scans
 * need this, because a scan cursor is valid only on the server that gave it.
 */
import { Command as RedisCommand } from 'ioredis';
import { type Connection, commandOptions, isCluster, type RedisRequest } from './connection.js';

export interface ServerReply {
  reply: unknown;
  /**
   * Identifies the server that replied; only to be compared by `===`. After a reconnection to the same server the
   * value is another one, because the server may have restarted, and its scan cursors are then invalid.
   */
  server: unknown;
}

/**
 * Sends a command, and returns its reply and the server that gave it.
 * @param command must have a key: in a cluster, the key decides which server the command is sent to
 */
export async function sendToServer(
  connection: Connection,
  [name, ...args]: RedisRequest,
): Promise<ServerReply> {
  const command = new RedisCommand(name, args, commandOptions(connection));
  if (!isCluster(connection)) {
    const reply = await connection.sendCommand(command);
    return { reply, server: connection.stream };
  }
  // If a server redirects the command, ioredis calls its `reject` with the error MOVED or ASK, and then sends the
  // command to the address in that error. So the last such error holds the address of the server that gives the
  // reply.
  let address: string | undefined;
  const promise = connection.sendCommand(command);
  const reject = command.reject;
  command.reject = (error) => {
    address = /^(?:MOVED|ASK) \d+ (\S+)$/.exec(error.message)?.[1];
    reject(error);
  };
  const reply = await promise;
  address ??= connection.slots[command.getSlot()]?.[0];
  const node = connection.nodes().find(({ options }) => `${options.host}:${options.port}` === address);
  return { reply, server: node?.stream ?? address };
}
