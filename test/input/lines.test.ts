import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idLines, lines, readText } from '../../src/input/lines.js';

async function* chunks(...parts: (Buffer | string)[]): AsyncGenerator<Buffer | string> {
  yield* parts;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
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

  it('are the same however the bytes are cut', async () => {
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

  it('come before the stream ends', async () => {
    async function* endless(): AsyncGenerator<string> {
      for (;;) yield 'line\n';
    }
    for await (const { number } of lines(endless())) if (number === 3) return;
  });

  it('refuse bytes that are not UTF-8, and those of no other line', async () => {
    const found = await all(lines(chunks('a\n', Buffer.from([0x62, 0xff, 0x0a]), 'c')));
    expect(found.map(({ number }) => number)).toEqual([1, 2, 3]);
    expect([found[0]?.read(), found[2]?.read()]).toEqual(['a', 'c']);
    expect(() => found[1]?.read()).toThrow(
      expect.objectContaining({ code: 'USAGE', message: 'the line is not valid UTF-8' }),
    );
  });
});

it('idLines yields ids', async () => {
  expect(await all(idLines(chunks('d1\n\n d2 \r\nd3')))).toEqual(['d1', 'd2', 'd3']);
});

it('readText joins chunks within a character, and refuses what is not UTF-8', async () => {
  const bytes = Buffer.from('\ufeff温度\n');
  expect(await readText(chunks(bytes.subarray(0, 4), bytes.subarray(4)))).toBe('温度\n');
  await expect(readText(chunks(Buffer.from([0xff])))).rejects.toEqual(USAGE);
});
