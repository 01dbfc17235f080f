/**
 * Many items in one command: they go in batches, the next being read while the last is
 * done; each failure is said at once, the rest is done. The exit code is 7, or the
 * failures' own if nothing was done and all failed alike.
 */

import { type ItemResult, isConnectionError, itemResultOf } from '../../core/async/item-results.js';
import { prefetch } from '../../core/async/prefetch.js';
import { slices } from '../../core/async/slices.js';
import { DevstateError, type ErrorCode, usageError } from '../../core/model/errors.js';
import { type Line, lineBatches } from '../../input/lines.js';
import type { Context } from './context.js';

/** Something to work at, or why it cannot be read. */
export interface Entry<Item> {
  /** Of a file, from 1. */
  line?: number;
  /** @throws DevstateError: this entry's failure */
  read(): Item;
}
interface Readable<Item> {
  line: number | undefined;
  item: ItemResult<Item>;
}
type Batches<Item> = AsyncIterable<readonly Entry<Item>[]>;

export interface BatchOptions {
  /** Nothing of what comes after a failure is begun. */
  failFast?: boolean;
  /** Its results are not printed. */
  silent?: boolean;
  /** What progress goes by, where its end is known. */
  measure?: { total: number; now(): number };
}

export class Batch {
  readonly #context: Context;
  readonly #failFast: boolean;
  readonly #silent: boolean;
  readonly #measure: BatchOptions['measure'];
  readonly #codes = new Set<ErrorCode>();
  done = 0;
  failed = 0;
  /** Sent, and cut off or refused: they may be done or not. */
  unanswered = 0;

  constructor(context: Context, { failFast = false, silent = false, measure }: BatchOptions = {}) {
    this.#context = context;
    this.#failFast = failFast;
    this.#silent = silent;
    this.#measure = measure;
  }

  /** @throws what is no item's failure: a lost connection, a bug */
  fail(error: unknown, line?: number): void {
    if (!(error instanceof DevstateError) || isConnectionError(error)) throw error;
    this.#tell(error, line);
  }

  #tell(error: DevstateError, line: number | undefined): void {
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

  /**
   * What `work` gives for the items, without those that fail. An interrupt ends it between
   * batches. To fail fast they go one by one.
   */
  async *each<Item, Result>(
    batches: Batches<Item>,
    work: (items: readonly Item[]) => Promise<readonly ItemResult<Result>[]>,
  ): AsyncGenerator<Result> {
    // What is read is told of: to fail fast not before its turn.
    const readable = this.#failFast ? this.#readable(prefetch(batches)) : prefetch(this.#readable(batches));
    // Between results on a terminal a bar would only flicker.
    const shows = this.#silent || !this.#context.terminal.stdout;
    const progress = shows ? this.#context.progress(this.#measure) : undefined;
    try {
      for await (const entries of readable) {
        if (this.#context.interrupted.aborted) return;
        yield* this.#work(entries, work);
        progress?.at(this.done + this.failed, this.#measure?.now());
        if (this.#failFast && this.failed > 0) return;
      }
    } finally {
      progress?.stop();
    }
  }

  /** Where others were answered, one that is out of reach has failed alone; else, or interrupted, it ends. */
  async *#work<Item, Result>(
    entries: readonly Readable<Item>[],
    work: (items: readonly Item[]) => Promise<readonly ItemResult<Result>[]>,
  ): AsyncGenerator<Result> {
    const items = entries.flatMap(({ item }) => (item instanceof DevstateError ? [] : [item]));
    this.unanswered = items.length;
    const results = items.length > 0 ? await work(items) : [];
    const end =
      results.every(isConnectionError) || this.#context.interrupted.aborted
        ? results.find(isConnectionError)
        : undefined;
    const answers = results.values();
    for (const { line, item } of entries) {
      const sent = !(item instanceof DevstateError);
      const result = sent ? (answers.next().value as ItemResult<Result>) : item;
      if (end && isConnectionError(result)) continue;
      if (result instanceof DevstateError) this.#tell(result, line);
      if (sent) this.unanswered -= 1;
      if (result instanceof DevstateError) continue;
      this.done += 1;
      yield result;
    }
    if (end) throw end;
  }

  async *#readable<Item>(batches: Batches<Item>): AsyncGenerator<Readable<Item>[]> {
    for await (const entries of batches) {
      for (const part of slices(entries, this.#failFast ? 1 : entries.length))
        yield part.map(({ line, read }) => ({ line, item: itemResultOf(read) }));
    }
  }
}

/** A single id is an object, several or `-` (ids on standard input) are a list. */
export function isSingle(ids: readonly string[]): ids is readonly [string] {
  return ids.length === 1 && ids[0] !== '-';
}

const IDS_AT_ONCE = 500;

/**
 * The ids in the order given; `-` stands for those on standard input.
 * @param atOnce fewer, where whole records are read of them
 */
export async function* idBatches(
  context: Context,
  ids: readonly string[],
  atOnce: number = IDS_AT_ONCE,
): AsyncGenerator<readonly Entry<string>[]> {
  let given: Entry<string>[] = [];
  for (const id of ids) {
    if (id !== '-') given.push({ read: () => id });
    if (given.length > 0 && (id === '-' || given.length === atOnce)) {
      yield given;
      given = [];
    }
    if (id !== '-') continue;
    // No valid id has white space at its ends.
    for await (const lines of lineBatches(await context.open('-')))
      for (const part of slices(lines, atOnce)) yield part.map((line) => ({ read: () => idOf(line) }));
  }
  if (given.length > 0) yield given;
}

function idOf({ number, read }: Line): string {
  try {
    return read().trim();
  } catch (error) {
    throw error instanceof DevstateError ? usageError(`line ${number}: ${error.message}`) : error;
  }
}
