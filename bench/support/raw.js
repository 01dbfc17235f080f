/** The fastest possible client: commands are sent as bytes over a plain socket, and replies are only counted. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { StageError } from '../../scripts/stage.js';

const [LF, MINUS] = [10, 45];

/** A command in the protocol of Redis. Arguments must be ASCII. */
export function encode(...args) {
  return `*${args.length}\r\n${args.map((arg) => `$${String(arg).length}\r\n${arg}\r\n`).join('')}`;
}

/** Encoded commands that are sent in one write. */
export function chunk(commands) {
  return { bytes: Buffer.from(commands.join(''), 'latin1'), replies: commands.length };
}

export class RawConnection {
  #socket;
  #waiting;
  #lineBegins = true;

  static async open({ host, port }) {
    const socket = connect({ host, port, noDelay: true });
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  constructor(socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => this.#count(bytes));
    socket.on('error', (error) => this.#waiting?.reject(error));
  }

  /** Sends chunks and resolves when every command is answered. Each reply must be a single line. */
  send(chunks) {
    return new Promise((resolve, reject) => {
      this.#waiting = { left: 0, sent: false, resolve, reject };
      this.#write(chunks).catch(reject);
    });
  }

  close() {
    this.#socket.destroy();
  }

  async #write(chunks) {
    const waiting = this.#waiting;
    for (const { bytes, replies } of chunks) {
      waiting.left += replies;
      if (!this.#socket.write(bytes)) await once(this.#socket, 'drain');
    }
    waiting.sent = true;
    if (waiting.left === 0) waiting.resolve();
  }

  #count(bytes) {
    const waiting = this.#waiting;
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at];
      if (this.#lineBegins && byte === MINUS)
        waiting.reject(new StageError(`Redis: ${bytes.toString('latin1', at, bytes.indexOf(LF, at))}`));
      this.#lineBegins = byte === LF;
      if (this.#lineBegins) waiting.left -= 1;
    }
    if (waiting.sent && waiting.left === 0) waiting.resolve();
  }
}
