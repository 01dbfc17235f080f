/**
 * What the lists share: a limit, what to say of records that cannot be shown, and how to
 * exit. A broken record is that device's problem: a line on stderr, the list goes on.
 */
import { type ErrorCode, quote } from '../core/errors.js';
import type { Fleet } from '../core/fleet.js';
import type { Reading } from '../core/records.js';
import type { View } from '../output/view.js';
import { Batch } from './batch.js';
import type { Context } from './command.js';

export interface ListingOptions {
  limit?: number;
  failIfEmpty?: boolean;
}

export class Listing {
  readonly batch: Batch;
  readonly #context: Context;
  readonly #options: ListingOptions;
  #incomplete = 0;
  #example = '';

  constructor(context: Context, options: ListingOptions) {
    this.#context = context;
    this.#options = options;
    this.batch = new Batch(context);
  }

  readonly onProblem = ({ id, error }: Reading): void => {
    if (error) {
      this.batch.fail(error);
      return;
    }
    if (this.#incomplete === 0) this.#example = id;
    this.#incomplete += 1;
  };

  async print<Row>(
    view: View<Row>,
    query: (fleet: Fleet) => Promise<AsyncIterable<Row> | Iterable<Row>>,
  ): Promise<ErrorCode | undefined> {
    this.#context.print.check(view);
    const rows = await query(await this.#context.fleet());
    const count = await this.#context.print.list(view, upTo(rows, this.#options.limit));
    if (this.#incomplete > 0) {
      this.#context.notice(
        `${this.#incomplete} without a registered record skipped, ${quote(this.#example)} among them`,
      );
    }
    if (this.batch.failed > 0) return 'PARTIAL';
    return count === 0 && this.#options.failIfEmpty ? 'CONDITION' : undefined;
  }
}

async function* upTo<T>(
  rows: AsyncIterable<T> | Iterable<T>,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<T> {
  let count = 0;
  for await (const row of rows) {
    yield row;
    count += 1;
    if (count >= limit) return;
  }
}
