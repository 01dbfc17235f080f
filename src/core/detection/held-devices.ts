/**
 * Which due devices of a partition are held, and when they are settled again. Held devices stay due in the index, so that
 * their deadlines are not lost. A detector settles all due devices once, in the order of their deadlines. From then on it
 * reads only later deadlines, until a hold ends or the pulse shows another outage; then it settles all due devices again.
 */
import type { HoldEnds } from '../presence/settle.js';
import { joinHoldEnds, NO_HOLD } from '../presence/settle.js';
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
  /** Whether the outage has changed since the held devices were settled. */
  #hasOutageChanged = false;
  /** When all due devices had been read once, epoch ms; undefined: not yet. */
  #readAllAt: number | undefined;

  /** @param honourHold false: held devices are announced offline, so they are not settled again */
  constructor(honourHold: boolean) {
    this.#honourHold = honourHold;
  }

  /**
   * The deadline up to which due devices need not be settled now, epoch ms; 0: all must be settled, because none is
   * held.
   */
  get after(): number {
    return this.#after;
  }

  /** When the hold of the last held device ends, epoch ms; 0: none is held. */
  get until(): number {
    return this.#ends.last;
  }

  /** Whether a device is held, so that the index is to be read when its hold ends. */
  get hasDevices(): boolean {
    return this.#honourHold && this.#count > 0;
  }

  /** Notes which of the devices that were settled are held. */
  note({ verdicts, holdEnds }: Pick<BatchSettlement, 'verdicts' | 'holdEnds'>): void {
    this.#count += verdicts.filter((verdict) => verdict === 'held').length;
    this.#ends = joinHoldEnds(this.#ends, holdEnds);
  }

  /**
   * Notes what a read of the index found. To be called after `note` of the devices that were settled before the read.
   * @returns whether the held devices are to be settled again now
   */
  onRead({ now, reached, outage }: Pick<DueDevices, 'now' | 'reached' | 'outage'>): boolean {
    const hadDevices = this.hasDevices;
    if (hadDevices && outage !== this.#outage) this.#hasOutageChanged = true;
    this.#outage = outage;
    if (reached >= now - 1) this.#readAllAt ??= now;
    if (now > this.settleAgainAt) {
      this.startOver();
      if (hadDevices) return true;
    }
    this.#after = this.hasDevices ? reached : 0;
    return false;
  }

  /**
   * When the held devices are to be settled again, epoch ms; infinite until all due devices have been read once.
   * Otherwise, devices with later deadlines would never be read while holds of earlier ones keep ending or the outage
   * keeps changing.
   */
  get settleAgainAt(): number {
    const { first, last } = this.#ends;
    if (!this.#honourHold) return last;
    if (this.#readAllAt === undefined) return Number.POSITIVE_INFINITY;
    const pauseEndsAt = this.#readAllAt + Math.min(this.#count * PAUSE_PER_DEVICE_MS, LONGEST_PAUSE_MS);
    return this.#hasOutageChanged ? pauseEndsAt : Math.max(first, pauseEndsAt);
  }

  /** Makes the next read of the index return all due devices. */
  startOver(): void {
    this.#count = 0;
    this.#ends = NO_HOLD;
    this.#after = 0;
    this.#hasOutageChanged = false;
    this.#readAllAt = undefined;
  }
}
