/**
 * Sends a command and tells which server replied: in a cluster, a server may redirect the command to another one. Scans
 * need this, because a scan cursor is valid only on the server that gave it.
 */
import { type Connection, commandOptions, type RedisRequest } from './connection.js';
import { SentCommand } from './sent-command.js';

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
  const command = new SentCommand(name, args, commandOptions(connection));
  const reply = await connection.sendCommand(command);
  return { reply, server: command.socket };
}
