/**
 * Applies a command to the items of a file (`-f FILE`), in batches. An item that fails is reported with the number
 * of its line.
 */
import type { ItemResult } from '../../core/async/item-results.js';
import type { Identified } from '../../core/async/send-batches.js';
import type { ErrorCode } from '../../core/model/errors.js';
import type { Fleet } from '../../core/store/fleet.js';
import type { Notice } from '../../input/json.js';
import { lineBatches } from '../../input/lines.js';
import type { View } from '../../output/view.js';
import { BatchRunner, type InputItem } from './batch-runner.js';
import { confirmBulkWrite } from './confirm.js';
import type { Context, Input } from './context.js';

export interface ApplyLinesOptions<Item, Result> {
  file: string;
  failFast: boolean;
  /** Whether `--yes` was given: then no question is asked. */
  yes: boolean | undefined;
  /**
   * The beginning of the question that is asked in a protected context: `Register` of `Register the devices of
   * FILE?`.
   */
  verb: string;
  view: View<Result>;
  read(input: Input): AsyncIterable<readonly InputItem<Item>[]>;
  /** Sends items to Redis. Several items of one device must be applied in their order. */
  apply(fleet: Fleet, items: readonly Item[]): Promise<readonly ItemResult<Result>[]>;
}

/**
 * Applies the items of a file. Their results are printed only if the format is ndjson; in every format a notice
 * gives the numbers of items done, failed and unknown.
 */
export async function applyLines<Item extends Identified, Result>(
  context: Context,
  { file, failFast, yes, verb, view, read, apply }: ApplyLinesOptions<Item, Result>,
): Promise<ErrorCode | undefined> {
  const input = await context.open(file);
  if (!(await confirmBulkWrite(context, { yes, ids: [], file }, verb))) return 'CONDITION';
  const fleet = await context.fleet();
  const { size } = input;
  const silent = context.print.format !== 'ndjson';
  const runner = new BatchRunner(context, {
    failFast,
    silent,
    totals: true,
    ...(size !== undefined && { inputBytes: { total: size, read: () => input.bytesRead ?? 0 } }),
  });
  const results = runner.run(read(input), (items) => apply(fleet, items));
  if (silent) for await (const _ of results);
  else await context.print.list(view, results);
  return runner.errorCode;
}

/** Yields the lines of an NDJSON file as items. A notice of `parse` is printed with the number of its line. */
export async function* lineItems<Item>(
  { notice }: Context,
  input: Input,
  parse: (text: string, notice: Notice) => Item,
): AsyncGenerator<InputItem<Item>[]> {
  for await (const lines of lineBatches(input)) {
    yield lines.map(({ number, read }) => ({
      line: number,
      read: () => parse(read(), (message) => notice(`line ${number}: ${message}`)),
    }));
  }
}
