/**
 * `-f FILE`: a device a line, in batches. Every line is judged alone; bad ones are named by
 * their number and the rest is done. Lines of one device apply in order.
 */
import type { ItemResult } from '../../core/async/item-results.js';
import type { ErrorCode } from '../../core/model/errors.js';
import type { Fleet } from '../../core/store/fleet.js';
import type { View } from '../../output/view.js';
import { Batch, type Entry } from './batch.js';
import { confirmedInBulk } from './confirm.js';
import type { Context, Input } from './context.js';

export interface LineWork<Item, Result> {
  file: string;
  failFast: boolean;
  yes: boolean | undefined;
  /** What is done to the devices, as a question has it. */
  doing: string;
  view: View<Result>;
  /** The entries that a file holds, as they come. */
  read(input: Input): AsyncIterable<readonly Entry<Item>[]>;
  apply(fleet: Fleet, items: readonly Item[]): Promise<readonly ItemResult<Result>[]>;
}

export async function applyLines<Item, Result>(
  context: Context,
  { file, failFast, yes, doing, view, read, apply }: LineWork<Item, Result>,
): Promise<ErrorCode | undefined> {
  const input = await context.open(file);
  if (!(await confirmedInBulk(context, { yes, ids: [], file }, doing))) return 'CONDITION';
  const fleet = await context.fleet();
  const { size } = input;
  const measure = size === undefined ? {} : { measure: { total: size, now: () => input.bytesRead ?? 0 } };
  const silent = context.print.format !== 'ndjson';
  const batch = new Batch(context, { failFast, silent, ...measure });
  const results = batch.each(read(input), (items) => apply(fleet, items));
  try {
    if (silent) for await (const _ of results);
    else await context.print.list(view, results);
  } finally {
    const { done, failed, unanswered } = batch;
    context.notice(`${done} done, ${failed} failed${unanswered > 0 ? `, ${unanswered} not answered` : ''}`);
  }
  return batch.code;
}
