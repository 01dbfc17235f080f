/** What a detector shares with its loops, of which each works on one partition. */
import type { DevstateError } from '../model/errors.js';
import type { OutageNotice } from '../pubsub/outage-notice.js';
import type { Partition } from '../store/partition.js';
import type { HoldNotice } from './hold-notice.js';
import type { LongestTtlAudit } from './longest-ttl-audit.js';
import type { LostAnswers } from './lost-answers.js';
import type { ReturnPauses } from './return-pauses.js';
import type { SuspectSource } from './suspect-source.js';

export interface DetectorContext {
  readonly partitionCount: number;
  /** Ends the loops of all partitions when it aborts. */
  readonly signal: AbortSignal;
  /**
   * True: a device whose heartbeats could not arrive is held, which means not marked offline yet. False: it is marked
   * offline.
   */
  readonly honourHold: boolean;
  /** The time in which the audit checks every device of the fleet once for changes of other programs, ms. */
  readonly auditRoundMs: number;
  readonly hold: HoldNotice;
  readonly longestTtl: LongestTtlAudit;
  readonly outage: OutageNotice;
  readonly lostAnswers: LostAnswers;
  readonly source: SuspectSource;
  /** Which devices came back too recently to be looked at again; none, unless devices have logins of their own. */
  readonly returns: ReturnPauses;
  /**
   * Returns true while a subscription of the detector is lost, so that devices which its messages would name may be
   * missed. An outage must not be reported as ended then.
   */
  isSubscriptionLost(): boolean;
  /** Called after the index of a partition was read successfully for the first time. */
  onStarted(partition: Partition): void;
  /**
   * Called when a step of a loop failed and the index of its partition has never been read successfully.
   * Returns true if the loop is to try again; false if every partition has been tried and none could be read: the loop
   * must then fail with the error, which ends the detector.
   */
  onStartFailed(partition: Partition, error: DevstateError): boolean;
  notice(message: string): void;
  /**
   * Checks that the fleet still has the partitions that the loops work on.
   * @throws DevstateError CONFLICT if the fleet has been declared with another number of partitions
   */
  assertPartitionCount(): Promise<void>;
}
