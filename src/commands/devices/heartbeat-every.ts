/** `devstate heartbeat --every`: heartbeats at an interval until the command is stopped. */

import { type ItemResult, itemResultOf } from '../../core/async/item-results.js';
import { DevstateError, type ErrorCode } from '../../core/model/errors.js';
import type { HeartbeatResult } from '../../core/model/heartbeat.js';
import { validId } from '../../core/model/identifiers.js';

import type { Fleet } from '../../core/store/fleet.js';
import { isTransient } from '../../core/store/redis-errors.js';
import type { View } from '../../output/view.js';
import type { Context } from '../shared/context.js';
import { idBatches } from '../shared/device-ids.js';
import { ItemFailures } from '../shared/item-failures.js';
import { connectPersistently } from '../shared/outage-notices.js';
import { repeatAtInterval } from '../shared/repeat-at-interval.js';

export interface HeartbeatEveryOptions {
  intervalMs: number;
  /** The number of rounds; undefined: rounds are sent until the command is stopped. */
  count: number | undefined;
  view: View<HeartbeatResult>;
  /** Sends one heartbeat for each id, and returns the results in the order of the ids. */
  send(fleet: Fleet, ids: readonly string[]): Promise<ItemResult<HeartbeatResult>[]>;
}

/**
 * Sends heartbeats for all ids, again and again. A device whose heartbeat fails for good (it is not registered) is
 * reported once and left out of the following rounds. When no device is left, the command ends.
 */
export async function sendHeartbeatsAtInterval(
  context: Context,
  argumentIds: readonly string[],
  { intervalMs, count, view, send }: HeartbeatEveryOptions,
): Promise<ErrorCode | undefined> {
  const { fleet, outage } = await connectPersistently(context);
  fleet.assertNotReadOnly('heartbeat');
  const failures = new ItemFailures(context);
  let succeeded = 0;
  let ids = await readIds(context, argumentIds, failures);

  async function* sendRound(): AsyncGenerator<HeartbeatResult> {
    const results = await send(fleet, ids);
    ids = ids.filter((_, i) => !(results[i] instanceof DevstateError) || isTransient(results[i]));
    for (const result of results) {
      if (!(result instanceof DevstateError)) {
        succeeded += 1;
        yield result;
      } else if (!isTransient(result)) failures.recordOrThrow(result);
    }
    const transient = results.find(isTransient);
    if (transient) throw transient;
  }

  const repeat = { intervalMs, count, shouldContinue: () => ids.length > 0 };
  await context.print.stream(view, repeatAtInterval(context, repeat, sendRound, outage));
  return failures.errorCode(succeeded);
}

/** Reads all ids before the first heartbeat is sent; invalid ids are reported and left out. */
async function readIds(
  context: Context,
  argumentIds: readonly string[],
  failures: ItemFailures,
): Promise<string[]> {
  const ids: string[] = [];
  for await (const batch of idBatches(context, argumentIds)) {
    for (const { read } of batch) {
      const id = itemResultOf(() => validId(read()));
      if (id instanceof DevstateError) failures.recordOrThrow(id);
      else ids.push(id);
    }
  }
  return ids;
}
