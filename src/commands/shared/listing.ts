/**
 * What the lists share: a limit, what to say of records that cannot be shown, and how to
 * exit. A broken record is that device's problem: a line on stderr, the list goes on.
 */
import { type ErrorCode, quote } from '../../core/model/errors.js';
import { countRegistered, isIndexed, type Order, type QueryOptions } from '../../core/query/list.js';
import type { DeviceReading } from '../../core/query/read-devices.js';
import type { Fleet } from '../../core/store/fleet.js';
import type { Progress } from '../../output/progress.js';
import type { View } from '../../output/view.js';
import { Batch } from './batch.js';
import type { Context } from './context.js';

export interface ListingOptions {
  type?: string;
  sort?: SortKey;
  status?: string;
  limit?: number;
  failIfEmpty?: boolean;
}

export type SortKey = 'id' | 'last-seen' | 'expires';

/** What `--sort` takes, as the core calls it. */
export function orderOf(key: SortKey): Order {
  return ({ id: 'id', 'last-seen': 'lastSeen', expires: 'deadline' } as const)[key];
}

const MANY = 10_000;

export class Listing {
  readonly #batch: Batch;
  readonly #context: Context;
  readonly #options: ListingOptions;
  #incomplete = 0;
  #example = '';

  constructor(context: Context, options: ListingOptions) {
    this.#context = context;
    this.#options = options;
    this.#batch = new Batch(context);
  }

  /** Rows as they are shown; one that cannot be is that device's problem. */
  async *shown<Row, Shown>(
    chunks: AsyncIterable<readonly Row[]>,
    show: (row: Row) => Shown,
  ): AsyncGenerator<readonly Shown[]> {
    for await (const chunk of chunks) {
      yield chunk.flatMap((row) => {
        try {
          return [show(row)];
        } catch (error) {
          this.#batch.fail(error);
          return [];
        }
      });
    }
  }

  /** What it holds of a small fleet is nothing to speak of. */
  async #sayIfHeld(fleet: Fleet): Promise<void> {
    const { sort, type, status } = this.#options;
    // Of those that are online the index knows the deadline, not when they were seen.
    const indexed = sort !== 'last-seen' || status === 'offline' || status === 'never';
    if (sort === undefined || (indexed && (await isIndexed(fleet, orderOf(sort), type)))) return;
    if ((await countRegistered(fleet)) > MANY)
      this.#context.notice(`sorting by ${sort} holds the whole list first`);
  }

  async #progress(fleet: Fleet): Promise<Progress> {
    return this.#context.progress({ total: await countRegistered(fleet) });
  }

  readonly #onProblem = ({ id, error }: DeviceReading): void => {
    if (error) {
      this.#batch.fail(error);
      return;
    }
    if (this.#incomplete === 0) this.#example = id;
    this.#incomplete += 1;
  };

  async print<Row>(
    view: View<Row>,
    query: (fleet: Fleet, options: QueryOptions) => AsyncIterable<readonly Row[]>,
  ): Promise<ErrorCode | undefined> {
    const { print, terminal } = this.#context;
    print.check(view);
    const fleet = await this.#context.fleet();
    await this.#sayIfHeld(fleet);
    // Between the rows on a terminal a bar would only flicker.
    const progress = terminal.stderr && !terminal.stdout ? await this.#progress(fleet) : undefined;
    const chunks = query(fleet, { onProblem: this.#onProblem, onLooked: (count) => progress?.at(count) });
    let count: number;
    try {
      count = await print.list(view, { chunks: upTo(chunks, this.#options.limit) });
    } finally {
      progress?.stop();
    }
    if (this.#incomplete > 0) {
      this.#context.notice(
        `${this.#incomplete} without a registered record skipped, ${quote(this.#example)} among them`,
      );
    }
    if (this.#batch.failed > 0) return 'PARTIAL';
    return count === 0 && this.#options.failIfEmpty ? 'CONDITION' : undefined;
  }
}

async function* upTo<T>(
  chunks: AsyncIterable<readonly T[]>,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<readonly T[]> {
  let left = limit;
  for await (const chunk of chunks) {
    yield chunk.length <= left ? chunk : chunk.slice(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}
