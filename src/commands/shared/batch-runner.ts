/**
 * Applies an operation to many items of input, in batches. While Redis processes a batch, the next one is read. An
 * item that fails is reported on stderr at once, and the other items are still processed, also after a connection that
 * was lost and works again. If the server does not answer any more, the rest of the input is not sent.
 */
import { type ItemResult, itemResultOf } from '../../core/async/item-results.js';
import { prefetch } from '../../core/async/prefetch.js';
import { type Identified, idOf } from '../../core/async/send-batches.js';
import { slices } from '../../core/async/slices.js';
import { DevstateError, deviceError, type ErrorCode, isConnectionError } from '../../core/model/errors.js';
import { serverFailure } from '../../core/store/server-failure.js';
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
   * True: at the end a notice gives the numbers of items done, failed and unknown. False: only if the connection was
   * lost before the end of the input.
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
  #failed = 0;
  /** The number of items that were sent, and of which it is not known whether they were applied. */
  #unknown = 0;
  /** Whether the server did not answer any more, so that the rest of the input was not sent. */
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
   * Sends all batches and yields the results of the items that succeed. No further batch is sent after an interrupt, or
   * after a batch of which no item was answered, unless the server answers again.
   * @throws DevstateError CONNECTION: after an interrupt; or the server does not answer, and nothing was done
   */
  async *run<Item extends Identified, Result>(
    batches: Batches<Item>,
    send: SendBatch<Item, Result>,
  ): AsyncGenerator<Result> {
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
   * Sends a batch and yields its results. If some item is answered, or the server answers again, a connection error is
   * an ordinary failure of its item. If not, or after an interrupt, the error ends the run; then only the items that
   * may have been applied are reported.
   */
  async *#sendBatch<Item extends Identified, Result>(
    batch: readonly ReadItem<Item>[],
    send: SendBatch<Item, Result>,
  ): AsyncGenerator<Result> {
    const items = batch.flatMap(({ item }) => (item instanceof DevstateError ? [] : [item]));
    this.#unknown += items.length;
    const { results, loss } = await resultsOf(items, send);
    const isInterrupted = this.#context.signal.aborted;
    const finalError = isInterrupted
      ? (loss ?? results.find(isConnectionError))
      : loss && (await this.#failureAfter(loss));
    const nextResult = results.values();
    for (const { line, item } of batch) {
      const wasSent = !(item instanceof DevstateError);
      const result = wasSent ? (nextResult.next().value as ItemResult<Result>) : item;
      const isUnknown = isUnknownOutcome(result);
      if (wasSent && !isUnknown) this.#unknown -= 1;
      if (finalError && isConnectionError(result) && (isInterrupted || !isUnknown)) continue;
      if (result instanceof DevstateError) {
        if (!isUnknown) this.#failed += 1;
        this.failures.record(result, line);
        continue;
      }
      this.#succeeded += 1;
      yield result;
    }
    if (!finalError) return;
    if (isInterrupted || this.#succeeded === 0) throw finalError;
    this.#isCutShort = true;
    this.#context.failure(finalError);
  }

  /**
   * Returns the error that ends the run after a batch of which no item was answered; undefined: the server answers
   * again. If the batch was not sent, its request has already waited for the server.
   */
  async #failureAfter(loss: DevstateError): Promise<DevstateError | undefined> {
    return isUnknownOutcome(loss) ? serverFailure(await this.#context.fleet()) : loss;
  }

  #totals(): string {
    const unknown = this.#unknown > 0 ? `, ${this.#unknown} unknown` : '';
    const unsent = this.#isCutShort ? '; the rest of the input was not sent' : '';
    return `${this.#succeeded} done, ${this.#failed} failed${unknown}${unsent}`;
  }

  async *#parsed<Item>(batches: Batches<Item>): AsyncGenerator<ReadItem<Item>[]> {
    for await (const batch of batches) {
      for (const part of slices(batch, this.#options.failFast ? 1 : batch.length))
        yield part.map(({ line, read }) => ({ line, item: itemResultOf(read) }));
    }
  }
}

/**
 * Sends items and returns their results. `loss`: no item was answered, because of this error of the connection; then
 * each result is an error with the device's id.
 */
async function resultsOf<Item extends Identified, Result>(
  items: readonly Item[],
  send: SendBatch<Item, Result>,
): Promise<{ results: readonly ItemResult<Result>[]; loss?: DevstateError | undefined }> {
  if (items.length === 0) return { results: [] };
  try {
    const results = await send(items);
    return {
      results,
      loss: results.every(isConnectionError) ? (results.find(isUnknownOutcome) ?? results[0]) : undefined,
    };
  } catch (error) {
    if (!isConnectionError(error)) throw error;
    return { results: items.map((item) => deviceError(idOf(item), error)), loss: error };
  }
}

function isUnknownOutcome(result: unknown): result is DevstateError {
  return result instanceof DevstateError && result.outcome === 'unknown';
}
