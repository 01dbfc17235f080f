/** Streams of a test in place of a process's: what is written to them is kept as text. */
import { PassThrough, Writable } from 'node:stream';

export class CapturedStream extends Writable {
  text = '';
  writes = 0;
  readonly isTTY: boolean;
  readonly #reader: ((text: string) => unknown) | undefined;

  /** Emits `text` after each write. @param reader called with each write; the next one waits until it has resolved */
  constructor(isTTY = false, reader?: (text: string) => unknown) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
    this.#reader = reader;
  }

  override _write(chunk: string | Buffer, _encoding: string, done: (error?: Error) => void): void {
    const text = chunk.toString();
    this.text += text;
    this.writes += 1;
    this.emit('text');
    if (this.#reader) Promise.resolve(this.#reader(text)).then(() => done(), done);
    else done();
  }
}

export interface CaptureOptions {
  /** All three streams are a terminal. */
  tty?: boolean;
  /** The whole content of a pipe, or the first input of a terminal, which stays open. */
  stdin?: string | Buffer;
  /** True: a pipe as stdin stays open until the test ends it. */
  open?: boolean;
  /** Called with each write to stdout. The next write waits until it has resolved. */
  reader?: (text: string) => unknown;
}

/** Returns the three streams of a command, as in a pipe or, with `tty`, as at a terminal. */
export function captureStreams({ tty = false, stdin: input, open = tty, reader }: CaptureOptions = {}) {
  const stdin: PassThrough & { isTTY?: boolean } = new PassThrough();
  if (tty) stdin.isTTY = true;
  if (input !== undefined) stdin.write(input);
  if (!open) stdin.end();
  return { stdin, stdout: new CapturedStream(tty, reader), stderr: new CapturedStream(tty) };
}
