/** The options of a detector and of a sweep. */
import type { OutageListener } from '../pubsub/outage-notice.js';
import type { HoldListener } from './hold-notice.js';

/**
 * How a detector finds devices whose heartbeat may have expired. `deadline`: reads the index at the
 * earliest deadline, at least once a second. `poll`: checks all online devices every `interval`.
 * `keyspace`: uses the expired events of Redis. The last two are the article's.
 */
export type Strategy = 'deadline' | 'poll' | 'keyspace';

export interface DetectOptions extends OutageListener, HoldListener {
  /** Default `deadline`. A sweep always reads the index once. */
  strategy?: Strategy;
  /** The time between two checks of the strategy `poll`, ms; default 10,000. */
  interval?: number;
  /** False: devices are marked offline even during a hold. Default true. */
  honourHold?: boolean;
  /** The time in which the audit checks every device of the fleet once, ms; default 300,000. */
  auditRound?: number;
  /** Ends the detector. */
  signal?: AbortSignal;
  /**
   * Called once, when the detector works: from now on every expired heartbeat is found. In a
   * partition that is unreachable, it is found once the partition is reachable again.
   */
  onReady?: () => void;
  /** Called with messages for the operator: a strategy that is not available, a record that is broken. */
  onNotice?: (message: string) => void;
}
