/** What a detector gives to the loops over its partitions. */
import type { DevstateError } from '../model/errors.js';
import type { OutageNotice } from '../pubsub/outage-notice.js';
import type { Partition } from '../store/partition.js';
import type { HoldNotice } from './hold-notice.js';
import type { SuspectSource } from './suspect-source.js';

export interface DetectorContext {
  readonly partitionCount: number;
  /** Ends all loops. */
  readonly signal: AbortSignal;
  /** False: devices are marked offline even during a hold. */
  readonly honourHold: boolean;
  /** The time in which the audit checks every device once, ms. */
  readonly auditRoundMs: number;
  readonly hold: HoldNotice;
  readonly outage: OutageNotice;
  readonly source: SuspectSource;
  /** Whether a subscription is lost at present, so that suspects may be missed. */
  isSubscriptionLost(): boolean;
  /** Called after the index of a partition was read successfully for the first time. */
  onStarted(partition: Partition): void;
  /**
   * Called when a step failed and the index of this partition was never read successfully before.
   * Returns false if that is so in all partitions: the detector is to fail then.
   */
  onStartFailed(partition: Partition, error: DevstateError): boolean;
  notice(message: string): void;
  /** @throws DevstateError CONFLICT if the fleet has been declared with another number of partitions */
  assertPartitionCount(): Promise<void>;
}
