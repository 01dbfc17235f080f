/**
 * Settles many devices: the settle script decides whether each is online, and announces changes. Several calls
 * of the script are sent together. If one call fails, the events of the other calls are still returned, because
 * they have been announced.
 */
import { collectOutcomes } from '../async/settled.js';
import { slices } from '../async/slices.js';
import { DevstateError } from '../model/errors.js';
import type { PresenceEvent } from '../model/presence-event.js';
import {
  type HoldEnds,
  joinHoldEnds,
  NO_HOLD,
  type SettleOptions,
  settle,
  type Verdict,
} from '../presence/settle.js';
import type { Partition } from '../store/partition.js';
import { isTransient } from '../store/redis-errors.js';
import { isDenied } from '../store/reply-errors.js';
import { MAX_DEVICES_PER_SCRIPT } from '../store/scripts.js';

export interface BatchSettlement {
  /** The verdicts in the order of the devices, without the devices of script calls that failed. */
  verdicts: Verdict[];
  events: PresenceEvent[];
  /** True: an answer was lost that may have had further events. They are in the log. */
  isAnswerLost: boolean;
  /** When the holds of the held devices end. */
  holdEnds: HoldEnds;
  /** True: another program changed at least one of the devices without updating the index. False: none was found. */
  bypassed: boolean;
  /** The longest TTL that one of the devices uses, or has of its own, ms; 0: none has any. */
  ttlInUse: number;
  /** The errors of script calls that failed as a whole. What such a call has done is not known. */
  failures: unknown[];
}

/**
 * How many due devices one call of the settle script gets. It is less than the script may get
 * (`MAX_DEVICES_PER_SCRIPT`), because Redis publishes the events of a script only when the script ends: with more
 * devices per call, the first ones would be announced later.
 */
const DUE_PER_SCRIPT = 25;

/**
 * The number of devices, of all partitions together, that a detector settles between two reads of the index. With a
 * larger number a step would take longer, and the next read of the index would come later.
 */
const MAX_DEVICES_PER_STEP = 8 * MAX_DEVICES_PER_SCRIPT;

/**
 * Returns how many devices of one partition are settled before its index is read again. The more partitions
 * a fleet has, the fewer devices each may settle at once, so that no partition waits long for its replies; but never
 * fewer than one call of the settle script may get.
 */
export function maxDevicesPerStep(partitionCount: number): number {
  return Math.max(MAX_DEVICES_PER_SCRIPT, Math.floor(MAX_DEVICES_PER_STEP / partitionCount));
}

/**
 * Settles devices of a partition. Never rejects: errors of script calls are in `failures`.
 * @param due devices whose deadline has passed; they are settled first
 * @param others devices to settle after the due ones
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
    isAnswerLost: values.some(({ isAnswerLost }) => isAnswerLost) || failures.some(isUnknown),
    holdEnds: values.reduce((ends, value) => joinHoldEnds(ends, value.holdEnds), NO_HOLD),
    bypassed: values.some(({ bypassed }) => bypassed),
    ttlInUse: values.reduce((longest, { ttlInUse }) => Math.max(longest, ttlInUse), 0),
    failures,
  };
}

function isUnknown(error: unknown): boolean {
  return error instanceof DevstateError && error.outcome === 'unknown';
}

/**
 * Returns the error that makes it useless to settle the devices again at once: a permission was refused that is needed
 * for all of them, or none of them could be settled, as on a replica. If some devices are due, it is enough that none
 * of the due ones could be settled.
 * @param dueCount the number of due devices; their verdicts are the first
 */
export function blockingError(verdicts: readonly Verdict[], dueCount: number): DevstateError | undefined {
  const errors = verdicts.filter((verdict) => verdict instanceof DevstateError);
  const decisive = dueCount > 0 ? verdicts.slice(0, dueCount) : verdicts;
  return (
    errors.find((error) => isDenied(error) && !isDeviceDenied(error)) ??
    (decisive.every(isTransient) ? errors[0] : undefined)
  );
}

/** Returns whether a device could not be settled because the user may not access its keys. */
export function isDeviceDenied(verdict: Verdict | undefined): verdict is DevstateError {
  return verdict instanceof DevstateError && verdict.reason === 'DEVICE_DENIED';
}

/** Passes the error message of each device that could not be settled to `notice`. */
export function reportErrors(verdicts: readonly Verdict[], notice: (message: string) => void): void {
  for (const verdict of verdicts) if (verdict instanceof DevstateError) notice(verdict.message);
}
