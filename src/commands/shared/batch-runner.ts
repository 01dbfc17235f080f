/**
 * Applies an operation to many items of input, in batches. While Redis processes a batch, the next one is read. An
 * item that fails is reported on stderr at once, and the other items are still processed.
 */
import { type ItemResult, itemResultOf } from '../../core/async/item-results.js';
import { prefetch } from '../../core/async/prefetch.js';
import { slices } from '../../core/async/slices.js';
import { DevstateError, type ErrorCode, isConnectionError } from '../../core/model/errors.js';
import type { Context } from './context.js';
import { ItemFailures } from './item-failures.js';

/** An item of the input. Its text is parsed only when `read` is called. */
export interface InputItem<Item> {
  /** The number of the item's line in the input file, from 1; undefined: the item is not from a file. */
  line?: number;
  /** Parses the item. @throws DevstateError: the item is not valid */
  read(): Item;
}

interface ReadItem<Item> {
  line: number | undefined;
  item: ItemResult<Item>;
}

type Batches<Item> = AsyncIterable<readonly InputItem<Item>[]>;

/** Sends a batch to Redis and returns one result for each item, in the order of the items. */
export type SendBatch<Item, Result> = (items: readonly Item[]) => Promise<readonly ItemResult<Result>[]>;

export interface BatchRunnerOptions {
  /**
   * True: items are sent one at a time, and no further item is sent once one has failed. False: items are sent in
   * batches, and the items after a failed one are sent too.
   */
  failFast?: boolean;
  /**
   * True: the results are not printed, so a progress bar may be shown. False: a progress bar is shown only if
   * stdout is not a terminal, because the results would overwrite it.
   */
  silent?: boolean;
  /**
   * True: at the end a notice gives the numbers of items done, failed and not answered. False: only if the connection
   * was lost before the end of the input.
   */
  totals?: boolean;
  /**
   * The size of the input and the number of bytes read so far, for the progress bar; undefined: the size is not
   * known, so only the number of items done and their rate are shown.
   */
  inputBytes?: { total: number; read(): number };
}

export class BatchRunner {
  readonly failures: ItemFailures;
  readonly #context: Context;
  readonly #options: BatchRunnerOptions;
  #succeeded = 0;
  /**
   * The number of items that got no answer, so that it is not known whether they were applied; those whose error has no
   * outcome were not applied.
   */
  #unanswered = 0;
  /** Whether the connection was lost after items had been done, so that the rest of the input was not sent. */
  #isCutShort = false;

  constructor(context: Context, options: BatchRunnerOptions = {}) {
    this.failures = new ItemFailures(context);
    this.#context = context;
    this.#options = options;
  }

  get errorCode(): ErrorCode | undefined {
    return this.#isCutShort ? 'PARTIAL' : this.failures.errorCode(this.#succeeded);
  }

  /**
   * Sends all batches and yields the results of the items that succeed. After an interrupt, the batch that is
   * being sent is the last. So is one of which no item was answered because the connection was lost; if items had
   * been done before, that is reported like the failure of an item.
   * @throws DevstateError CONNECTION: the connection was lost and nothing was done before, or after an interrupt
   */
  async *run<Item, Result>(batches: Batches<Item>, send: SendBatch<Item, Result>): AsyncGenerator<Result> {
    const { failFast, silent, totals, inputBytes } = this.#options;
    // Parsing an item may print notices. With failFast an item is parsed at its turn, so that no notice is printed
    // about an item after the failed one; otherwise a whole batch is parsed ahead.
    const parsed = failFast ? this.#parsed(prefetch(batches)) : prefetch(this.#parsed(batches));
    // Rows and a progress bar on the same terminal would overwrite each other, so there is no bar if rows are
    // printed on a terminal.
    const showsProgress = silent || !this.#context.terminal.stdout;
    const progress = showsProgress
      ? this.#context.progress(inputBytes && { total: inputBytes.total })
      : undefined;
    try {
      for await (const items of parsed) {
        if (this.#context.signal.aborted) return;
        yield* this.#sendBatch(items, send);
        progress?.update(this.#succeeded + this.failures.count, inputBytes?.read());
        if (this.#isCutShort || (failFast && this.failures.count > 0)) return;
      }
    } finally {
      progress?.stop();
      if (totals || this.#isCutShort) this.#context.notice(this.#totals());
    }
  }

  /**
   * Sends a batch and yields its results. While other items of the batch are answered, a connection error is an
   * ordinary failure of its item, because one partition may be down. If no item is answered, or after an interrupt,
   * the connection error ends the run.
   */
  async *#sendBatch<Item, Result>(
    batch: readonly ReadItem<Item>[],
    send: SendBatch<Item, Result>,
  ): AsyncGenerator<Result> {
    const items = batch.flatMap(({ item }) => (item instanceof DevstateError ? [] : [item]));
    this.#unanswered = items.length;
    const results = items.length > 0 ? await resultsOf(items, send) : [];
    const isFatal = results.every(isConnectionError) || this.#context.signal.aborted;
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
    if (!fatal) return;
    if (this.#succeeded === 0 || this.#context.signal.aborted) throw fatal;
    this.#isCutShort = true;
    this.#context.failure(fatal);
  }

  #totals(): string {
    const unanswered = this.#unanswered > 0 ? `, ${this.#unanswered} not answered` : '';
    const unsent = this.#isCutShort ? '; the rest of the input was not sent' : '';
    return `${this.#succeeded} done, ${this.failures.count} failed${unanswered}${unsent}`;
  }

  async *#parsed<Item>(batches: Batches<Item>): AsyncGenerator<ReadItem<Item>[]> {
    for await (const batch of batches) {
      for (const part of slices(batch, this.#options.failFast ? 1 : batch.length))
        yield part.map(({ line, read }) => ({ line, item: itemResultOf(read) }));
    }
  }
}

/** Sends items and returns their results. An error of the connection is the result of each item. */
async function resultsOf<Item, Result>(
  items: readonly Item[],
  send: SendBatch<Item, Result>,
): Promise<readonly ItemResult<Result>[]> {
  try {
    return await send(items);
  } catch (error) {
    if (!isConnectionError(error)) throw error;
    return items.map(() => error);
  }
}
