/**
 * Sends many commands in one round trip. They are `SentCommand`s instead of a pipeline of ioredis, which costs half as
 * much processor time again, and which a cluster redirects only as a whole, although a server that is moving a slot
 * may hold only some of the keys.
 */
import { slotOf } from './cluster-keys.js';
import { type Connection, commandOptions, isCluster, type RedisRequest } from './connection.js';
import { SentCommand } from './sent-command.js';

/** The outcome of one command of a batch: its error, or null and its reply. */
export type CommandOutcome = [error: Error | null, reply?: unknown];

/**
 * Sends the commands, and returns the outcome of each, in their order. Never rejects.
 * @param routingKey in a cluster, TIME and other commands without a key are sent to the server that holds this key
 */
export function sendPipeline(
  connection: Connection,
  commands: readonly RedisRequest[],
  routingKey: string,
): Promise<readonly CommandOutcome[]> {
  const options = commandOptions(connection);
  const routingSlot = isCluster(connection) ? slotOf(connection, routingKey) : undefined;
  return new Promise((resolve) => {
    const outcomes: CommandOutcome[] = [];
    let pending = commands.length;
    if (pending === 0) resolve(outcomes);
    const settle = (index: number, outcome: CommandOutcome) => {
      outcomes[index] = outcome;
      pending -= 1;
      if (pending === 0) resolve(outcomes);
    };
    commands.forEach((request, index) => {
      const command = new SentCommand(request[0], request.slice(1), options);
      if (routingSlot !== undefined) command.routingSlot = routingSlot;
      // A client that the caller made may send the commands without a reply again after a lost connection
      // (`autoResendUnfulfilledCommands`). With a `pipelineIndex` it does so only if no command of the batch has a
      // reply yet, and else rejects the rest: otherwise the time of one server could come with the records of another.
      else command.pipelineIndex = index;
      connection.sendCommand(command);
      command.promise.then(
        (reply) => settle(index, [null, reply]),
        (error: Error) => settle(index, [error]),
      );
    });
  });
}
