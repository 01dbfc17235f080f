/** The options of a detector. A sweep uses only `honourHold`, `onNotice`, `onHold` and `onHoldEnd`. */
import { MAX_DURATION_MS, validNumber } from '../model/numeric-options.js';
import type { OutageListener } from '../pubsub/outage-notice.js';
import type { HoldListener } from './hold-notice.js';

/**
 * How a detector finds devices whose heartbeat may have expired. `deadline`: reads the index of deadlines
 * when the earliest one has passed, and at least once a second. `poll`: checks all online devices every
 * `interval`. `keyspace`: uses the events that Redis publishes when a key expires.
 */
export type Strategy = 'deadline' | 'poll' | 'keyspace';

export interface DetectOptions extends OutageListener, HoldListener {
  /** How the detector finds expired devices; default `deadline`. A sweep ignores it and reads the index. */
  strategy?: Strategy;
  /** The time between two checks of the strategy `poll`, ms, from 1 to ten years; default 10,000. */
  interval?: number;
  /**
   * True (default): a device whose heartbeats could not arrive is held, which means not marked offline yet. False: it
   * is marked offline.
   */
  honourHold?: boolean;
  /**
   * The detector checks every device of the fleet once in this time, ms, to find devices that another program changed
   * without updating the index; from 1 to ten years, default 300,000.
   */
  auditRound?: number;
  /** Ends the detector when it aborts. */
  signal?: AbortSignal;
  /**
   * Called once, when the detector works: from then on every expired heartbeat is found. A heartbeat that
   * expires in an unreachable partition is found when that partition can be reached again.
   */
  onReady?: () => void;
  /** Called with a message for the operator, for instance that a strategy is not available or a record is broken. */
  onNotice?: (message: string) => void;
}

/** Checks the options that are durations. @throws DevstateError USAGE: one is out of its limits */
export function checkDurations({
  interval,
  auditRound,
}: Pick<DetectOptions, 'interval' | 'auditRound'>): void {
  if (interval !== undefined) validNumber('interval', interval, 1, MAX_DURATION_MS);
  if (auditRound !== undefined) validNumber('auditRound', auditRound, 1, MAX_DURATION_MS);
}
