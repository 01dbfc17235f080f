/**
 * A detector's loop over one partition. What must hold: every step reaches Redis at least
 * once a second, because a longer silence is taken for an outage.
 */

import { collectOutcomes } from '../async/item-results.js';
import { WakeSignal } from '../async/wake-signal.js';
import { DevstateError } from '../model/errors.js';
import type { PresenceEvent } from '../model/presence-event.js';
import type { Verdict } from '../presence/settle.js';
import type { OutageNotice } from '../pubsub/outage-notice.js';
import type { Partition } from '../store/partition.js';
import { isTransient, mostSevere } from '../store/redis-errors.js';
import { MAX_DEVICES_PER_SCRIPT } from '../store/scripts.js';
import { Audit } from './audit.js';
import { type DueDevices, fetchDue } from './due-devices.js';
import type { HoldNotice } from './hold-notice.js';
import { blockingError, settleBatch } from './settle-batch.js';
import type { Poller, SuspectSource } from './strategies.js';

/** What the watches of a partition have in common. */
export interface DetectorContext {
  readonly partitions: number;
  /** Ends them all. */
  readonly signal: AbortSignal;
  /** False: pass verdicts even during a hold. */
  readonly honourHold: boolean;
  /** How long one round of the audit may take, ms. */
  readonly auditRound: number;
  readonly hold: HoldNotice;
  readonly outage: OutageNotice;
  readonly source: SuspectSource;
  /** Whether what is said of devices is not heard at present. */
  isDeaf(): boolean;
  /** It has looked for the first time. */
  onLooked(watch: PartitionLoop): void;
  /** It could not look yet. False: nor can any other. */
  onMissed(watch: PartitionLoop, error: DevstateError): boolean;
  notice(message: string): void;
  /** @throws DevstateError CONFLICT if the fleet has another number of partitions by now */
  assertPartitionCount(): Promise<void>;
}

export const LONGEST_SLEEP_MS = 1000;
/** How many are settled before the index is looked at again, in all partitions. */
const MOST_AT_ONCE = 8 * MAX_DEVICES_PER_SCRIPT;
/** What Redis has to answer in, once the detector is to end; and all told, to take it off the pulse. */
const GRACE_MS = 400;
const LEAVE_MS = 800;

export class PartitionLoop {
  readonly #partition: Partition;
  readonly #watched: DetectorContext;
  readonly #announce: (events: readonly PresenceEvent[]) => void;
  readonly #bell: WakeSignal;
  readonly #rounds: readonly Poller[];
  /** So many that those of all partitions are answered soon. */
  readonly #most: number;
  readonly #suspects = new Set<string>();
  #due: string[] = [];
  #lookAt = 0;
  /** What lapsed before it began or during a loss is swept at once, by every strategy. */
  #unswept = true;
  #looked = false;
  #held = false;
  #failed = false;

  /** @param partition a partition */
  constructor(
    partition: Partition,
    watched: DetectorContext,
    announce: (events: readonly PresenceEvent[]) => void,
  ) {
    const { partitions, signal, auditRound, source } = watched;
    this.#partition = partition;
    this.#watched = watched;
    this.#announce = announce;
    this.#bell = new WakeSignal(signal);
    this.#rounds = [new Audit(partition, auditRound, partitions), ...source.rounds(partition)];
    this.#most = mostAtOnce(partitions);
  }

  suspect(id: string): void {
    this.#suspects.add(id);
    this.#bell.wake();
  }

  /** Something may have been missed. */
  sweepAgain(): void {
    this.#unswept = true;
    this.#bell.wake();
  }

