/**
 * A sweep, which cron can run in place of a detector: marks the devices offline whose heartbeats have expired by now,
 * once.
 */
import { collectOutcomes } from '../async/settled.js';
import type { PresenceEvent } from '../model/presence-event.js';
import { pageIndex } from '../query/index-pager.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import { mostSevere } from '../store/redis-errors.js';
import { readServerTime } from '../store/server-time.js';
import type { DetectOptions } from './detect-options.js';
import { type DueDevices, fetchDue } from './due-devices.js';
import { toFleetEvent } from './fleet-event.js';
import { HoldNotice } from './hold-notice.js';
import { LostAnswers } from './lost-answers.js';
import { maxDevicesPerStep, reportErrors, settleBatch } from './settle-batch.js';

/** The score in the index of a device whose heartbeat key never expires (settle.lua). */
const NO_TTL_SCORE = Number.MAX_SAFE_INTEGER;

/**
 * How long a sweep looks for deadlines that are too late in a partition, ms. It looks only for deadlines that no
 * heartbeat sent in this time can have. So it settles no device because a heartbeat has just arrived, and it ends however
 * many arrive.
 */
const TOO_LATE_MS = 30_000;

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
 * Settles devices of one partition, and yields the transitions that were announced.
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
  let lastNow = 0;
  let holdUntil = 0;
  for await (const { now, ids } of devicesToSettle(partition, firstRead, limit)) {
    lastNow = now;
    const settled = await settleBatch(partition, ids, [], { honourHold });
    holdUntil = Math.max(holdUntil, settled.holdEnds.last);
    yield* settled.events;
    lostAnswers.update(partition, settled);
    if (settled.failures.length > 0) throw mostSevere(settled.failures);
    reportErrors(settled.verdicts, onNotice);
  }
  if (honourHold) hold.update(partition, { now: lastNow, holdUntil });
}

/**
 * Yields the devices of a partition whose deadline has passed; then, if the clock was set back, those whose deadline is
 * too late.
 */
async function* devicesToSettle(
  partition: Partition,
  firstRead: Promise<DueDevices> | undefined,
  limit: number,
): AsyncGenerator<{ now: number; ids: string[] }> {
  let after = 0;
  for (let reading = firstRead; ; reading = undefined) {
    const { now, due, reached, isSetBack } = await (reading ?? fetchDue(partition, 'look', { limit, after }));
    yield { now, ids: due };
    after = reached;
    if (after < now - 1) continue;
    if (isSetBack) yield* devicesTooLate(partition);
    return;
  }
}

/**
 * Yields the devices of a partition whose deadline is later than the longest TTL and `TOO_LATE_MS` from now: it was
 * written before the clock was set back. If the clock was ahead by less than that, such deadlines may not be found, and
 * pass too late by at most that time. Devices that are not reached within `TOO_LATE_MS` are left to the next sweep. A
 * device of another program whose TTL is that long is yielded too.
 */
async function* devicesTooLate(partition: Partition): AsyncGenerator<{ now: number; ids: string[] }> {
  const { longestTtl } = await partition.settings();
  const end = performance.now() + TOO_LATE_MS;
  const now = await readServerTime(partition);
  const range = { from: now + longestTtl + TOO_LATE_MS, to: NO_TTL_SCORE - 1 };
  for await (const ids of pageIndex(partition, range)) {
    if (performance.now() >= end) return;
    yield { now, ids };
  }
}
