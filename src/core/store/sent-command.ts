/**
 * A command for ioredis' method `sendCommand`, for what the methods of a client do not offer: it tells which server
 * replied, it refuses a reply of another form, it may be sent to a chosen server of a cluster though it has no key, and
 * many of them are written at once. It overrides three public methods of ioredis' class `Command`, and no private ones.
 */
import { Socket } from 'node:net';
import { Command } from 'ioredis';
import type { CommandOptions } from './connection.js';
import { fitsCommand, markNotUtf8, type RedisRequest, unfittingReply } from './replies.js';

export class SentCommand extends Command {
  readonly #fits: (reply: unknown) => boolean;
  /**
   * The socket that ioredis last wrote the command to. Once the command has a reply: the socket that the reply came
   * from, also if a server of a cluster redirected the command to another.
   */
  socket: object | undefined;
  /** In a cluster, a command without a key is sent to the server that holds this slot. Default: to any server. */
  routingSlot: number | undefined;

  /** @param fits whether a reply fits; default: whether it has the form that the command's replies have */
  constructor([name, ...args]: RedisRequest, options: CommandOptions, fits?: (reply: unknown) => boolean) {
    super(name, args, options);
    this.#fits = fits ?? ((reply) => fitsCommand(name, args.length, reply));
  }

  override getSlot(): number {
    return this.routingSlot === undefined || this.getKeys().length > 0 ? super.getSlot() : this.routingSlot;
  }

  /** ioredis calls this each time that it writes the command to a socket. */
  override toWritable(socket: object): string | Buffer {
    this.socket = socket;
    if (socket instanceof Socket) joinWrites(socket);
    return super.toWritable(socket);
  }

  /**
   * ioredis calls this with the reply. After a reply that does not fit the command the connection ends: the replies that
   * follow may belong to other commands.
   * @throws DevstateError CONNECTION: the reply does not fit the command
   */
  override transformReply(raw: Buffer | Buffer[]): ReturnType<Command['transformReply']> {
    const reply = markNotUtf8(this.name, raw, super.transformReply(raw));
    if (this.#fits(reply)) return reply as ReturnType<Command['transformReply']>;
    if (this.socket instanceof Socket) this.socket.destroy();
    throw unfittingReply(this.name);
  }
}

const joined = new WeakSet<Socket>();

/**
 * Corks the socket until the next microtask, so that all commands of a batch go out in one system call; without it
 * they take 1.5 times as long.
 */
function joinWrites(socket: Socket): void {
  if (joined.has(socket)) return;
  joined.add(socket);
  socket.cork();
  queueMicrotask(() => {
    joined.delete(socket);
    socket.uncork();
  });
}