  /** Until the signal aborts. Rejects with what does not pass, and with whatever keeps all from beginning. */
  async run(): Promise<void> {
    const bell = this.#bell;
    try {
      while (!bell.stopped) {
        const taken = take(this.#suspects, this.#most);
        try {
          if (!(await this.#step(taken))) break;
        } catch (error) {
          if (!isTransient(error)) throw error;
          if (this.#looked) this.#watched.outage.begin(error, this);
          else if (!this.#watched.onMissed(this, error)) throw error;
          this.#fail(taken);
          await bell.sleep(LONGEST_SLEEP_MS);
        }
        const pause = this.#pause();
        if (pause > 0) await bell.wait(pause);
      }
      if (!this.#failed) await this.#leave();
    } finally {
      bell.close();
    }
  }

  /** False: there was no answer, and it is to end. */
  async #step(suspects: readonly string[]): Promise<boolean> {
    const { hold, outage, source, honourHold, notice, isDeaf, onLooked, assertPartitionCount } =
      this.#watched;
    const sweeps = this.#unswept || this.#due.length > 0 || this.#held || outage.lasts || source.sweeps;
    const looks = this.#unswept || performance.now() >= this.#lookAt;
    // Who is due goes first: what else there is to look into waits for the look.
    const gathers = this.#due.length > 0 || !looks;
    if (looks) this.#unswept = false;
    const limit = sweeps ? this.#most : 0;
    // In one round trip: the look comes behind the verdicts, and sees who is due by then.
    const work = Promise.all([
      settleBatch(this.#partition, this.#due, suspects, { detector: true, honourHold }),
      collectOutcomes(looks ? [fetchDue(this.#partition, 'work', honourHold, limit)] : []),
      collectOutcomes(gathers ? this.#rounds.map((rounds) => this.#gather(rounds)) : []),
    ]);
    const answered = await this.#bell.orAborted(work, GRACE_MS);
    if (!answered) return false;
    const [judged, looked, gathered] = answered;
    const wereDue = this.#due.length;
    const [step] = looked.values;
    this.#due = step?.due ?? [];
    if (step) {
      if (!this.#looked) onLooked(this);
      this.#looked = true;
      hold.update(this, step);
      this.#held = step.holdUntil >= step.now;
      this.#lookAt = step.due.length > 0 ? 0 : performance.now() + pauseAfter(step);
    }
    this.#announce(judged.events); // before anything that may fail
    if (judged.bypassed && (await this.#partition.settings()).exclusive) notice(FOREIGN_HAND);
    const failure = mostSevere([...judged.failures, ...looked.failures, ...gathered.failures]);
    const refusal = failure ?? blockingError(judged.verdicts, wereDue);
    if (refusal) throw refusal;
    await assertPartitionCount();
    tell(judged.verdicts, notice);
    this.#failed = false;
    // What is due and was not settled yet may be refused again.
    if (step && !isDeaf() && (wereDue > 0 || this.#due.length === 0)) outage.end(this);
    return true;
  }

  #fail(suspects: readonly string[]): void {
    for (const id of suspects) this.#suspects.add(id);
    this.#due = [];
    this.#unswept = true;
    this.#failed = true;
    this.#watched.hold.miss(this);
  }

  /** Straight among the suspects: what the one named is kept, whatever becomes of the other. */
  async #gather(rounds: Poller): Promise<void> {
    if (this.#suspects.size < this.#most) for (const id of await rounds.next()) this.#suspects.add(id);
  }

  #pause(): number {
    if (this.#due.length > 0 || this.#suspects.size > 0 || this.#unswept) return 0;
    const until = this.#rounds.map((rounds) => rounds.pause());
    return Math.min(this.#lookAt - performance.now(), ...until);
  }

  /** Takes the detector off the pulse; where Redis does not answer, the pulse's age tells. */
  async #leave(): Promise<void> {
    try {
      await this.#bell.orAborted(fetchDue(this.#partition, 'leave', true, 0), LEAVE_MS);
    } catch (error) {
      if (!isTransient(error)) throw error;
    }
  }
}

/** The same, in each of so many partitions. */
export function mostAtOnce(partitions: number): number {
  return Math.max(MAX_DEVICES_PER_SCRIPT, Math.floor(MOST_AT_ONCE / partitions));
}

const FOREIGN_HAND =
  'another program writes to this exclusive partition, whose index lacks what it did: devstate init --writers shared';

/** Due means past: a deadline is slept through to the end of its millisecond. */
function pauseAfter({ now, next }: DueDevices): number {
  return next === 0 ? LONGEST_SLEEP_MS : Math.min(Math.max(next - now, 0) + 1, LONGEST_SLEEP_MS);
}

export function tell(verdicts: readonly Verdict[], notice: (message: string) => void): void {
  for (const verdict of verdicts) if (verdict instanceof DevstateError) notice(verdict.message);
}

function take(suspects: Set<string>, count: number): string[] {
  const taken = [...suspects].slice(0, count);
  for (const id of taken) suspects.delete(id);
  return taken;
}
