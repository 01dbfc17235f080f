/**
 * Which due devices of a partition are held, and when they are settled again. Held devices stay due in the index, so that
 * their deadlines are not lost. A detector settles all due devices once, in the order of their deadlines. From then on it
 * reads only later deadlines, until a hold ends or the pulse shows another outage; then it settles all due devices again.
 */
import type { HoldEnds } from '../presence/settle.js';
import { NO_HOLD, spanOf } from '../presence/settle.js';
import type { DueDevices } from './due-devices.js';
import type { BatchSettlement } from './settle-batch.js';

/**
 * The least time before all held devices are settled again: PAUSE_PER_DEVICE_MS for each of them, at most
 * LONGEST_PAUSE_MS.
 */
const PAUSE_PER_DEVICE_MS = 0.1;
const LONGEST_PAUSE_MS = 1000;

export class HeldDevices {
  readonly #honourHold: boolean;
  #count = 0;
  #ends: HoldEnds = NO_HOLD;
  /** The deadline up to which due devices need not be settled now, epoch ms. */
  #after = 0;
  /** `outage` of the last read of the index. */
  #outage = '';
  /** Whether the outage has become another since the held devices were settled. */
  #isOutageOther = false;
  /** When all due devices had been read once, epoch ms; undefined: not yet. */
  #readAllAt: number | undefined;

  /** @param honourHold false: held devices are announced offline, so they are not settled again */
  constructor(honourHold: boolean) {
    this.#honourHold = honourHold;
  }

  /** The deadline up to which due devices need not be settled now, epoch ms; 0: all are to be, because none is held. */
  get after(): number {
    return this.#after;
  }

  /** When the hold of the last held device ends, epoch ms; 0: none is held. */
  get until(): number {
    return this.#ends.last;
  }

  /** Whether a device is held, so that the index is to be read when its hold ends. */
  get isAny(): boolean {
    return this.#honourHold && this.#count > 0;
  }

  /** Notes which of the devices that were settled are held. */
  note({ verdicts, holdEnds }: Pick<BatchSettlement, 'verdicts' | 'holdEnds'>): void {
    this.#count += verdicts.filter((verdict) => verdict === 'held').length;
    this.#ends = spanOf(this.#ends, holdEnds);
  }

  /**
   * Notes what a read of the index found. To be called after `note` of the devices that were settled before the read.
   * @returns whether the held devices are to be settled again now
   */
  onRead({ now, reached, outage }: Omit<DueDevices, 'due' | 'next'>): boolean {
    const wasAny = this.isAny;
    if (wasAny && outage !== this.#outage) this.#isOutageOther = true;
    this.#outage = outage;
    if (reached >= now - 1) this.#readAllAt ??= now;
    if (now > this.lookAgainAt) {
      this.startOver();
      if (wasAny) return true;
    }
    this.#after = this.isAny ? reached : 0;
    return false;
  }

  /**
   * When the held devices are to be settled again, epoch ms. All due devices are read before, or those with later deadlines
   * would never be while holds of earlier ones end or the outage changes.
   */
  get lookAgainAt(): number {
    const { first, last } = this.#ends;
    if (!this.#honourHold) return last;
    if (this.#readAllAt === undefined) return Number.POSITIVE_INFINITY;
    const pauseEndsAt = this.#readAllAt + Math.min(this.#count * PAUSE_PER_DEVICE_MS, LONGEST_PAUSE_MS);
    return this.#isOutageOther ? pauseEndsAt : Math.max(first, pauseEndsAt);
  }

  /** Makes the next read of the index return all due devices. */
  startOver(): void {
    this.#count = 0;
    this.#ends = NO_HOLD;
    this.#after = 0;
    this.#isOutageOther = false;
    this.#readAllAt = undefined;
  }
}
