/** The modes of a detector, and which mode may follow which. */
import { StateMachine } from '../async/state-machine.js';

export const DetectorModes = {
  /**
   * The subscriptions are being opened. The index is read only after that, so that a device that expires after the
   * read is named by a subscription.
   */
  SUBSCRIBING: 'SUBSCRIBING',

  /** The loops over the partitions run, and at least one has neither read its index yet nor failed to. */
  STARTING: 'STARTING',

  /** Each loop has read its index or failed to, and at least one has read it: `onReady` was called. */
  RUNNING: 'RUNNING',

  /** A loop or a subscription has failed with an error that retrying does not help. The detector is to end. */
  FAILING: 'FAILING',

  /** The signal was aborted, the consumer has stopped, or the detector failed. The loops are being ended. */
  ENDING: 'ENDING',

  /**
   * Loops and subscriptions are closed. The detector yields the events that were announced last, then throws the error
   * with which it failed, if there is one.
   */
  ENDED: 'ENDED',
} as const;

export type DetectorMode = keyof typeof DetectorModes;

const { SUBSCRIBING, STARTING, RUNNING, FAILING, ENDING, ENDED } = DetectorModes;

const TRANSITIONS: Readonly<Record<DetectorMode, readonly DetectorMode[]>> = {
  SUBSCRIBING: [STARTING, ENDING],
  STARTING: [RUNNING, FAILING, ENDING],
  RUNNING: [FAILING, ENDING],
  FAILING: [ENDING],
  ENDING: [ENDED],
  ENDED: [],
};

export function createDetectorModes(): StateMachine<DetectorMode> {
  return new StateMachine<DetectorMode>('Detector', SUBSCRIBING, TRANSITIONS);
}
