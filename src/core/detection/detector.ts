/**
 * Finds devices whose time is up. The index says where to look and the settle script
 * passes the verdict, so any number of detectors, of any strategy, beside any of the
 * article's, announce each transition once. Each partition is watched by a loop of its own;
 * what is heard, and what is told, is the whole fleet's.
 */

import { setMaxListeners } from 'node:events';
import { collectOutcomes } from '../async/item-results.js';
import { WakeSignal } from '../async/wake-signal.js';
import { DevstateError } from '../model/errors.js';
import type { PresenceEvent } from '../model/presence-event.js';
import { entryId } from '../presence/cursor.js';
import { type OutageListener, OutageNotice } from '../pubsub/outage-notice.js';
import { assertPartitionCount } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import { partitionNumber } from '../store/partition-number.js';
import { isTransient, mostSevere } from '../store/redis-errors.js';
import { parseServerTime } from '../store/server-time.js';
import { type DueDevices, fetchDue } from './due-devices.js';
import { type HoldListener, HoldNotice } from './hold-notice.js';
import { type DetectorContext, LONGEST_SLEEP_MS, mostAtOnce, PartitionLoop, tell } from './partition-loop.js';
import { settleBatch } from './settle-batch.js';
import {
  INDEX_ONLY,
  pollOnlineSet,
  type SuspectListener,
  type SuspectSource,
  watchForeignPresence,
  watchKeyspaceEvents,
} from './strategies.js';

/**
 * deadline: sleep until the earliest deadline, at most 1 s. poll: look through the online
 * set every `interval`. keyspace: go by Redis' expired events. The last two are the article's.
 */
export type Strategy = 'deadline' | 'poll' | 'keyspace';

export interface DetectOptions extends OutageListener, HoldListener {
  strategy?: Strategy;
  /** Of `poll`, ms; 10,000. */
  interval?: number;
  /** False: pass verdicts even during a hold. */
  honourHold?: boolean;
  /** How long one round of the audit over the fleet may take, ms; 300,000. */
  auditRound?: number;
  signal?: AbortSignal;
  /** At work: what lapses from now on is found; in a partition that is away, once it is back. */
  onReady?: () => void;
  /** What the operator should know: a strategy that cannot be had, a device that cannot be judged. */
  onNotice?: (message: string) => void;
}

const MOST_TOLD = 1000;

/**
 * Every transition that this detector announces, until the signal aborts. It does not wait for
 * who takes them: what was not taken piles up. @throws DevstateError
 */
export async function* detect(fleet: Fleet, options: DetectOptions = {}): AsyncGenerator<PresenceEvent> {
  const bell = new WakeSignal(options.signal);
  try {
    const partitions = await bell.orAborted(fleet.partitions());
    if (partitions) yield* detectIn(partitions, fleet, options, bell);
  } finally {
    bell.close();
  }
}

async function* detectIn(
  partitions: readonly Partition[],
  fleet: Fleet,
  options: DetectOptions,
  bell: WakeSignal,
): AsyncGenerator<PresenceEvent> {
  const { signal, honourHold = true, auditRound = 300_000, onNotice = () => {} } = options;
  const events: PresenceEvent[] = [];
  const failures: unknown[] = [];
  const outage = new OutageNotice(options);
  const notice = onceEach(onNotice);
  let loss: DevstateError | undefined;
  const listener: SuspectListener = {
    suspect: (id) => watches[partitionNumber(id, watches.length)]?.suspect(id),
    onLost(error) {
      loss = error;
      bell.wake();
    },
    onBack() {
      for (const watch of watches) watch.sweepAgain();
      bell.wake();
    },
  };
  const foreign = watchForeignPresence(fleet, listener);
  const source = openSource(fleet, partitions, options, listener, notice);
  const deafness = () => foreign.lost ?? source.lost;
  const looked = new Set<PartitionLoop>();
  /** They could not look yet. */
  const waiting = new Map<PartitionLoop, DevstateError>();
  let ready = false;
  const begin = () => {
    if (looked.size === 0) return; // maybe none can
    for (const [watch, error] of waiting) outage.begin(error, watch);
    if (ready || looked.size + waiting.size < partitions.length) return;
    ready = true;
    options.onReady?.();
  };
  const ending = new AbortController();
  const ended = AbortSignal.any([ending.signal, ...(signal ? [signal] : [])]);
  setMaxListeners(0, ended); // one for each partition
  const watched: DetectorContext = {
    partitions: partitions.length,
    signal: ended,
    honourHold,
    auditRound,
    hold: new HoldNotice(options, partitions.length),
    outage,
    source,
    notice,
    assertPartitionCount: () => assertPartitionCount(fleet, partitions.length),
    isDeaf: () => deafness() !== undefined,
    onLooked(watch) {
      waiting.delete(watch);
      looked.add(watch);
      begin();
    },
    onMissed(watch, error) {
      waiting.set(watch, error);
      if (waiting.size === partitions.length) return false;
      begin();
      return true;
    },
  };
  const watches = partitions.map(
    (partition, number) =>
      new PartitionLoop(partition, watched, (found) => {
        for (const event of found) events.push(inFleet(event, number, partitions.length));
        bell.wake();
      }),
  );
  let running: Promise<void>[] = [];
  try {
    await bell.orAborted(Promise.all([foreign.ready, source.ready]));
    running = watches.map((watch) =>
      watch.run().catch((error: unknown) => {
        failures.push(error);
        bell.wake();
      }),
    );
    while (!bell.stopped && failures.length === 0) {
      const deaf = deafness();
      if (deaf && !isTransient(deaf)) failures.push(deaf);
      else if (loss) for (const watch of watches) outage.begin(loss, watch);
      loss = undefined;
      yield* events.splice(0);
      if (failures.length === 0) await bell.wait();
    }
  } finally {
    ending.abort();
    await Promise.all(running);
    foreign.close();
    source.close();
  }
  yield* events;
  if (failures.length > 0) throw mostSevere(failures);
}

