/** The fastest possible client: commands are sent as bytes over a plain socket, and replies are only searched for errors. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { StageError } from '../../scripts/stage.js';

const [LF, MINUS] = [10, 45];
const PING = '*1\r\n$4\r\nPING\r\n';
const PONG = '+PONG\r\n';

/** A command in the protocol of Redis. Arguments must be ASCII. */
export function encode(...args) {
  return `*${args.length}\r\n${args.map((arg) => `$${String(arg).length}\r\n${arg}\r\n`).join('')}`;
}

/** Encoded commands that are sent in one write. */
export function chunk(commands) {
  return Buffer.from(commands.join(''), 'latin1');
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
    socket.on('data', (bytes) => this.#read(bytes));
    socket.on('error', (error) => this.#waiting?.reject(error));
  }

  /** Sends chunks and resolves when every command is answered. No reply may be or contain an error, or text with line breaks. */
  send(chunks) {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#write(chunks).catch(reject);
    });
  }

  close() {
    this.#socket.destroy();
  }

  async #write(chunks) {
    for (const bytes of chunks) if (!this.#socket.write(bytes)) await once(this.#socket, 'drain');
    this.#socket.write(PING);
  }

  #read(bytes) {
    for (let at = 0; at >= 0 && at < bytes.length; ) {
      if (this.#lineBegins && bytes[at] === MINUS)
        this.#waiting.reject(new StageError(`Redis: ${bytes.toString('latin1', at, bytes.indexOf(LF, at))}`));
      at = bytes.indexOf(LF, at) + 1 || bytes.length;
      this.#lineBegins = bytes[at - 1] === LF;
    }
    if (bytes.subarray(-PONG.length).toString('latin1') === PONG) this.#waiting.resolve();
  }
}
