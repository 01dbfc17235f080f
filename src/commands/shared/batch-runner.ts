/**
 * Applies an operation to many items in batches. The next batch is read while the current one
 * is at Redis. An item that fails is reported on stderr at once, and the others go on.
 */
import { type ItemResult, itemResultOf } from '../../core/async/item-results.js';
import { prefetch } from '../../core/async/prefetch.js';
import { slices } from '../../core/async/slices.js';
import { DevstateError, type ErrorCode, isConnectionError } from '../../core/model/errors.js';
import type { Context } from './context.js';
import { ItemFailures } from './item-failures.js';

/** An item whose text is parsed when `read` is called. */
export interface InputItem<Item> {
  /** Number of its line in the input file, from 1. */
  line?: number;
  /** @throws DevstateError if this item is invalid */
  read(): Item;
}

interface ReadItem<Item> {
  line: number | undefined;
  item: ItemResult<Item>;
}

type Batches<Item> = AsyncIterable<readonly InputItem<Item>[]>;

/** Sends a batch. Returns one result for each item, in the order of the items. */
export type SendBatch<Item, Result> = (items: readonly Item[]) => Promise<readonly ItemResult<Result>[]>;

export interface BatchRunnerOptions {
  /** Starts no further item once one has failed; items are then sent one at a time. */
  failFast?: boolean;
  /** The results are not printed, so progress may be shown on the same terminal. */
  silent?: boolean;
  /** Measures progress in input bytes, for an input of known size. */
  inputBytes?: { total: number; read(): number };
}

export class BatchRunner {
  readonly failures: ItemFailures;
  readonly #context: Context;
  readonly #options: BatchRunnerOptions;
  #succeeded = 0;
  #unanswered = 0;

  constructor(context: Context, options: BatchRunnerOptions = {}) {
    this.failures = new ItemFailures(context);
    this.#context = context;
    this.#options = options;
  }

  get succeeded(): number {
    return this.#succeeded;
  }

  /** Number of items that were sent and got no answer: they may have been applied or not. */
  get unanswered(): number {
    return this.#unanswered;
  }

  get errorCode(): ErrorCode | undefined {
    return this.failures.errorCode(this.#succeeded);
  }

  /**
   * Yields the results of the items that succeed. An interrupt ends it after the current batch.
   * @throws DevstateError CONNECTION if no item of a batch was answered
   */
  async *run<Item, Result>(batches: Batches<Item>, send: SendBatch<Item, Result>): AsyncGenerator<Result> {
    const { failFast, silent, inputBytes } = this.#options;
    // Parsing prints notices. With failFast an item is parsed at its turn, so that no notice is
    // printed about an item after the failed one; otherwise it is parsed ahead with its batch.
    const parsed = failFast ? this.#parsed(prefetch(batches)) : prefetch(this.#parsed(batches));
    // Rows and a progress bar on the same terminal would overwrite each other.
    const showsProgress = silent || !this.#context.terminal.stdout;
    const progress = showsProgress
      ? this.#context.progress(inputBytes && { total: inputBytes.total })
      : undefined;
    try {
      for await (const items of parsed) {
        if (this.#context.interrupted.aborted) return;
        yield* this.#sendBatch(items, send);
        progress?.update(this.#succeeded + this.failures.count, inputBytes?.read());
        if (failFast && this.failures.count > 0) return;
      }
    } finally {
      progress?.stop();
    }
  }

  /**
   * A connection error is an ordinary failure of its item while other items were answered (one
   * partition is down). If none was answered, or after an interrupt, it ends the command.
   */
  async *#sendBatch<Item, Result>(
    batch: readonly ReadItem<Item>[],
    send: SendBatch<Item, Result>,
  ): AsyncGenerator<Result> {
    const items = batch.flatMap(({ item }) => (item instanceof DevstateError ? [] : [item]));
    this.#unanswered = items.length;
    const results = items.length > 0 ? await send(items) : [];
    const isFatal = results.every(isConnectionError) || this.#context.interrupted.aborted;
    const fatal = isFatal ? results.find(isConnectionError) : undefined;
    const nextResult = results.values();
    for (const { line, item } of batch) {
      const wasSent = !(item instanceof DevstateError);
      const result = wasSent ? (nextResult.next().value as ItemResult<Result>) : item;
      if (fatal && isConnectionError(result)) continue;
      if (result instanceof DevstateError) this.failures.record(result, line);
      if (wasSent) this.#unanswered -= 1;
      if (result instanceof DevstateError) continue;
      this.#succeeded += 1;
      yield result;
    }
    if (fatal) throw fatal;
  }

  async *#parsed<Item>(batches: Batches<Item>): AsyncGenerator<ReadItem<Item>[]> {
    for await (const batch of batches) {
      for (const part of slices(batch, this.#options.failFast ? 1 : batch.length))
        yield part.map(({ line, read }) => ({ line, item: itemResultOf(read) }));
    }
  }
}
