/**
 * A command that must not be done twice. By default a client of ioredis sends commands without a reply again when it has
 * reconnected, so a client that the caller made would repeat a write that may have been done. This command refuses to be
 * written again once the connection that it was written to is lost.
 */
import { Socket } from 'node:net';
import { isConnectionLost } from './network-errors.js';
import { SentCommand } from './sent-command.js';

/** Written in place of the refused command. Nobody waits for its reply. */
const PING = '*1\r\n$4\r\nPING\r\n';

export class OnceCommand extends SentCommand {
  /** Whether the command was refused, so that the next reply is that of PING. */
  #isRefused = false;

  /**
   * Whether the command may have been done, although it has failed with this error of the network. It was not done if
   * it was never written. It was not done either if the connection that it was last written to is still open, while
   * another one was lost: then a server of a cluster has redirected it, and it was not written again.
   */
  mayBeDone(error: Error): boolean {
    const { socket } = this;
    return (
      socket !== undefined && !(isConnectionLost(error) && socket instanceof Socket && !socket.destroyed)
    );
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