/**
 * One sweep over what is due, and no more: for cron. Honours a hold and opens none.
 * @throws DevstateError at the end, where a partition failed, which keeps no other from being swept
 */
export async function* sweep(fleet: Fleet, options: DetectOptions = {}): AsyncGenerator<PresenceEvent> {
  const partitions = await fleet.partitions();
  const hold = new HoldNotice(options, partitions.length);
  const most = mostAtOnce(partitions.length);
  const failures: unknown[] = [];
  const looks = partitions.map((partition) => fetchDue(partition, 'look', options.honourHold ?? true, most));
  await Promise.allSettled(looks); // those that do not answer are waited for together
  for (const [number, partition] of partitions.entries()) {
    try {
      for await (const event of sweepPartition(partition, looks[number], most, hold, options))
        yield inFleet(event, number, partitions.length);
    } catch (error) {
      failures.push(error);
      hold.miss(partition);
    }
  }
  if (failures.length > 0) throw mostSevere(failures);
}

/** @param looking the first look, at so many at most */
async function* sweepPartition(
  partition: Partition,
  looking: Promise<DueDevices> | undefined,
  most: number,
  hold: HoldNotice,
  { honourHold = true, onNotice = () => {} }: DetectOptions,
): AsyncGenerator<PresenceEvent> {
  for (let next = looking; ; next = undefined) {
    const step = await (next ?? fetchDue(partition, 'look', honourHold, most));
    if (honourHold) hold.update(partition, step);
    const { due } = step;
    if (due.length === 0) return;
    const { events, verdicts, failures } = await settleBatch(partition, due, [], { honourHold });
    yield* events;
    if (failures.length > 0) throw mostSevere(failures);
    tell(verdicts, onNotice);
    const stuck = verdicts.every((verdict) => verdict === 'held' || verdict instanceof DevstateError);
    if (due.length < most || stuck) return;
  }
}

/**
 * Whether a detector has been at work within the last seconds, in all partitions that answer.
 * @throws DevstateError where none does
 */
export async function detectorAtWork(fleet: Fleet): Promise<boolean> {
  const asked = (await fleet.partitions()).map(async (partition) => {
    const [time, pulse] = await partition.pipeline([['time'], ['get', partition.keys.pulse]]);
    const [, step = 0] = String(pulse).split(' ').map(Number);
    return parseServerTime(time) - step <= 5 * LONGEST_SLEEP_MS;
  });
  const { values, failures } = await collectOutcomes(asked);
  const failure = mostSevere(failures);
  if (failure !== undefined && (values.length === 0 || !isTransient(failure))) throw failure;
  return values.every(Boolean);
}

/** Partitions number their log's entries each for itself. */
function inFleet(event: PresenceEvent, partition: number, count: number): PresenceEvent {
  return { ...event, id: event.id === null ? null : entryId(event.id, partition, count) };
}

/** A device that cannot be judged is looked at again and again, and told of once. */
function onceEach(notice: (message: string) => void): (message: string) => void {
  const told = new Set<string>();
  return (message) => {
    if (told.has(message)) return;
    if (told.size === MOST_TOLD) told.clear();
    told.add(message);
    notice(message);
  };
}

function openSource(
  fleet: Fleet,
  partitions: readonly Partition[],
  { strategy = 'deadline', interval = 10_000 }: DetectOptions,
  listener: SuspectListener,
  notice: (message: string) => void,
): SuspectSource {
  if (strategy === 'poll') return pollOnlineSet(interval);
  if (strategy === 'keyspace') return watchKeyspaceEvents(fleet, partitions, listener, notice);
  return INDEX_ONLY;
}
