import { describe, expect, test } from 'vitest';
import { PrintQueue } from '../../../src/commands/presence/print-queue.js';

async function* numbers(to: number, end: () => unknown = () => {}): AsyncGenerator<number> {
  for (let i = 0; i < to; i++) yield i;
  await end();
}

function queue(maxRows = 3) {
  const calls: string[] = [];
  const rows = new PrintQueue<number>({
    maxRows,
    onFull: () => void calls.push('full'),
    onDropped: (count) => void calls.push(`${count} dropped`),
  });
  return { rows, calls };
}

async function all(rows: AsyncIterable<number>): Promise<number[]> {
  const found: number[] = [];
  for await (const row of rows) found.push(row);
  return found;
}

describe('the print queue', () => {
  test('yields all rows in their order', async () => {
    const { rows, calls } = queue(1000);
    const reading = all(rows);
    await rows.fill(numbers(1000));
    expect(await reading).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(calls).toEqual([]);
  });

  test('does not delay the producer: rows beyond the limit are dropped, and counted once the queue is empty', async () => {
    const { rows, calls } = queue();
    await rows.fill(numbers(10));
    expect(calls).toEqual(['full']);
    expect(await all(rows)).toEqual([0, 1, 2]);
    expect(calls).toEqual(['full', '7 dropped']);
  });

  test('accepts rows again once a slow reader has emptied the queue', async () => {
    const { rows, calls } = queue();
    const first = numbers(5);
    const more = numbers(2);
    let caughtUp = () => {};
    const reader = new Promise<void>((resolve) => {
      caughtUp = resolve;
    });
    async function* producer() {
      yield* first;
      await reader;
      yield* more;
    }
    const filling = rows.fill(producer());
    const found: number[] = [];
    for await (const row of rows) {
      found.push(row);
      if (found.length === 3) setImmediate(caughtUp);
    }
    await filling;
    expect([found, calls]).toEqual([
      [0, 1, 2, 0, 1],
      ['full', '2 dropped'],
    ]);
  });

  test('counts the rows that were queued when the reader stopped as dropped', async () => {
    const { rows, calls } = queue();
    await rows.fill(numbers(10));
    for await (const _ of rows) break;
    expect(calls).toEqual(['full', '9 dropped']);
  });

  test('gives the event loop a turn between groups of rows', async () => {
    const { rows } = queue(1000);
    await rows.fill(numbers(1000));
    let turns = 0;
    let ended = false;
    const count = () => {
      turns += 1;
      if (!ended) setImmediate(count);
    };
    setImmediate(count);
    await all(rows);
    ended = true;
    expect(turns).toBeGreaterThan(5);
  });

  test('yields the rows before an error of the producer, and fill() rejects with that error', async () => {
    const { rows } = queue();
    const filling = rows.fill(
      numbers(2, () => {
        throw new Error('producer failed');
      }),
    );
    const reading = all(rows);
    await expect(filling).rejects.toThrow('producer failed');
    expect(await reading).toEqual([0, 1]);
  });
});
