import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Line, lineBatches, readText } from '../../src/input/lines.js';

async function* chunks(...parts: (Buffer | string)[]): AsyncGenerator<Buffer | string> {
  yield* parts;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function* lines(stream: AsyncIterable<Buffer | string>): AsyncGenerator<Line> {
  for await (const batch of lineBatches(stream)) yield* batch;
}

const USAGE = expect.objectContaining({ code: 'USAGE' });

describe('lines', () => {
  it.each([
    ['', []],
    ['a', [[1, 'a']]],
    [
      'a\nb\n',
      [
        [1, 'a'],
        [2, 'b'],
      ],
    ],
    [
      'a\r\n\r\n \nb',
      [
        [1, 'a'],
        [4, 'b'],
      ],
    ],
    ['\ufeffa\n', [[1, 'a']]],
    ['a\rb\n', [[1, 'a\rb']]],
  ])('%j', async (text, expected) => {
    expect((await all(lines(chunks(text)))).map(({ number, read }) => [number, read()])).toEqual(expected);
  });

  it('do not depend on how the bytes are split into chunks', async () => {
    const line = fc
      .string({ unit: 'grapheme' })
      .filter((text) => text.trim() === text && text !== '' && !/[\n\r]/.test(text));
    await fc.assert(
      fc.asyncProperty(
        fc.array(line),
        fc.constantFrom('\n', '\r\n'),
        fc.integer({ min: 1, max: 9 }),
        async (texts, end, size) => {
          const bytes = Buffer.from(texts.map((text) => text + end).join(''));
          const cut: Buffer[] = [];
          for (let i = 0; i < bytes.length; i += size) cut.push(bytes.subarray(i, i + size));
          expect((await all(lines(chunks(...cut)))).map(({ read }) => read())).toEqual(texts);
        },
      ),
    );
  });

  it('are yielded before the stream ends', async () => {
    async function* endless(): AsyncGenerator<string> {
      for (;;) yield 'line\n';
    }
    for await (const { number } of lines(endless())) if (number === 3) return;
  });

  it('that are not UTF-8 are refused, and other lines are read', async () => {
    const found = await all(lines(chunks('a\n', Buffer.from([0x62, 0xff, 0x0a]), 'c')));
    expect(found.map(({ number }) => number)).toEqual([1, 2, 3]);
    expect([found[0]?.read(), found[2]?.read()]).toEqual(['a', 'c']);
    expect(() => found[1]?.read()).toThrow(
      expect.objectContaining({ code: 'USAGE', message: 'the line is not valid UTF-8' }),
    );
  });
});

it('lines are yielded in one batch for each chunk', async () => {
  const batches = await all(lineBatches(chunks('a\nb', 'c\n\n', '\n', 'd\ne\nf')));
  expect(batches.map((batch) => batch.map(({ number, read }) => [number, read()]))).toEqual([
    [[1, 'a']],
    [[2, 'bc']],
    [
      [5, 'd'],
      [6, 'e'],
    ],
    [[7, 'f']],
  ]);
});

describe('a line without an end', () => {
  const MIB = Buffer.alloc(1_048_576, 'x');

  it('is refused, and the lines around it are read', async () => {
    const whole = Buffer.alloc(4 * 1_048_576, 'y');
    const found = await all(lines(chunks('a\n', MIB, MIB, MIB, MIB, 'x\nb\n', whole, '\n', whole, 'z')));
    expect(found.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
    expect([found[0]?.read(), found[2]?.read(), found[3]?.read().length]).toEqual(['a', 'b', whole.length]);
    for (const line of [found[1], found[4]]) {
      expect(() => line?.read()).toThrow(
        expect.objectContaining({ code: 'USAGE', message: 'the line is too long: at most 4 MiB' }),
      );
    }
  });

  it('does not fill the memory', async () => {
    async function* endless(): AsyncGenerator<Buffer> {
      for (let i = 0; i < 1000; i++) yield Buffer.alloc(1_048_576, 'x');
      yield Buffer.from('\nlast');
    }
    let most = 0;
    async function* watched() {
      for await (const chunk of endless()) {
        most = Math.max(most, process.memoryUsage().arrayBuffers);
        yield chunk;
      }
    }
    const before = process.memoryUsage().arrayBuffers;
    expect((await all(lines(watched()))).map(({ number }) => number)).toEqual([1, 2]);
    expect(most - before).toBeLessThan(400 * 1_048_576); // of the 1,000 MiB that are read; garbage is collected late
  });
});

it('readText refuses a text that is too long before it has read all of it', async () => {
  let given = 0;
  async function* endless(): AsyncGenerator<Buffer> {
    for (;;) {
      given += 1;
      yield Buffer.alloc(1_048_576, ' ');
    }
  }
  await expect(readText(endless())).rejects.toEqual(
    expect.objectContaining({ code: 'USAGE', message: 'the input is too long: at most 4 MiB' }),
  );
  expect(given).toBe(5);
});

it('readText accepts a character split across chunks, and refuses a text that is not UTF-8', async () => {
  const bytes = Buffer.from('\ufeff温度\n');
  expect(await readText(chunks(bytes.subarray(0, 4), bytes.subarray(4)))).toBe('温度\n');
  await expect(readText(chunks(Buffer.from([0xff])))).rejects.toEqual(USAGE);
});
