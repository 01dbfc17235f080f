/**
 * Verdicts on many devices, in several scripts that are on their way together: one that
 * fails keeps back nothing of what the others announced.
 */
import { collectOutcomes } from '../async/item-results.js';
import { DevstateError } from '../model/errors.js';
import type { PresenceEvent } from '../model/presence-event.js';
import { type SettleOptions, settle, type Verdict } from '../presence/settle.js';
import type { Partition } from '../store/partition.js';
import { isDenied, isTransient } from '../store/redis-errors.js';
import { MAX_DEVICES_PER_SCRIPT } from '../store/scripts.js';

export interface BatchSettlement {
  /** In the order of the devices, those of scripts that failed left out. */
  verdicts: Verdict[];
  events: PresenceEvent[];
  bypassed: boolean;
  /** Of whole scripts; not known is what they did. */
  failures: unknown[];
}

/**
 * How many who are due stand in one script: so few that Redis works on the first while the
 * next are prepared, and what it announced is out soon, for that is sent when it has ended.
 */
const DUE_IN_A_SCRIPT = 25;

/** @param others are in no hurry, and come last */
export async function settleBatch(
  partition: Partition,
  due: readonly string[],
  others: readonly string[],
  options: SettleOptions,
): Promise<BatchSettlement> {
  const slices = [...slicesOf(due, DUE_IN_A_SCRIPT), ...slicesOf(others, MAX_DEVICES_PER_SCRIPT)];
  const { values, failures } = await collectOutcomes(
    slices.map((slice) => settle(partition, slice, options)),
  );
  return {
    verdicts: values.flatMap(({ verdicts }) => verdicts),
    events: values.flatMap(({ events }) => events),
    bypassed: values.some(({ bypassed }) => bypassed),
    failures,
  };
}

function slicesOf(ids: readonly string[], size: number): string[][] {
  return Array.from({ length: Math.ceil(ids.length / size) }, (_, i) => ids.slice(i * size, (i + 1) * size));
}

/**
 * Why it cannot go on like this: something is denied; or nothing can be settled, as on a
 * replica, and looking again at once would find the same. What is due comes first, and
 * counts alone.
 */
export function blockingError(verdicts: readonly Verdict[], due: number): DevstateError | undefined {
  const errors = verdicts.filter((verdict) => verdict instanceof DevstateError);
  const counting = due > 0 ? verdicts.slice(0, due) : verdicts;
  return errors.find(isDenied) ?? (counting.every(isTransient) ? errors[0] : undefined);
}
