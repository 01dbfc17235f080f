/**
 * Commands and their answers, where there may be a cluster. ioredis passes on what has moved,
 * yet a pipeline only as a whole: while a slot moves, the server that it comes to would take
 * for absent what is still to come. So each goes for itself.
 */
import { type Cluster, type Redis, Command as RedisCommand } from 'ioredis';
import type { Command, Connection } from './fleet.js';

/** As in a pipeline's result. */
export type Settled = [error: Error | null, reply: unknown];

/** @param key of whose server the time is asked, for there may be as many clocks as servers */
export async function sendEach(
  cluster: Cluster,
  commands: readonly Command[],
  key: string,
): Promise<Settled[]> {
  const replies = commands.map((command) => cluster.sendCommand(new CommandAt(command, key, cluster)));
  return (await Promise.allSettled(replies)).map((outcome) =>
    outcome.status === 'fulfilled' ? [null, outcome.value] : [outcome.reason as Error, undefined],
  );
}

class CommandAt extends RedisCommand {
  readonly #key: string;

  constructor([name, ...args]: Command, key: string, connection: Connection) {
    super(name, args, likeIts(connection));
    this.#key = key;
  }

  override getSlot(): number {
    return this.getKeys().length > 0 ? super.getSlot() : new RedisCommand('exists', [this.#key]).getSlot();
  }
}

export interface Answer {
  reply: unknown;
  /** Another one after each loss of the connection, and where another server has answered. */
  by: unknown;
}

/** Sends a command that has a key. */
export async function sendNoting(connection: Connection, [name, ...args]: Command): Promise<Answer> {
  const command = new RedisCommand(name, args, likeIts(connection));
  if (!isCluster(connection)) return { reply: await connection.sendCommand(command), by: connection.stream };
  let address: string | undefined;
  const answer = connection.sendCommand(command);
  const passOn = command.reject;
  command.reject = (error) => {
    address = /^(?:MOVED|ASK) \d+ (\S+)$/.exec(error.message)?.[1];
    passOn(error);
  };
  const reply = await answer;
  address ??= connection.slots[command.getSlot()]?.[0];
  const server = connection.nodes().find(({ options }) => `${options.host}:${options.port}` === address);
  return { reply, by: server?.stream ?? address };
}

/** Where a slot moves ioredis sends ASKING first, and leaves to nobody what becomes of it. Done once for a cluster. */
export function guardAsking(cluster: Cluster): void {
  if (cluster.listeners('+node').includes(guardNode)) return;
  cluster.on('+node', guardNode);
  for (const node of cluster.nodes()) guardNode(node);
}

function guardNode(node: Redis): void {
  Object.assign(node, { asking: () => node.call('asking').catch(() => {}) });
}

/** As the connection's own methods make theirs. */
function likeIts({ options: { keyPrefix = '' } }: Connection) {
  return { replyEncoding: 'utf8', keyPrefix } as const;
}

function isCluster(connection: Connection): connection is Cluster {
  return connection.isCluster;
}
