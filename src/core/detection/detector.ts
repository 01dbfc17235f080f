/**
 * Finds devices whose heartbeats have stopped, and announces them as offline. The detector only names
 * devices that may have stopped. A script in Redis decides about each, so that devstate announces each
 * transition once, however many detectors run and whatever their strategies are. Each partition has a loop
 * of its own; the subscriptions and the notices are those of the whole fleet.
 */

import { type LinkedAbort, linkAbort } from '../async/abort.js';
import type { StateMachine } from '../async/state-machine.js';
import { WakeSignal } from '../async/wake-signal.js';
import type { DevstateError } from '../model/errors.js';
import type { PresenceEvent } from '../model/presence-event.js';
import { OutageNotice } from '../pubsub/outage-notice.js';
import type { Subscription } from '../pubsub/subscription.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import { assertPartitionCount } from '../store/partition-count.js';
import { partitionNumber } from '../store/partition-number.js';
import { isTransient, mostSevere } from '../store/redis-errors.js';
import { DEFAULT_AUDIT_ROUND_MS } from './audit.js';
import { checkDurations, type DetectOptions } from './detect-options.js';
import type { DetectorContext } from './detector-context.js';
import { createDetectorModes, type DetectorMode, DetectorModes } from './detector-modes.js';
import { toFleetEvent } from './fleet-event.js';
import { HoldNotice } from './hold-notice.js';
import { LongestTtlAudit } from './longest-ttl-audit.js';
import { LostAnswers } from './lost-answers.js';
import { notifyOnce } from './notify-once.js';
import { watchOtherPrograms } from './other-programs.js';
import { PartitionLoop } from './partition-loop.js';
import { ReturnPauses } from './return-pauses.js';
import { StartReport } from './start-report.js';
import { openSource } from './strategies.js';
import type { SuspectListener, SuspectSource } from './suspect-source.js';

const { STARTING, RUNNING, FAILING, ENDING, ENDED } = DetectorModes;

/**
 * Yields each transition that this detector announces, until `signal` aborts. Detection does not wait
 * for the consumer: events that the consumer has not taken yet are kept in memory, without a limit.
 * @throws DevstateError CONNECTION (permission refused, or no partition can be reached at the start),
 *   CONFLICT (the number of partitions has changed), BAD_RECORD, USAGE
 */
export async function* detect(fleet: Fleet, options: DetectOptions = {}): AsyncGenerator<PresenceEvent> {
  fleet.assertWritable('detect');
  checkDurations(options);
  const wakeSignal = new WakeSignal(options.signal);
  try {
    const partitions = await wakeSignal.orAborted(fleet.partitions());
    if (partitions) yield* new Detector(fleet, partitions, options, wakeSignal).run();
  } finally {
    wakeSignal.close();
  }
}

class Detector {
  readonly #fleet: Fleet;
  readonly #partitions: readonly Partition[];
  readonly #options: DetectOptions;
  readonly #wakeSignal: WakeSignal;
  readonly #modes: StateMachine<DetectorMode> = createDetectorModes();
  readonly #outage: OutageNotice;
  readonly #startReport: StartReport;
  readonly #otherPrograms: Subscription;
  readonly #source: SuspectSource;
  readonly #loops: readonly PartitionLoop[];
  readonly #endOfLoops: LinkedAbort;
  /** Announced events that the consumer has not taken yet. */
  readonly #events: PresenceEvent[] = [];
  readonly #failures: unknown[] = [];
  #isStartReported = false;
  /** The error with which a subscription was lost, until it is reported to `onLost`. */
  #loss: DevstateError | undefined;

  /** Opens the subscriptions of the detector; `run` must be called, because it closes them. */
  constructor(
    fleet: Fleet,
    partitions: readonly Partition[],
    options: DetectOptions,
    wakeSignal: WakeSignal,
  ) {
    const notice = notifyOnce(options.onNotice ?? (() => {}));
    const listener = this.#suspectListener();
    this.#fleet = fleet;
    this.#partitions = partitions;
    this.#options = options;
    this.#wakeSignal = wakeSignal;
    this.#outage = new OutageNotice(options);
    this.#endOfLoops = linkAbort(options.signal);
    this.#startReport = new StartReport(partitions.length, this.#outage, () => this.#onStarted());
    this.#otherPrograms = watchOtherPrograms(fleet, listener);
    this.#source = openSource(fleet, partitions, options, listener, notice);
    const context = this.#contextOfLoops(notice);
    this.#loops = partitions.map(
      (partition, number) =>
        new PartitionLoop(partition, context, (events) => this.#addEvents(events, number)),
    );
  }

