/** The modes of a detector's loop over one partition, and which mode may follow which. */
import { StateMachine } from '../async/state-machine.js';

/**
 * A step of the loop settles devices, reads the index, and asks the pollers (the audit, and the poller
 * of the strategy) for more devices. Which of these a step does depends on the mode.
 */
export const PartitionLoopModes = {
  /**
   * No step has ended yet. The first step reads the index, so that every strategy finds the devices
   * that expired before the start. Becomes SWEEPING, HELD or SLEEPING by what the read finds.
   */
  STARTING: 'STARTING',

  /**
   * Every read of the index since the start has failed with a transient error, such as a lost
   * connection. The step is retried after 1 s. The loops over the other partitions go on.
   */
  UNREACHED: 'UNREACHED',

  /**
   * The last read found due devices, or messages may have been missed. The next step begins at once,
   * settles the due devices and reads the index again, whatever the strategy is. Becomes SLEEPING or
   * HELD when a read finds no due device.
   */
  SWEEPING: 'SWEEPING',

  /**
   * The last read found a hold and no due device. The loop sleeps as in SLEEPING, but the next read
   * returns due devices whatever the strategy is, because devices may have expired during the hold.
   */
  HELD: 'HELD',

  /**
   * The last read found no due device. The loop sleeps until the next deadline, at most 1 s, but ends
   * its sleep earlier for a suspect, or when a poller has devices.
   */
  SLEEPING: 'SLEEPING',

  /**
   * A step failed with a transient error, and the index had been read successfully before. The step
   * is retried after 1 s, and reads the index as in SWEEPING.
   */
  RECOVERING: 'RECOVERING',

  /** The loop ends and removes the detector from the pulse, so that its absence is not taken for an outage. */
  LEAVING: 'LEAVING',

  /** The loop has ended, or failed with an error that retrying does not help. */
  ENDED: 'ENDED',
} as const;

export type PartitionLoopMode = keyof typeof PartitionLoopModes;

const { STARTING, UNREACHED, SWEEPING, HELD, SLEEPING, RECOVERING, LEAVING, ENDED } = PartitionLoopModes;

const TRANSITIONS: Readonly<Record<PartitionLoopMode, readonly PartitionLoopMode[]>> = {
  STARTING: [UNREACHED, SWEEPING, HELD, SLEEPING, LEAVING, ENDED],
  UNREACHED: [SWEEPING, HELD, SLEEPING, ENDED],
  SWEEPING: [HELD, SLEEPING, RECOVERING, LEAVING, ENDED],
  HELD: [SWEEPING, SLEEPING, RECOVERING, LEAVING, ENDED],
  SLEEPING: [SWEEPING, HELD, RECOVERING, LEAVING, ENDED],
  RECOVERING: [SWEEPING, HELD, SLEEPING, ENDED],
  LEAVING: [ENDED],
  ENDED: [],
};

export function createPartitionLoopModes(): StateMachine<PartitionLoopMode> {
  return new StateMachine<PartitionLoopMode>('PartitionLoop', STARTING, TRANSITIONS);
}
