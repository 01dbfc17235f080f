/**
 * A stream for a stdout that is a file. Node treats a short write to a file as complete, so the rest would be lost
 * without an error. Writes are synchronous.
 */
import { fstatSync, writeSync } from 'node:fs';
import { Writable } from 'node:stream';
import type { WriteError } from '../output/stdout-writer.js';
import type { Streams } from './invocation.js';

/** Returns a stream that writes to the same file; `stdout` itself if that is a terminal, a pipe or a socket. */
export function withWholeWrites(stdout: Streams['stdout'] & { fd?: number }): Streams['stdout'] {
  const { fd, isTTY } = stdout;
  if (fd === undefined || isTTY) return stdout;
  const stat = fstatSync(fd);
  return stat.isFIFO() || stat.isSocket() ? stdout : fileStream(fd);
}

/**
 * An error is emitted, but not passed to the callback of the write: after that a stream would accept no more writes,
 * although the disk may have room again later.
 */
function fileStream(fd: number): Writable {
  const stream = new Writable({
    write(bytes: Buffer, _encoding, done) {
      let written = 0;
      try {
        while (written < bytes.length) written += writeSync(fd, bytes, written);
      } catch (error) {
        stream.emit('error', Object.assign(error as WriteError, { written }));
      }
      done();
    },
  });
  return stream;
}
