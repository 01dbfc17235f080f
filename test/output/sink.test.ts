import { PassThrough, Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createSink } from '../../src/output/sink.js';
import { Capture } from './capture.js';

const failing = (code: string) =>
  new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })) });

describe('sink', () => {
  it('gathers small writes, and hands them over when the event loop turns', async () => {
    const stream = new Capture();
    const sink = createSink(stream);
    await sink.write('a');
    await sink.write('b');
    expect(stream.text).toBe('');
    await turn();
    expect([stream.text, stream.writes]).toEqual(['ab', 1]);
    await sink.write('c');
    await sink.flush();
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
    const sink = createSink(stream);
    let written = 0;
    const writing = (async () => {
      for (let i = 0; i < 20; i += 1) {
        await sink.write('x'.repeat(10_000));
        written += 1;
      }
      await sink.flush();
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

  it('takes a reader that left for the end, not for an error', async () => {
    const sink = createSink(failing('EPIPE'));
    await sink.write('x');
    await sink.flush();
    expect(sink.closed).toBe(true);
    await sink.write('more');
    await sink.flush();
  });

  it('does not hang on a stream destroyed under way', async () => {
    const stream = new PassThrough({ highWaterMark: 1 });
    const sink = createSink(stream);
    const flushed = sink.write('x'.repeat(50_000))?.then(() => sink.write('y'.repeat(50_000)));
    await turn();
    stream.destroy();
    await flushed;
    await sink.flush();
    expect(sink.closed).toBe(true);
  });

  it('gives up on a reader that takes nothing though the program is to end', async () => {
    const end = new AbortController();
    const stream = new Writable({ write: () => {} });
    const sink = createSink(stream, end.signal);
    const flushed = sink.write('x'.repeat(50_000));
    await turn();
    expect(sink.closed).toBe(false);
    end.abort();
    await flushed;
    expect(sink.closed).toBe(true);
    await sink.write('more');
    await sink.flush();
  });

  it('hands all to a reader that takes it by then', async () => {
    const stream = new Capture();
    const sink = createSink(stream, AbortSignal.abort());
    await sink.write('x'.repeat(50_000));
    await sink.write('y');
    await sink.flush();
    expect([stream.text.length, sink.closed]).toEqual([50_001, false]);
  });

  it('throws any other failure to the next who writes', async () => {
    const sink = createSink(failing('ENOSPC'));
    await sink.write('x');
    await turn();
    await expect(sink.flush()).rejects.toThrow('ENOSPC');
  });
});
