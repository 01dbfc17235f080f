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

  it('takes EPIPE for the end of output, not for an error', async () => {
    const writer = createStdoutWriter(failing('EPIPE'));
    await writer.write('x');
    await writer.flush();
    expect(writer.isClosed).toBe(true);
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
    expect(writer.isClosed).toBe(true);
  });

  it('gives up a write that does not finish after the signal', async () => {
    const end = new AbortController();
    const stream = new Writable({ write: () => {} });
    const writer = createStdoutWriter(stream, { signal: end.signal });
    const flushed = writer.write('x'.repeat(50_000));
    await turn();
    expect(writer.isClosed).toBe(false);
    end.abort();
    await flushed;
    expect(writer.isClosed).toBe(true);
    await writer.write('more');
    await writer.flush();
  });

  it('writes everything after the signal if the reader takes it in time', async () => {
    const stream = new CapturedStream();
    const writer = createStdoutWriter(stream, { signal: AbortSignal.abort() });
    await writer.write('x'.repeat(50_000));
    await writer.write('y');
    await writer.flush();
    expect([stream.text.length, writer.isClosed]).toEqual([50_001, false]);
  });

  it('rejects the next flush after any other failure', async () => {
    const writer = createStdoutWriter(failing('ENOSPC'));
    await writer.write('x');
    await turn();
    await expect(writer.flush()).rejects.toThrow('ENOSPC');
  });
});
