/**
 * `-f FILE`: a device a line. Every line is judged alone; bad ones are named by their
 * number and the rest is done. Lines apply in order.
 */
import type { ErrorCode } from '../core/errors.js';
import type { Fleet } from '../core/fleet.js';
import { lines } from '../input/lines.js';
import type { View } from '../output/view.js';
import { Batch } from './batch.js';
import type { Context } from './command.js';

export async function applyLines<Line, Result>(
  context: Context,
  file: string,
  view: View<Result>,
  parse: (text: string, notice: (message: string) => void) => Line,
  apply: (fleet: Fleet, line: Line) => Promise<Result>,
): Promise<ErrorCode | undefined> {
  const input = await context.open(file);
  const fleet = await context.fleet();
  const batch = new Batch(context);
  async function* results(): AsyncGenerator<Result> {
    for await (const { number, read } of lines(input)) {
      if (context.signal.aborted) return;
      try {
        const line = parse(read(), (message) => context.notice(`line ${number}: ${message}`));
        const result = await apply(fleet, line);
        batch.done += 1;
        yield result;
      } catch (error) {
        batch.fail(error, number);
      }
    }
  }
  if (context.print.format === 'ndjson') await context.print.list(view, results());
  else for await (const _ of results());
  context.notice(`${batch.done} done, ${batch.failed} failed`);
  return batch.code;
}
