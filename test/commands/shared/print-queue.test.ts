import { describe, expect, test } from 'vitest';
import { PrintQueue } from '../../../src/commands/shared/print-queue.js';

async function* numbers(to: number, end: () => unknown = () => {}): AsyncGenerator<number> {
  for (let i = 0; i < to; i++) yield i;
  await end();
}

function backlog(most = 3) {
  const said: string[] = [];
  const rows = new PrintQueue<number>({
    most,
    onFull: () => void said.push('full'),
    onLeftOut: (count) => void said.push(`${count} left out`),
  });
  return { rows, said };
}

async function all(rows: AsyncIterable<number>): Promise<number[]> {
  const found: number[] = [];
  for await (const row of rows) found.push(row);
  return found;
}

describe('a backlog', () => {
  test('gives all rows in their order to who reads them', async () => {
    const { rows, said } = backlog(1000);
    const reading = all(rows);
    await rows.fill(numbers(1000));
    expect(await reading).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(said).toEqual([]);
  });

  test('keeps nobody waiting: what does not fit is left out, and counted once the rest is read', async () => {
    const { rows, said } = backlog();
    await rows.fill(numbers(10));
    expect(said).toEqual(['full']);
    expect(await all(rows)).toEqual([0, 1, 2]);
    expect(said).toEqual(['full', '7 left out']);
  });

  test('takes rows again once a slow reader has caught up', async () => {
    const { rows, said } = backlog();
    const first = numbers(5);
    const more = numbers(2);
    let caughtUp = () => {};
    const reader = new Promise<void>((resolve) => {
      caughtUp = resolve;
    });
    async function* made() {
      yield* first;
      await reader;
      yield* more;
    }
    const filling = rows.fill(made());
    const found: number[] = [];
    for await (const row of rows) {
      found.push(row);
      if (found.length === 3) setImmediate(caughtUp);
    }
    await filling;
    expect([found, said]).toEqual([
      [0, 1, 2, 0, 1],
      ['full', '2 left out'],
    ]);
  });

  test('counts what waited when the reader left', async () => {
    const { rows, said } = backlog();
    await rows.fill(numbers(10));
    for await (const _ of rows) break;
    expect(said).toEqual(['full', '9 left out']);
  });

  test('lets others have their turn now and then', async () => {
    const { rows } = backlog(1000);
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

  test('where the rows fail: what came before is given, and who fills it is told', async () => {
    const { rows } = backlog();
    const failed = rows.fill(
      numbers(2, () => {
        throw new Error('mine');
      }),
    );
    const reading = all(rows);
    await expect(failed).rejects.toThrow('mine');
    expect(await reading).toEqual([0, 1]);
  });
});
