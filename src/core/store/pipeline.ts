/**
 * Commands and their answers, many at once. For a read the promises of a pipeline cost the
 * client twice what it does else, so that the commands of a batch have one in common. In a
 * cluster each goes for itself: ioredis passes on what has moved, yet a pipeline only as a
 * whole, and while a slot moves, the server that it comes to would take for absent what is
 * still to come.
 */
import { type Cluster, type Redis, Command as RedisCommand } from 'ioredis';
import type { Command, Connection } from './connection.js';

type CommandOptions = NonNullable<ConstructorParameters<typeof RedisCommand>[2]>;

/** An error, or a reply. */
export type CommandOutcome = [error: Error | null, reply?: unknown];

/**
 * What becomes of each, in their order. Never rejects.
 * @param key of whose server the time is asked, for there may be as many clocks as servers
 */
export function sendPipeline(
  connection: Connection,
  commands: readonly Command[],
  key: string,
): Promise<readonly CommandOutcome[]> {
  const batch = new Batch(commands.length);
  const like = likeIts(connection);
  const stream = isCluster(connection) ? undefined : inOneWrite(connection, commands.length);
  for (const [place, command] of commands.entries()) {
    const sent = new BatchCommand(command, like, key, (settled) => batch.settle(place, settled));
    sent.promise = batch.whole;
    if (stream) sent.pipelineIndex = place; // after a loss a part of them is not sent again
    connection.sendCommand(sent, stream);
  }
  return batch.whole;
}

/** Commands that are answered each, and told of together. */
class Batch {
  readonly whole: Promise<readonly CommandOutcome[]>;
  readonly #settled: CommandOutcome[] = [];
  #left: number;
  #end: (settled: readonly CommandOutcome[]) => void = () => {};

  constructor(count: number) {
    this.#left = count;
    this.whole = new Promise((resolve) => {
      this.#end = resolve;
    });
    if (count === 0) this.#end([]);
  }

  settle(place: number, settled: CommandOutcome): void {
    if (this.#settled[place]) return;
    this.#settled[place] = settled;
    this.#left -= 1;
    if (this.#left === 0) this.#end(this.#settled);
  }
}

class BatchCommand extends RedisCommand {
  readonly #key: string;

  constructor(
    [name, ...args]: Command,
    like: CommandOptions,
    key: string,
    settle: (settled: CommandOutcome) => void,
  ) {
    super(name, args, like);
    this.#key = key;
    this.stringifyArguments();
    const end = (settled: CommandOutcome) => {
      this.isResolved = true;
      // biome-ignore lint/complexity/useLiteralKeys: private, and the connection may have a time for each command
      this['_clearTimers']();
      settle(settled);
    };
    this.resolve = (reply) => end(this.#read(reply));
    this.reject = (error) => end([error]);
  }

  /** Thrown here, an error would end the process: it is called by the parser. */
  #read(reply: Buffer | Buffer[]): CommandOutcome {
    try {
      return [null, this.transformReply(reply)];
    } catch (error) {
      return [error as Error];
    }
  }

  override getSlot(): number {
    return this.getKeys().length > 0 ? super.getSlot() : new RedisCommand('exists', [this.#key]).getSlot();
  }
}

/** It has the batch's. */
Object.assign(BatchCommand.prototype, { initPromise: () => {} });

/** Where the commands of a batch go: all in one piece, and so again if they have to be sent again. */
function inOneWrite(redis: Redis, count: number) {
  let pieces: (string | Buffer)[] = [];
  return {
    isPipeline: true as const,
    destination: { redis },
    write(piece: string | Buffer) {
      pieces.push(piece);
      if (pieces.length < count) return;
      const bytes = () =>
        Buffer.concat(pieces.map((each) => (typeof each === 'string' ? Buffer.from(each) : each)));
      redis.stream.write(pieces.every((each) => typeof each === 'string') ? pieces.join('') : bytes());
      pieces = [];
    },
  };
}

export interface ServerReply {
  reply: unknown;
  /** Another one after each loss of the connection, and where another server has answered. */
  by: unknown;
}

/** Sends a command that has a key. */
export async function sendToServer(connection: Connection, [name, ...args]: Command): Promise<ServerReply> {
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
export function ignoreAskingFailures(cluster: Cluster): void {
  if (cluster.listeners('+node').includes(guardNode)) return;
  cluster.on('+node', guardNode);
  for (const node of cluster.nodes()) guardNode(node);
}

function guardNode(node: Redis): void {
  Object.assign(node, { asking: () => node.call('asking').catch(() => {}) });
}

/** As the connection's own methods make theirs. */
function likeIts({ options: { keyPrefix = '' } }: Connection): CommandOptions {
  return { replyEncoding: 'utf8', keyPrefix };
}

function isCluster(connection: Connection): connection is Cluster {
  return connection.isCluster;
}
