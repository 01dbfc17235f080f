/**
 * Sends many commands in one round trip. The pipeline of ioredis makes a promise for each command, which doubles the
 * time of a read; in this file all commands of a batch share one promise. To a single server a batch is sent in one
 * write. In a cluster the commands are sent separately and each is redirected alone, because a server that is moving
 * a slot may hold only some of the keys, and ioredis redirects its own pipelines only as a whole.
 */
import { type Redis, Command as RedisCommand } from 'ioredis';
import {
  type CommandOptions,
  type Connection,
  commandOptions,
  isCluster,
  type RedisRequest,
} from './connection.js';

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
  const batch = new Batch(commands.length);
  const options = commandOptions(connection);
  const stream = isCluster(connection) ? undefined : singleWriteStream(connection, commands.length);
  for (const [index, command] of commands.entries()) {
    const sent = new BatchCommand(command, options, routingKey, (outcome) => batch.settle(index, outcome));
    sent.promise = batch.outcomes;
    // After a lost connection ioredis sends commands without a reply again. With a `pipelineIndex` it does so only if
    // no command of the batch has a reply yet, and else rejects the rest, so that a batch is not sent again in part.
    if (stream) sent.pipelineIndex = index;
    connection.sendCommand(sent, stream);
  }
  return batch.outcomes;
}

/** Collects the outcomes of a batch of commands. The promise `outcomes` resolves when every command has an outcome. */
class Batch {
  readonly outcomes: Promise<readonly CommandOutcome[]>;
  readonly #settled: CommandOutcome[] = [];
  #pending: number;
  #resolve: (outcomes: readonly CommandOutcome[]) => void = () => {};

  constructor(count: number) {
    this.#pending = count;
    this.outcomes = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    if (count === 0) this.#resolve([]);
  }

  settle(index: number, outcome: CommandOutcome): void {
    if (this.#settled[index]) return;
    this.#settled[index] = outcome;
    this.#pending -= 1;
    if (this.#pending === 0) this.#resolve(this.#settled);
  }
}

class BatchCommand extends RedisCommand {
  readonly #routingKey: string;

  constructor(
    [name, ...args]: RedisRequest,
    options: CommandOptions,
    routingKey: string,
    settle: (outcome: CommandOutcome) => void,
  ) {
    super(name, args, options);
    this.#routingKey = routingKey;
    this.stringifyArguments();
    const end = (outcome: CommandOutcome) => {
      this.isResolved = true;
      // biome-ignore lint/complexity/useLiteralKeys: a private method; it stops the timer of the option commandTimeout
      this['_clearTimers']();
      settle(outcome);
    };
    this.resolve = (reply) => end(this.#decode(reply));
    this.reject = (error) => end([error]);
  }

  /**
   * Returns the outcome for a reply. It must not throw: the reply parser of ioredis calls it, and an error there would
   * end the process.
   */
  #decode(reply: Buffer | Buffer[]): CommandOutcome {
    try {
      return [null, this.transformReply(reply)];
    } catch (error) {
      return [error as Error];
    }
  }

  override getSlot(): number {
    if (this.getKeys().length > 0) return super.getSlot();
    return new RedisCommand('exists', [this.#routingKey]).getSlot();
  }
}

// The constructor of ioredis's Command calls `initPromise` to make a promise for the command. Commands of a batch share
// one promise instead, so `initPromise` does nothing.
Object.assign(BatchCommand.prototype, { initPromise: () => {} });

/**
 * Returns a stream for `sendCommand` that collects the texts of `count` commands and writes them to the connection at
 * once. If ioredis sends the batch again after a lost connection, the stream collects and writes it again.
 */
function singleWriteStream(redis: Redis, count: number) {
  let pieces: (string | Buffer)[] = [];
  return {
    isPipeline: true as const,
    destination: { redis },
    write(piece: string | Buffer) {
      pieces.push(piece);
      if (pieces.length < count) return;
      redis.stream.write(join(pieces));
      pieces = [];
    },
  };
}

function join(pieces: readonly (string | Buffer)[]): string | Buffer {
  if (pieces.every((piece) => typeof piece === 'string')) return pieces.join('');
  return Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece)));
}
