/**
 * How long a device that has come back is left alone before its return is looked for again. A device that writes its
 * heartbeat key and its record itself may come and go as fast as it likes, and each of its transitions is an entry in
 * the log of the fleet. So the pause doubles with each return within 10 minutes of the one before, from 1 s to 60 s. A
 * device that is named because its heartbeat expired is settled without a pause.
 */
import type { Poller } from './suspect-source.js';

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
const FORGET_AFTER_MS = 600_000;
/** The most devices that are remembered; beyond it those whose return was longest ago are forgotten. */
const MAX_DEVICES = 10_000;

interface Return {
  atMs: number;
  pauseMs: number;
}

export class ReturnPauses {
  /** The last return of each device, the oldest first. */
  readonly #returns = new Map<string, Return>();
  readonly #now: () => number;

  /** @param now a monotonic clock, ms */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Whether the device returned so recently that it must not be looked at yet. */
  isPaused(id: string): boolean {
    const last = this.#returns.get(id);
    return last !== undefined && this.#now() < last.atMs + last.pauseMs;
  }

  /** Notes that the device has returned. */
  add(id: string): void {
    const atMs = this.#now();
    const last = this.#returns.get(id);
    const isFlapping = last !== undefined && atMs - last.atMs < FORGET_AFTER_MS;
    const pauseMs = isFlapping ? Math.min(2 * last.pauseMs, LONGEST_PAUSE_MS) : FIRST_PAUSE_MS;
    this.#returns.delete(id); // so that it becomes the last of the map
    this.#returns.set(id, { atMs, pauseMs });
    this.#forgetOldest(atMs);
  }

  #forgetOldest(nowMs: number): void {
    for (const [id, { atMs }] of this.#returns) {
      if (this.#returns.size <= MAX_DEVICES && nowMs - atMs < FORGET_AFTER_MS) return;
      this.#returns.delete(id);
    }
  }
}

/** Returns a poller that leaves out the devices that are paused. */
export function withoutPaused(pauses: ReturnPauses, poller: Poller): Poller {
  return {
    next: async () => (await poller.next()).filter((id) => !pauses.isPaused(id)),
    msUntilNext: () => poller.msUntilNext(),
  };
}
