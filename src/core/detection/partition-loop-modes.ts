/** The modes of a detector's loop over one partition, and which mode may follow which. */
import { StateMachine } from '../async/state-machine.js';

/**
 * The modes of the loop. The loop runs in steps. A step settles devices (lets a script decide which are offline), reads
 * the index of deadlines, and asks the pollers (the audit, and the poller of the strategy) for more devices. The mode
 * decides which of these three a step does.
 */
export const PartitionLoopModes = {
  /**
   * No step has ended yet. The first step reads the index, so that every strategy finds the devices
   * that expired before the start. What the read finds decides whether SWEEPING, HELD or SLEEPING follows.
   */
  STARTING: 'STARTING',

  /**
   * Every read of the index since the start has failed with a transient error, such as a lost
   * connection. The step is retried after 1 s. The loops over other partitions go on meanwhile.
   */
  UNREACHED: 'UNREACHED',

  /**
   * The last read of the index found due devices, or messages of a subscription may have been missed. The
   * next step begins at once, settles the due devices and reads the index again, whatever the strategy is.
   * SLEEPING or HELD follows when a read finds no due device.
   */
  SWEEPING: 'SWEEPING',

  /**
   * All due devices are held. The loop sleeps as in SLEEPING, but not longer than until held devices are to be settled
   * again (`held-devices.ts`). With every strategy its reads return due devices, because only the index has the
   * deadlines of the held ones.
   */
  HELD: 'HELD',

  /**
   * The last read of the index found no due device. The loop sleeps until the next deadline, at most 1 s, but
   * ends its sleep earlier if a subscription names a device, or when a poller has devices.
   */
  SLEEPING: 'SLEEPING',

  /**
   * A step failed with a transient error, such as a lost connection, after the index had been read
   * successfully before. The step is retried after 1 s, and reads the index as in SWEEPING.
   */
  RECOVERING: 'RECOVERING',

  /**
   * The loop is ending. It removes the detector from the pulse (the key `devices:pulse`), so that the absence of the
   * detector is not taken for an outage.
   */
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
