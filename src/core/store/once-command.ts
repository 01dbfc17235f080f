/**
 * A command that must not be done twice. By default a client of ioredis sends commands without a reply again when it has
 * reconnected, so a client that the caller made would repeat a write that may have been done. It also sends commands
 * that have failed with "Command timed out" while they waited to be sent. This command refuses to be written once it has
 * failed, and once the connection that it was written to is lost.
 */
import { Socket } from 'node:net';
import { answerLostError, isConnectionLost, isNotSent } from './network-errors.js';
import { SentCommand } from './sent-command.js';

/** Written in place of the refused command. Nobody waits for its reply. */
const PING = '*1\r\n$4\r\nPING\r\n';

export class OnceCommand extends SentCommand {
  /** Whether the command has failed, so that it must not be written any more. */
  #isOver = false;
  /** Whether the command was refused, so that the next reply is that of PING. */
  #isRefused = false;

  /**
   * Ends the command, which has failed with this error of the network: it is not written any more. Returns whether it
   * may have been done. It was not done if it was never written. It was not done either if the connection that it was
   * last written to is still open, and it failed because another one was lost or is not ready: then a server of a
   * cluster has redirected it, and it was not written again.
   */
  end(error: Error): boolean {
    this.#isOver = true;
    const { socket } = this;
    const isOfAnother = isConnectionLost(error) || isNotSent(error);
    return socket !== undefined && !(isOfAnother && socket instanceof Socket && !socket.destroyed);
  }

  override toWritable(socket: object): string | Buffer {
    const before = this.socket;
    // A server of a cluster that redirects the command has not done it, and its connection lives.
    const isLost = before instanceof Socket && before !== socket && before.destroyed;
    if (!isLost && !this.#isOver) return super.toWritable(socket);
    this.#isRefused = true;
    this.reject(answerLostError());
    return PING;
  }

  override transformReply(raw: Buffer | Buffer[]): ReturnType<SentCommand['transformReply']> {
    return this.#isRefused ? raw : super.transformReply(raw);
  }
}
