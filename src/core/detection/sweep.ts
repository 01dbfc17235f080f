/** A sweep, which cron can run in place of a detector: marks the devices offline, once, that have expired by now. */
import { collectOutcomes } from '../async/settled.js';
import type { PresenceEvent } from '../model/presence-event.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import { mostSevere } from '../store/redis-errors.js';
import type { DetectOptions } from './detect-options.js';
import { type DueDevices, fetchDue } from './due-devices.js';
import { toFleetEvent } from './fleet-event.js';
import { HoldNotice } from './hold-notice.js';
import { LostAnswers } from './lost-answers.js';
import { maxDevicesPerStep, reportErrors, settleBatch } from './settle-batch.js';

/**
 * Yields the transitions that the sweep announced. A sweep judges as a detector does: a device whose
 * heartbeats could not arrive is held, unless `honourHold` is false.
 * @throws DevstateError after all partitions were swept, the most severe error of those that failed:
 *   CONNECTION, BAD_RECORD, USAGE
 */
export async function* sweep(fleet: Fleet, options: DetectOptions = {}): AsyncGenerator<PresenceEvent> {
  const partitions = await fleet.partitions();
  const hold = new HoldNotice(options, partitions.length);
  const lostAnswers = new LostAnswers(options.onNotice);
  const limit = maxDevicesPerStep(partitions.length);
  const failures: unknown[] = [];
  const firstReads = partitions.map((partition) => fetchDue(partition, 'look', { limit }));
  // The indexes of all partitions are read at the same time, so that several servers that do not answer cost only one
  // timeout.
  await collectOutcomes(firstReads);
  for (const [number, partition] of partitions.entries()) {
    try {
      for await (const event of sweepPartition(
        partition,
        firstReads[number],
        limit,
        hold,
        lostAnswers,
        options,
      ))
        yield toFleetEvent(event, number, partitions.length);
    } catch (error) {
      failures.push(error);
      hold.skip(partition);
    }
  }
  if (failures.length > 0) throw mostSevere(failures);
}

/**
 * Settles the due devices of one partition, and yields the transitions that were announced.
 * @param firstRead the first read of the partition's index, which the caller has begun
 * @param limit the largest number of devices that a read of the index returns
 */
async function* sweepPartition(
  partition: Partition,
  firstRead: Promise<DueDevices> | undefined,
  limit: number,
  hold: HoldNotice,
  lostAnswers: LostAnswers,
  { honourHold = true, onNotice = () => {} }: DetectOptions,
): AsyncGenerator<PresenceEvent> {
  let after = 0;
  let holdUntil = 0;
  for (let reading = firstRead; ; reading = undefined) {
    const found = await (reading ?? fetchDue(partition, 'look', { limit, after }));
    after = found.reached;
    const { now, due } = found;
    const settled = await settleBatch(partition, due, [], { honourHold });
    holdUntil = Math.max(holdUntil, settled.holdEnds.last);
    yield* settled.events;
    lostAnswers.update(partition, settled);
    if (settled.failures.length > 0) throw mostSevere(settled.failures);
    reportErrors(settled.verdicts, onNotice);
    if (after < now - 1) continue;
    if (honourHold) hold.update(partition, { now, holdUntil });
    return;
  }
}
