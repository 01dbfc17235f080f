/**
 * Settles many devices with several scripts, which are sent together. If one script fails, the
 * events of the others are still returned, because they have been announced.
 */
import { collectOutcomes } from '../async/settled.js';
import { slices } from '../async/slices.js';
import { DevstateError } from '../model/errors.js';
import type { PresenceEvent } from '../model/presence-event.js';
import { type SettleOptions, settle, type Verdict } from '../presence/settle.js';
import type { Partition } from '../store/partition.js';
import { isTransient } from '../store/redis-errors.js';
import { isDenied } from '../store/reply-errors.js';
import { MAX_DEVICES_PER_SCRIPT } from '../store/scripts.js';

export interface BatchSettlement {
  /** In the order of the devices, without those of scripts that failed. */
  verdicts: Verdict[];
  events: PresenceEvent[];
  /** Whether another program changed a device without updating the index. */
  bypassed: boolean;
  /** The errors of whole scripts. What such a script has done is not known. */
  failures: unknown[];
}

/**
 * The number of due devices in one script. Redis publishes the events of a script when it ends, so
 * short scripts announce their devices sooner.
 */
const DUE_PER_SCRIPT = 25;

/** The number of devices of a whole fleet that are settled before the index is read again. */
const MAX_DEVICES_PER_STEP = 8 * MAX_DEVICES_PER_SCRIPT;

/**
 * Returns how many devices of one partition are settled before its index is read again. More
 * partitions get fewer devices each, so that none of them waits long for a reply.
 */
export function maxDevicesPerStep(partitionCount: number): number {
  return Math.max(MAX_DEVICES_PER_SCRIPT, Math.floor(MAX_DEVICES_PER_STEP / partitionCount));
}

/**
 * Settles devices of a partition. Does not reject: errors of scripts are in `failures`.
 * @param due devices whose deadline has passed; they are settled first
 * @param others devices that are settled after them
 */
export async function settleBatch(
  partition: Partition,
  due: readonly string[],
  others: readonly string[],
  options: SettleOptions,
): Promise<BatchSettlement> {
  const batches = [...slices(due, DUE_PER_SCRIPT), ...slices(others, MAX_DEVICES_PER_SCRIPT)];
  const { values, failures } = await collectOutcomes(batches.map((ids) => settle(partition, ids, options)));
  return {
    verdicts: values.flatMap(({ verdicts }) => verdicts),
    events: values.flatMap(({ events }) => events),
    bypassed: values.some(({ bypassed }) => bypassed),
    failures,
  };
}

/**
 * Returns the error that makes settling again at once useless: permission was refused, or no device
 * could be settled, as on a replica. If devices were due, only their verdicts count for the latter.
 * @param dueCount how many of the first verdicts are of due devices
 */
export function blockingError(verdicts: readonly Verdict[], dueCount: number): DevstateError | undefined {
  const errors = verdicts.filter((verdict) => verdict instanceof DevstateError);
  const decisive = dueCount > 0 ? verdicts.slice(0, dueCount) : verdicts;
  return errors.find(isDenied) ?? (decisive.every(isTransient) ? errors[0] : undefined);
}

/** Passes on the messages of devices that could not be settled. */
export function reportErrors(verdicts: readonly Verdict[], notice: (message: string) => void): void {
  for (const verdict of verdicts) if (verdict instanceof DevstateError) notice(verdict.message);
}
