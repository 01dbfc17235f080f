/** Which writes a fleet was opened for. A write that is not is refused before anything is sent. */
import { deviceRoleError, readOnlyError } from '../model/errors.js';

export interface WriteOptions {
  readonly readOnly?: boolean | undefined;
  readonly role?: 'device' | undefined;
}

/** @throws DevstateError USAGE: the fleet was opened as read-only */
export function assertNotReadOnly({ readOnly }: WriteOptions, action: string): void {
  if (readOnly) throw readOnlyError(action);
}

/** @throws DevstateError USAGE: the fleet was opened as read-only, or with the role `device` */
export function assertWritable(options: WriteOptions, action: string): void {
  assertNotReadOnly(options, action);
  if (options.role === 'device') throw deviceRoleError(action);
}