  async *run(): AsyncGenerator<PresenceEvent> {
    let runs: Promise<void>[] = [];
    try {
      await this.#wakeSignal.orAborted(Promise.all([this.#otherPrograms.ready, this.#source.ready]));
      this.#modes.change(STARTING);
      runs = this.#loops.map((loop) => loop.run().catch((error: unknown) => this.#fail(error)));
      yield* this.#eventsUntilEnd();
    } finally {
      await this.#end(runs);
    }
    yield* this.#events;
    if (this.#failures.length > 0) throw mostSevere(this.#failures);
  }

  async *#eventsUntilEnd(): AsyncGenerator<PresenceEvent> {
    while (!this.#wakeSignal.isStopped && !this.#isFailing()) {
      this.#checkSubscriptions();
      yield* this.#events.splice(0);
      if (!this.#isFailing()) await this.#wakeSignal.wait();
    }
  }

  async #end(runs: readonly Promise<void>[]): Promise<void> {
    this.#modes.change(ENDING);
    this.#endOfLoops.abort();
    this.#endOfLoops.unlink();
    await Promise.all(runs);
    this.#otherPrograms.close();
    this.#source.close();
    this.#modes.change(ENDED);
  }

  #isFailing(): boolean {
    return this.#modes.mode === FAILING;
  }

  /**
   * Keeps an error, which is thrown when the detector has ended, and makes the detector end. If it is ending already,
   * the mode stays ENDING: a loop may fail in its last step.
   */
  #fail(error: unknown): void {
    this.#failures.push(error);
    if (this.#modes.mode !== ENDING) this.#modes.change(FAILING);
    this.#wakeSignal.wake();
  }

  /** Makes the detector fail if a subscription was refused; reports a lost one as an outage of all partitions. */
  #checkSubscriptions(): void {
    const current = this.#currentLoss();
    if (current && !isTransient(current)) this.#fail(current);
    else if (this.#loss) for (const partition of this.#partitions) this.#outage.begin(this.#loss, partition);
    this.#loss = undefined;
  }

  #currentLoss(): DevstateError | undefined {
    return this.#otherPrograms.lost ?? this.#source.lost;
  }

  #onStarted(): void {
    if (this.#isStartReported) return;
    this.#isStartReported = true;
    if (this.#modes.mode === STARTING) this.#modes.change(RUNNING);
    // `onReady` is called in the mode ENDING too: the detector has started even if its end was requested meanwhile.
    this.#options.onReady?.();
  }

  #addEvents(events: readonly PresenceEvent[], partitionNumber: number): void {
    for (const event of events)
      this.#events.push(toFleetEvent(event, partitionNumber, this.#partitions.length));
    this.#wakeSignal.wake();
  }

  #suspectListener(): SuspectListener {
    return {
      onSuspect: (id) => this.#loops[partitionNumber(id, this.#loops.length)]?.addSuspect(id),
      onLost: (error) => {
        this.#loss = error;
        this.#wakeSignal.wake();
      },
      onResumed: () => {
        for (const loop of this.#loops) loop.sweepAgain();
        this.#wakeSignal.wake();
      },
    };
  }

  #contextOfLoops(notice: (message: string) => void): DetectorContext {
    const { honourHold = true, auditRound = DEFAULT_AUDIT_ROUND_MS } = this.#options;
    const count = this.#partitions.length;
    return {
      partitionCount: count,
      signal: this.#endOfLoops.signal,
      honourHold,
      auditRoundMs: auditRound,
      hold: new HoldNotice(this.#options, count),
      longestTtl: new LongestTtlAudit(count, notice),
      outage: this.#outage,
      lostAnswers: new LostAnswers(this.#options.onNotice),
      source: this.#source,
      returns: new ReturnPauses(),
      isSubscriptionLost: () => this.#currentLoss() !== undefined,
      onStarted: (partition) => this.#startReport.addReached(partition),
      onStartFailed: (partition, error) => this.#startReport.addUnreached(partition, error),
      notice,
      assertPartitionCount: () => assertPartitionCount(this.#fleet, count),
    };
  }
}
