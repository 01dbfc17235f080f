/**
 * A command that must not be done twice. By default a client of ioredis sends commands without a reply again when it has
 * reconnected, so a client that the caller made would repeat a write that may have been done. This command refuses to be
 * written again once the connection that it was written to is lost.
 */
import { Socket } from 'node:net';
import { SentCommand } from './sent-command.js';

/** Written in place of the command: its reply is that of a command that nobody waits for any more. */
const PING = '*1\r\n$4\r\nPING\r\n';

export class OnceCommand extends SentCommand {
  /** Whether the command was refused, so that the next reply is that of PING. */
  #isRefused = false;

  /** Whether the command was written, so that it may have been done. */
  get wasWritten(): boolean {
    return this.socket !== undefined;
  }

  override toWritable(socket: object): string | Buffer {
    const before = this.socket;
    // A server of a cluster that redirects the command has not done it, and its connection lives.
    const isLost = before instanceof Socket && before !== socket && before.destroyed;
    if (!isLost) return super.toWritable(socket);
    this.#isRefused = true;
    this.reject(new Error('Command aborted due to connection close'));
    return PING;
  }

  override transformReply(raw: Buffer | Buffer[]): ReturnType<SentCommand['transformReply']> {
    return this.#isRefused ? raw : super.transformReply(raw);
  }
}
