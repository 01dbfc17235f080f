/** The error of a write that was refused because the fleet has another number of partitions than its caller believed. */
import { DevstateError } from '../model/errors.js';

/** @param text what is known of the new number, after "the number of partitions was changed: it is" */
export function layoutChanged(text: string): DevstateError {
  return new DevstateError('CONFLICT', `the number of partitions was changed: it is ${text}`, {
    reason: 'PARTITIONS_CHANGED',
  });
}

/** Returns whether an error says that nothing was done, because the fleet has another number of partitions. */
export function isLayoutChanged(error: unknown): error is DevstateError {
  return error instanceof DevstateError && error.reason === 'PARTITIONS_CHANGED';
}
