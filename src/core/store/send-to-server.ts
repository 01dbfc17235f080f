/**
 * Sends a command and tells which server replied: in a cluster, a server may redirect the command to another one. Scans
 * need this, because a scan cursor is valid only on the server that gave it.
 */
import { type Connection, commandOptions } from './connection.js';
import type { CommandName, RedisRequest, ReplyOf } from './replies.js';
import { SentCommand } from './sent-command.js';

export interface ServerReply<Reply> {
  reply: Reply;
  /**
   * Identifies the server that replied; only to be compared by `===`. After a reconnection to the same server the
   * value is another one, because the server may have restarted, and its scan cursors are then invalid.
   */
  server: unknown;
}

/**
 * Sends a command, and returns its reply and the server that gave it.
 * @param request must have a key, if it is sent to a cluster: the key decides which server it is sent to
 * @param fits whether a reply fits; default: whether it has the form that the command's replies have
 * @throws DevstateError CONNECTION: the reply does not fit the command; else rejects as ioredis does
 */
export async function sendToServer<Name extends CommandName>(
  connection: Connection,
  request: RedisRequest<Name>,
  fits?: (reply: unknown) => boolean,
): Promise<ServerReply<ReplyOf<Name>>> {
  const command = new SentCommand(request, commandOptions(connection), fits);
  const reply = (await connection.sendCommand(command)) as ReplyOf<Name>;
  return { reply, server: command.socket };
}
