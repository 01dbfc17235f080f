/** The tables of modes of the detector and of its loop over a partition. */
import { describe, expect, test } from 'vitest';
import { createDetectorModes, type DetectorMode } from '../../../src/core/detection/detector-modes.js';
import {
  createPartitionLoopModes,
  type PartitionLoopMode,
} from '../../../src/core/detection/partition-loop-modes.js';

describe('the loop over a partition', () => {
  const machineAfter = (...modes: PartitionLoopMode[]) => {
    const machine = createPartitionLoopModes();
    for (const mode of modes) machine.change(mode);
    return machine;
  };

  test.each<PartitionLoopMode[][]>([
    [['SWEEPING', 'SLEEPING', 'SWEEPING', 'HELD', 'SLEEPING', 'LEAVING', 'ENDED']],
    [['UNREACHED', 'SWEEPING', 'RECOVERING', 'SLEEPING']],
    [['LEAVING', 'ENDED']],
    [['UNREACHED', 'ENDED']],
    [['HELD', 'RECOVERING', 'ENDED']],
  ])('may change to %j', (modes) => {
    expect(machineAfter(...modes).mode).toBe(modes.at(-1));
  });

  test.each<[PartitionLoopMode[], PartitionLoopMode]>([
    [[], 'RECOVERING'], // a failure before the first read is UNREACHED
    [['UNREACHED'], 'LEAVING'], // Redis does not answer, so the loop does not try to leave the pulse
    [['SLEEPING', 'RECOVERING'], 'LEAVING'],
    [['SLEEPING'], 'UNREACHED'],
    [['LEAVING'], 'SLEEPING'],
    [['ENDED'], 'SWEEPING'],
  ])('after %j may not change to %s', (modes, next) => {
    expect(() => machineAfter(...modes).change(next)).toThrow(/^PartitionLoop: no transition from/);
  });
});

describe('the detector', () => {
  const machineAfter = (...modes: DetectorMode[]) => {
    const machine = createDetectorModes();
    for (const mode of modes) machine.change(mode);
    return machine;
  };

  test.each<DetectorMode[][]>([
    [['STARTING', 'RUNNING', 'ENDING', 'ENDED']],
    [['STARTING', 'FAILING', 'ENDING', 'ENDED']],
    [['ENDING', 'ENDED']],
  ])('may change to %j', (modes) => {
    expect(machineAfter(...modes).mode).toBe(modes.at(-1));
  });

  test.each<[DetectorMode[], DetectorMode]>([
    [[], 'RUNNING'],
    [['STARTING', 'ENDING'], 'RUNNING'], // the detector does not become ready any more
    [['STARTING', 'ENDING'], 'FAILING'],
    [['STARTING', 'RUNNING'], 'ENDED'],
  ])('after %j may not change to %s', (modes, next) => {
    expect(() => machineAfter(...modes).change(next)).toThrow(/^Detector: no transition from/);
  });
});
