import { PassThrough, Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createStdoutWriter } from '../../src/output/stdout-writer.js';
import { CapturedStream } from '../support/streams.js';

const failing = (code: string) =>
  new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })) });

describe('writer', () => {
  it('collects small writes, and writes them when the event loop turns', async () => {
    const stream = new CapturedStream();
    const writer = createStdoutWriter(stream);
    await writer.write('a');
    await writer.write('b');
    expect(stream.text).toBe('');
    await turn();
    expect([stream.text, stream.writes]).toEqual(['ab', 1]);
    await writer.write('c');
    await writer.flush();
    expect(stream.text).toBe('abc');
  });

  it('waits for a slow reader with one batch in flight', async () => {
    let finish: (() => void) | undefined;
    let sent = 0;
    const stream = new Writable({
      write(chunk, _encoding, done) {
        sent += chunk.length;
        finish = done;
      },
    });
    const writer = createStdoutWriter(stream);
    let written = 0;
    const writing = (async () => {
      for (let i = 0; i < 20; i += 1) {
        await writer.write('x'.repeat(10_000));
        written += 1;
      }
      await writer.flush();
    })();
    await turn();
    await turn();
    expect([sent, written]).toEqual([20_000, 1]);
    while (sent < 200_000) {
      finish?.();
      await turn();
    }
    finish?.();
    await writing;
    expect(written).toBe(20);
  });

  it.each(['EPIPE', 'ECONNRESET'])('takes %s for the end of output, not for an error', async (code) => {
    const writer = createStdoutWriter(failing(code), { onFailure: () => expect.unreachable() });
    await writer.write('x');
    await writer.flush();
    expect(writer.lost.aborted).toBe(true);
    await writer.write('more');
    await writer.flush();
  });

  it('does not wait for a stream that is destroyed during a write', async () => {
    const stream = new PassThrough({ highWaterMark: 1 });
    const writer = createStdoutWriter(stream);
    const flushed = writer.write('x'.repeat(50_000))?.then(() => writer.write('y'.repeat(50_000)));
    await turn();
    stream.destroy();
    await flushed;
    await writer.flush();
    expect(writer.lost.aborted).toBe(true);
  });

  it('gives up a write that does not finish after the signal', async () => {
    const end = new AbortController();
    const stream = new Writable({ write: () => {} });
    const writer = createStdoutWriter(stream, { signal: end.signal });
    const flushed = writer.write('x'.repeat(50_000));
    await turn();
    expect(writer.lost.aborted).toBe(false);
    end.abort();
    await flushed;
    expect(writer.lost.aborted).toBe(true);
    await writer.write('more');
    await writer.flush();
  });

  it('writes everything after the signal if the reader takes it in time', async () => {
    const stream = new CapturedStream();
    const writer = createStdoutWriter(stream, { signal: AbortSignal.abort() });
    await writer.write('x'.repeat(50_000));
    await writer.write('y');
    await writer.flush();
    expect([stream.text.length, writer.lost.aborted]).toEqual([50_001, false]);
  });

  it('tells a failed write once, tries again, and tells how many lines were lost', async () => {
    const told: unknown[] = [];
    let isFull = true;
    const stream = new CapturedStream();
    const write = stream._write.bind(stream);
    stream._write = (chunk, encoding, done) => {
      if (!isFull) return write(chunk, encoding, done);
      // Of the first batch the disk takes one line and a half.
      const kept = told.length === 0 ? String(chunk).slice(0, 3) : '';
      stream.text += kept;
      stream.emit(
        'error',
        Object.assign(new Error('ENOSPC: no space left on device, write'), {
          code: 'ENOSPC',
          written: kept.length,
        }),
      );
      done();
    };
    const writer = createStdoutWriter(stream, {
      onFailure: ({ code, message }) => told.push([code, message]),
      onRecovery: (lines) => told.push(lines),
    });
    for (const text of ['a\nbc\n', 'd\ne\n']) {
      await writer.write(text);
      await writer.flush();
    }
    const message = 'cannot write to standard output: no space left on device';
    expect(told).toEqual([['OUTPUT', message]]);
    expect([writer.lost.aborted, writer.failure]).toEqual([true, expect.objectContaining({ message })]);
    isFull = false;
    await writer.write('f\n');
    await writer.flush();
    expect([told.slice(1), stream.text]).toEqual([[3], 'a\nb\nf\n']);
  });

  it('ends a line that was cut off only once', async () => {
    const kept = [3, 1, 0]; // of each failed write: a line and a half, the end of that line, nothing
    const stream = new CapturedStream();
    const write = stream._write.bind(stream);
    stream._write = (chunk, encoding, done) => {
      const written = kept.shift();
      if (written === undefined) return write(chunk, encoding, done);
      stream.text += String(chunk).slice(0, written);
      const message = 'ENOSPC: no space left on device, write';
      stream.emit('error', Object.assign(new Error(message), { code: 'ENOSPC', written }));
      done();
    };
    const writer = createStdoutWriter(stream);
    for (const text of ['a\nbc\n', 'd\n', 'e\n', 'f\n']) {
      await writer.write(text);
      await writer.flush();
    }
    expect(stream.text).toBe('a\nb\nf\n');
  });

  it('takes an error event that comes late for that of the earlier write', async () => {
    const told: unknown[] = [];
    const stream = new CapturedStream();
    const error = new Error('EIO: i/o error, write');
    stream._write = (_chunk, _encoding, done) => {
      stream.emit('error', error);
      done();
      setImmediate(() => stream.emit('error', error));
    };
    const writer = createStdoutWriter(stream, { onFailure: () => told.push('failed') });
    await writer.write('x');
    await writer.flush();
    await turn();
    await writer.flush();
    expect(told).toEqual(['failed']);
  });
});
