/**
 * Several items in one command: each failure is said at once, the rest is done. The exit
 * code is 7, or the failures' own if nothing was done and all failed alike.
 */
import { DevstateError, type ErrorCode } from '../core/errors.js';
import { idLines } from '../input/lines.js';
import type { Context } from './command.js';

export class Batch {
  readonly #context: Context;
  readonly #codes = new Set<ErrorCode>();
  done = 0;
  failed = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  /** @throws what is no item's failure: a lost connection, a bug */
  fail(error: unknown, line?: number): void {
    if (!(error instanceof DevstateError) || error.code === 'CONNECTION') throw error;
    this.failed += 1;
    this.#codes.add(error.code);
    this.#context.failure(error, line);
  }

  /** How to exit. */
  get code(): ErrorCode | undefined {
    const [code] = this.#codes;
    if (code === undefined) return undefined;
    return this.done === 0 && this.#codes.size === 1 ? code : 'PARTIAL';
  }

  /** What `work` gives for each item, without those that fail. */
  async *map<Item, Result>(
    items: AsyncIterable<Item> | Iterable<Item>,
    work: (item: Item) => Promise<Result>,
  ): AsyncGenerator<Result> {
    for await (const item of items) {
      if (this.#context.signal.aborted) return;
      try {
        const result = await work(item);
        this.done += 1;
        yield result;
      } catch (error) {
        this.fail(error);
      }
    }
  }
}

/** A single id is an object, several or `-` (ids on standard input) are a list. */
export function isSingle(ids: readonly string[]): boolean {
  return ids.length === 1 && ids[0] !== '-';
}

/** The ids in the order given; `-` stands for those on standard input. */
export async function* eachId(context: Context, ids: readonly string[]): AsyncGenerator<string> {
  for (const id of ids) {
    if (id === '-') yield* idLines(await context.open('-'));
    else yield id;
  }
}
