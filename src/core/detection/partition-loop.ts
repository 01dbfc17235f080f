/**
 * A detector's loop over one partition: it settles devices whose deadline has passed, which means that a script
 * decides whether they are offline and announces those that are. The loop reads the index of deadlines at
 * least once a second: if nothing is heard of devstate for more than 2 s, scripts take that for an outage. The modes of
 * the loop are in `partition-loop-modes.ts`.
 */
import { collectOutcomes } from '../async/settled.js';
import { WakeSignal } from '../async/wake-signal.js';
import type { DevstateError } from '../model/errors.js';
import type { PresenceEvent } from '../model/presence-event.js';
import type { Partition } from '../store/partition.js';
import { isTransient, mostSevere } from '../store/redis-errors.js';
import { Audit } from './audit.js';
import { BYPASSED_NOTICE } from './bypassed-notice.js';
import { DeniedDevices } from './denied-devices.js';
import type { DetectorContext } from './detector-context.js';
import { type DueDevices, fetchDue, msUntilNextRead } from './due-devices.js';
import { HeldDevices } from './held-devices.js';
import { createPartitionLoopModes, PartitionLoopModes } from './partition-loop-modes.js';
import { withoutPaused } from './return-pauses.js';
import { ReturnedDevices } from './returned-devices.js';
import { SetBackWatch } from './set-back-watch.js';
import {
  type BatchSettlement,
  blockingError,
  isDeviceDenied,
  maxDevicesPerStep,
  reportErrors,
  settleBatch,
} from './settle-batch.js';
import type { Poller } from './suspect-source.js';

const { STARTING, UNREACHED, SWEEPING, HELD, SLEEPING, RECOVERING, LEAVING, ENDED } = PartitionLoopModes;

const RETRY_INTERVAL_MS = 1000;
/** If a step begins this much later than planned, ms, this process was stopped, and its silence is not an outage. */
const STALL_MS = 1000;
/**
 * How long after the request to end the loop still waits for the replies of its last step, ms. It must be less than
 * LEAVE_GRACE_MS: both times begin at the request, and the removal from `devices:pulse` is sent after the last step.
 */
const STEP_GRACE_MS = 400;
/** How long after the request to end the loop still waits for its removal from the key `devices:pulse`, ms. */
const LEAVE_GRACE_MS = 800;

export class PartitionLoop {
  readonly #partition: Partition;
  readonly #context: DetectorContext;
  readonly #onEvents: (events: readonly PresenceEvent[]) => void;
  readonly #wakeSignal: WakeSignal;
  readonly #audit: Audit;
  readonly #pollers: readonly Poller[];
  readonly #maxDevices: number;
  readonly #modes = createPartitionLoopModes();
  /** Devices that subscriptions and pollers named: they are settled although the index does not find them due. */
  readonly #suspects = new Set<string>();
  /** Devices to settle in the next step, because the last read of the index found them due. */
  #due: string[] = [];
  readonly #denied = new DeniedDevices();
  readonly #held: HeldDevices;
  /** Whether this process was stopped while the loop waited for its present step. */
  #isStalled = false;
  readonly #setBackWatch = new SetBackWatch();
  /** In the modes HELD and SLEEPING: when to read the index again, ms on the clock of `performance.now()`. */
  #nextReadAtMs = 0;
  /**
   * True: `sweepAgain` was called, and no step has begun since. The call is kept for the next step, because a step may
   * be running at the time of the call. False: no sweep is requested.
   */
  #isSweepRequested = false;

  /** @param onEvents called with the transitions that the loop announced */
  constructor(
    partition: Partition,
    context: DetectorContext,
    onEvents: (events: readonly PresenceEvent[]) => void,
  ) {
    const { partitionCount, signal, auditRoundMs, source, returns, honourHold } = context;
    this.#partition = partition;
    this.#context = context;
    this.#onEvents = onEvents;
    this.#wakeSignal = new WakeSignal(signal);
    this.#audit = new Audit(partition, 'registered', auditRoundMs, partitionCount);
    this.#pollers = [
      withoutPaused(returns, this.#audit),
      new Audit(partition, 'online', auditRoundMs, partitionCount),
      new ReturnedDevices(partition, returns),
      ...source.pollers(partition),
    ];
    this.#maxDevices = maxDevicesPerStep(partitionCount);
    this.#held = new HeldDevices(honourHold);
  }

  /** Makes the next step settle this device, which may have changed although the index does not say so. */
  addSuspect(id: string): void {
    this.#suspects.add(id);
    this.#wakeSignal.wake();
  }

