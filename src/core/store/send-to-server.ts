/** Sends a command and says which server replied. In a cluster the first server may redirect the command to another. */
import { Command as RedisCommand } from 'ioredis';
import { type Command, type Connection, commandOptions, isCluster } from './connection.js';

export interface ServerReply {
  reply: unknown;
  /** Identifies the server, by `===` only. It changes with each new connection, because a server may have restarted. */
  server: unknown;
}

/** @param command must have a key */
export async function sendToServer(connection: Connection, [name, ...args]: Command): Promise<ServerReply> {
  const command = new RedisCommand(name, args, commandOptions(connection));
  if (!isCluster(connection)) {
    const reply = await connection.sendCommand(command);
    return { reply, server: connection.stream };
  }
  // ioredis rejects a redirected command with MOVED or ASK first, and then sends it to the address in that error.
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
