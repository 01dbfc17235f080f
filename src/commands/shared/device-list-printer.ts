/**
 * What the commands that list devices share: a limit, progress, notices about records that cannot
 * be shown, and the exit code. A broken record is reported on stderr and the list goes on.
 */

import { itemResultOf } from '../../core/async/item-results.js';
import { DevstateError, type ErrorCode, quote } from '../../core/model/errors.js';
import type { QueryOptions } from '../../core/query/device-reader.js';
import { isIndexed, type Order } from '../../core/query/list.js';
import type { DeviceReading } from '../../core/query/read-devices.js';
import { countRegistered } from '../../core/query/registered-ids.js';
import type { Fleet } from '../../core/store/fleet.js';
import type { View } from '../../output/view.js';
import type { Context } from './context.js';
import { ItemFailures } from './item-failures.js';

export interface DeviceListOptions {
  type?: string;
  sort?: SortKey;
  status?: string;
  limit?: number;
  /** True: an empty list ends the command with the error code CONDITION. False: an empty list is no error. */
  failIfEmpty?: boolean;
}

/** The values that the option `--sort` of lists may have. */
export type SortKey = 'id' | 'last-seen' | 'expires';

export function toOrder(key: SortKey): Order {
  return ({ id: 'id', 'last-seen': 'lastSeen', expires: 'deadline' } as const)[key];
}

/**
 * The number of registered devices above which a list that is sorted in memory causes a notice. In smaller fleets
 * the memory for sorting does not matter.
 */
const LARGE_FLEET = 10_000;

export class DeviceListPrinter {
  readonly #failures: ItemFailures;
  readonly #context: Context;
  readonly #options: DeviceListOptions;
  #unregisteredCount = 0;
  #unregisteredExample = '';

  constructor(context: Context, options: DeviceListOptions) {
    this.#context = context;
    this.#options = options;
    this.#failures = new ItemFailures(context);
  }

  /**
   * Yields what `map` returns for each row. A row for which `map` throws a DevstateError is reported and left out.
   */
  async *mapRows<Row, Mapped>(
    chunks: AsyncIterable<readonly Row[]>,
    map: (row: Row) => Mapped,
  ): AsyncGenerator<readonly Mapped[]> {
    for await (const chunk of chunks) {
      yield chunk.flatMap((row) => {
        const result = itemResultOf(() => map(row));
        if (!(result instanceof DevstateError)) return [result];
        this.#failures.recordOrThrow(result);
        return [];
      });
    }
  }

  /**
   * Prints the list of devices that `query` yields.
   * @param query must pass its options on to the core's query. They say whether the device type is printed, and report
   *   progress and broken records
   * @returns PARTIAL if a record was broken, CONDITION for an empty list with `failIfEmpty`
   */
  async print<Row>(
    view: View<Row>,
    query: (fleet: Fleet, options: QueryOptions) => AsyncIterable<readonly Row[]>,
  ): Promise<ErrorCode | undefined> {
    const { print, terminal } = this.#context;
    print.check(view);
    const fleet = await this.#context.fleet();
    await this.#warnOfLargeSort(fleet);
    // Rows and a progress bar on the same terminal would overwrite each other, so the bar is shown only if the
    // rows go to a file or pipe.
    const showsProgress = terminal.stderr && !terminal.stdout;
    const progress = showsProgress
      ? this.#context.progress({ total: await countRegistered(fleet) })
      : undefined;
    const chunks = query(fleet, {
      withType: print.format !== 'name',
      onProblem: this.#onProblem,
      onProgress: (count) => progress?.update(count),
    });
    let count: number;
    try {
      count = await print.list(view, { chunks: takeRows(chunks, this.#options.limit) });
    } finally {
      progress?.stop();
    }
    if (this.#unregisteredCount > 0) {
      const example = quote(this.#unregisteredExample);
      this.#context.notice(
        `ids without a registered record: ${this.#unregisteredCount} skipped, for example ${example}`,
      );
    }
    if (this.#failures.count > 0) return 'PARTIAL';
    return count === 0 && this.#options.failIfEmpty ? 'CONDITION' : undefined;
  }

  async #warnOfLargeSort(fleet: Fleet): Promise<void> {
    const { sort, type, status } = this.#options;
    // For online devices the index holds deadlines, not when they were last seen. So a list by `last-seen` that
    // may have online devices is sorted in memory, and causes the notice in a large fleet.
    const mayBeIndexed = sort !== 'last-seen' || status === 'offline' || status === 'never';
    if (sort === undefined || (mayBeIndexed && (await isIndexed(fleet, toOrder(sort), type)))) return;
    if ((await countRegistered(fleet)) > LARGE_FLEET)
      this.#context.notice(`sorting by ${sort} reads the whole list into memory first`);
  }

  readonly #onProblem = ({ id, error }: DeviceReading): void => {
    if (error) {
      this.#failures.recordOrThrow(error);
      return;
    }
    if (this.#unregisteredCount === 0) this.#unregisteredExample = id;
    this.#unregisteredCount += 1;
  };
}

async function* takeRows<Row>(
  chunks: AsyncIterable<readonly Row[]>,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<readonly Row[]> {
  let left = limit;
  for await (const chunk of chunks) {
    yield chunk.length <= left ? chunk : chunk.slice(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}