  /** Makes the loop settle all due devices now, because messages of a lost subscription may have been missed. */
  sweepAgain(): void {
    this.#isSweepRequested = true;
    this.#wakeSignal.wake();
  }

  /**
   * Runs the loop until the signal of the context aborts. A step that failed with a transient error is retried.
   * @throws DevstateError CONFLICT, BAD_RECORD, USAGE; CONNECTION if permission is refused, or if no
   *   partition of the fleet could be read since the start
   */
  async run(): Promise<void> {
    try {
      while (!this.#wakeSignal.isStopped) {
        if (!(await this.#stepOrRecover())) break;
        const pauseMs = this.#pauseMs();
        const plannedAt = performance.now() + pauseMs;
        if (pauseMs > 0) await this.#wakeSignal.wait(pauseMs);
        this.#isStalled = performance.now() - plannedAt > STALL_MS;
      }
      await this.#leave();
    } finally {
      this.#modes.change(ENDED);
      this.#wakeSignal.close();
    }
  }

  /**
   * Runs one step. After a transient error it waits, and keeps the devices of the step for the next one.
   * @returns true: the loop goes on; false: the end was requested, and Redis did not reply within `STEP_GRACE_MS`
   */
  async #stepOrRecover(): Promise<boolean> {
    const suspects = removeFirst(this.#suspects, this.#maxDevices);
    try {
      return await this.#step(suspects);
    } catch (error) {
      if (!isTransient(error)) throw error;
      this.#recoverFrom(error, suspects);
      await this.#wakeSignal.sleep(RETRY_INTERVAL_MS);
      return true;
    }
  }

  async #step(suspects: readonly string[]): Promise<boolean> {
    const { honourHold, outage, notice } = this.#context;
    const due = this.#due;
    const isStalled = this.#isStalled;
    this.#takeSweepRequest();
    const reads = this.#isReadDue();
    // A step that reads the index and has no due devices to settle asks no poller, so that the due devices which it
    // finds are settled before devices of pollers.
    const polls = due.length > 0 || !reads;
    const limit = this.#usesIndex() ? this.#maxDevices + this.#denied.count : 0;
    // Settling, reading and polling take one round trip together. Redis runs the read of the index after the scripts
    // that settle, so the read does not return devices that have just been settled.
    const work = Promise.all([
      settleBatch(this.#partition, due, suspects, { detector: true, honourHold, isStalled }),
      collectOutcomes(
        reads ? [fetchDue(this.#partition, 'work', { limit, after: this.#held.after, isStalled })] : [],
      ),
      collectOutcomes(polls ? this.#pollers.map((poller) => this.#poll(poller)) : []),
    ]);
    const outcomes = await this.#wakeSignal.orAborted(work, STEP_GRACE_MS);
    if (!outcomes) return false;
    const [settled, read, polled] = outcomes;
    const [found] = read.values;
    this.#noteDenied(due, settled);
    this.#held.note(settled);
    const counts = { settledCount: suspects.length, waitingCount: this.#suspects.size };
    this.#context.longestTtl.note(this.#partition, { settled, ...counts, audit: this.#audit });
    this.#due = this.#denied.leaveOut(found?.due ?? []);
    if (found) this.#onIndexRead({ ...found, due: this.#due });
    // The events are passed on before anything that may throw: Redis has announced them, so no later step returns them.
    this.#onEvents(settled.events);
    this.#context.lostAnswers.update(this.#partition, settled);
    await this.#noteOtherWriters(settled);
    const failure =
      mostSevere([...settled.failures, ...read.failures, ...polled.failures]) ??
      blockingError(settled.verdicts, due.length) ??
      (this.#denied.count > this.#maxDevices ? settled.verdicts.find(isDeviceDenied) : undefined);
    if (failure) throw failure;
    await this.#context.assertPartitionCount();
    reportErrors(settled.verdicts, notice);
    // An outage ends only when due devices were settled or none are due: a server at `maxmemory`, for instance, answers
    // the read of the index, but refuses to settle what the read found.
    const isProven = due.length > 0 || this.#due.length === 0;
    if (found && isProven && !this.#context.isSubscriptionLost()) outage.end(this.#partition);
    return true;
  }

  #noteDenied(due: readonly string[], { verdicts, failures }: BatchSettlement): void {
    if (failures.length > 0) return; // `verdicts` then lacks some of the due devices
    for (const [i, id] of due.entries()) if (isDeviceDenied(verdicts[i])) this.#denied.add(id);
  }

  async #noteOtherWriters({ bypassed, events }: BatchSettlement): Promise<void> {
    if (!bypassed && events.length === 0) return;
    const { exclusive, deviceLogins } = await this.#partition.settings();
    if (bypassed && exclusive) this.#context.notice(BYPASSED_NOTICE);
    if (!deviceLogins) return;
    for (const { deviceId, status } of events) if (status === 'online') this.#context.returns.add(deviceId);
  }

  #takeSweepRequest(): void {
    if (this.#isSweepRequested) this.#held.startOver();
    if (this.#isSweepRequested && this.#isSleepMode()) this.#modes.change(SWEEPING);
    this.#isSweepRequested = false;
  }

  /** Whether the mode is HELD or SLEEPING. In all other modes the next step begins at once and reads the index. */
  #isSleepMode(): boolean {
    return this.#modes.mode === HELD || this.#modes.mode === SLEEPING;
  }

  #isReadDue(): boolean {
    return !this.#isSleepMode() || performance.now() >= this.#nextReadAtMs;
  }

  /**
   * Whether a read of the index returns the ids of due devices. In the mode SLEEPING it does not if the strategy
   * (`poll` or `keyspace`) finds expired devices by its own source, unless there is an outage.
   */
  #usesIndex(): boolean {
    const { outage, source } = this.#context;
    return this.#modes.mode !== SLEEPING || outage.isActive || source.usesIndex;
  }

  /** Whether the index was read successfully at least once since the loop started. */
  #isStarted(): boolean {
    return this.#modes.mode !== STARTING && this.#modes.mode !== UNREACHED;
  }

  #onIndexRead(found: DueDevices): void {
    if (!this.#isStarted()) this.#context.onStarted(this.#partition);
    // Deadlines that were written before the clock was set back are too late, so the audit settles all devices.
    if (this.#setBackWatch.wasSetBack(found.now)) {
      this.#audit.startOver();
      this.#held.startOver();
    }
    const until = this.#held.until;
    const isSweep = this.#held.onRead(found) || found.due.length > 0;
    if (!isSweep) this.#context.hold.update(this.#partition, { now: found.now, holdUntil: until });
    this.#modes.change(isSweep ? SWEEPING : this.#held.hasDevices ? HELD : SLEEPING);
    const next = this.#held.hasDevices
      ? Math.min(found.next || Infinity, this.#held.settleAgainAt)
      : found.next;
    this.#nextReadAtMs = performance.now() + msUntilNextRead({ now: found.now, next });
  }

  #recoverFrom(error: DevstateError, suspects: readonly string[]): void {
    const { outage, hold, onStartFailed } = this.#context;
    if (this.#isStarted()) {
      outage.begin(error, this.#partition);
      this.#modes.change(RECOVERING);
    } else {
      if (!onStartFailed(this.#partition, error)) throw error;
      this.#modes.change(UNREACHED);
    }
    for (const id of suspects) this.#suspects.add(id);
    this.#due = [];
    this.#held.startOver();
    hold.skip(this.#partition);
  }

  /**
   * Asks a poller for devices and adds them at once to those to be settled, so that they are kept if another poller,
   * asked at the same time, fails.
   */
  async #poll(poller: Poller): Promise<void> {
    if (this.#suspects.size >= this.#maxDevices) return;
    for (const id of await poller.next()) this.#suspects.add(id);
  }

  /** Returns the time until the next step, ms. */
  #pauseMs(): number {
    if (!this.#isSleepMode() || this.#isSweepRequested || this.#suspects.size > 0) return 0;
    const untilReadMs = this.#nextReadAtMs - performance.now();
    return Math.min(untilReadMs, ...this.#pollers.map((poller) => poller.msUntilNext()));
  }

  /**
   * Removes the detector from the pulse (the key `devices:pulse`), so that its absence is not taken for an outage. This
   * is not tried if the last step failed: the server may not answer, and the end would be delayed.
   */
  async #leave(): Promise<void> {
    if (this.#modes.mode === UNREACHED || this.#modes.mode === RECOVERING) return;
    this.#modes.change(LEAVING);
    try {
      await this.#wakeSignal.orAborted(fetchDue(this.#partition, 'leave', { limit: 0 }), LEAVE_GRACE_MS);
    } catch (error) {
      if (!isTransient(error)) throw error;
    }
  }
}

/** Removes the first ids from the set and returns them, at most `count`. */
function removeFirst(ids: Set<string>, count: number): string[] {
  const taken = [...ids].slice(0, count);
  for (const id of taken) ids.delete(id);
  return taken;
}
