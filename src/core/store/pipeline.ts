/**
 * Sends many commands in one round trip. They are `SentCommand`s and not a pipeline of ioredis, which takes 1.5 times
 * as much processor time, and which a cluster redirects only as a whole, although a server that is moving a slot may
 * hold only some of the keys.
 */
import type { Redis } from 'ioredis';
import { slotOf } from './cluster-keys.js';
import { type Connection, commandOptions, isCluster } from './connection.js';
import { fitsCommand, type RedisRequest } from './replies.js';
import { SentCommand } from './sent-command.js';

/** The outcome of one command of a batch: its error, or null and its reply. */
export type CommandOutcome = readonly [error: Error | null, reply?: unknown];

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
  const sent = commands.map((request) => new SentCommand(request, options));
  if (isCluster(connection)) {
    const slot = slotOf(connection, routingKey);
    for (const command of sent) command.routingSlot = slot;
  }
  return sendAll(connection, sent);
}

/**
 * Sends the commands to one server between MULTI and EXEC, and returns the outcome of each; null: a watched key has
 * changed, so that none was done. Rejects with the error because of which none was done, or with that of a lost
 * connection, or with a DevstateError CONNECTION: a reply does not fit.
 */
export async function sendTransaction(
  client: Redis,
  commands: readonly RedisRequest[],
): Promise<readonly CommandOutcome[] | null> {
  const options = commandOptions(client);
  const isQueued = (reply: unknown) => reply === 'QUEUED';
  const fits = (replies: unknown) =>
    replies === null ||
    (Array.isArray(replies) &&
      replies.length === commands.length &&
      commands.every(
        ([name, ...args], i) => replies[i] instanceof Error || fitsCommand(name, args.length, replies[i]),
      ));
  const outcomes = await sendAll(client, [
    new SentCommand(['multi'], options),
    ...commands.map((request) => new SentCommand(request, options, isQueued)),
    new SentCommand(['exec'], options, fits),
  ]);
  for (const [error] of outcomes) if (error) throw error;
  const replies = outcomes.at(-1)?.[1] as readonly unknown[] | null;
  return replies?.map((reply) => (reply instanceof Error ? [reply] : [null, reply])) ?? null;
}

function sendAll(
  connection: Connection,
  commands: readonly SentCommand[],
): Promise<readonly CommandOutcome[]> {
  return new Promise((resolve) => {
    const outcomes: CommandOutcome[] = [];
    let pending = commands.length;
    if (pending === 0) resolve(outcomes);
    const settle = (index: number, outcome: CommandOutcome) => {
      outcomes[index] = outcome;
      pending -= 1;
      if (pending === 0) resolve(outcomes);
    };
    commands.forEach((command, index) => {
      // A client that the caller made may send the commands without a reply again after a lost connection
      // (`autoResendUnfulfilledCommands`). With a `pipelineIndex` it does so only if no command of the batch has a
      // reply yet, and else rejects the rest: otherwise the time of one server could come with the records of another.
      if (!isCluster(connection)) command.pipelineIndex = index;
      connection.sendCommand(command);
      command.promise.then(
        (reply) => settle(index, [null, reply]),
        (error: Error) => settle(index, [error]),
      );
    });
  });
}
