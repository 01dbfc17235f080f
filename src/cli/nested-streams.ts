/**
 * The streams of a command line that another command runs: stdin is empty, none is a terminal, and output is passed
 * to a listener.
 */
import { PassThrough, Writable } from 'node:stream';
import type { OutputListener } from '../commands/shared/context.js';
import type { Streams } from './invocation.js';

export function nestedStreams({ stdout, stderr }: OutputListener): Streams {
  return { stdin: new PassThrough().end(), stdout: passedTo(stdout), stderr: passedTo(stderr) };
}

function passedTo(listener: (text: string) => void): Writable {
  return new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      listener(chunk.toString());
      done();
    },
  });
}
