/** Which texts may be device ids and types. They become parts of Redis keys and of lines of output. */
import { DevstateError, quote, usageError } from './errors.js';

const MAX_BYTES = 256;
/**
 * The most UTF-16 units of an id or type that another program wrote. devstate itself writes none that is over 256 bytes.
 */
const MAX_FOREIGN_LENGTH = 1024;
const MAX_SHOWN_LENGTH = 64;
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
/** Matches half a character, which UTF-8 cannot represent. */
export const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Returns whether an id or type that another program wrote is so long that no device has it. It must be refused before
 * it is kept or sent.
 */
export function isOverlong(name: string): boolean {
  return name.length > MAX_FOREIGN_LENGTH;
}

/**
 * Returns a name that was read from a set, the index or the log, into which other programs write too. An overlong one
 * is cut, with `…` at its end, so that it does not fill the memory. No record is found for the cut name, so it is
 * reported as an id without a record.
 */
export function withinLength(member: string): string {
  if (!isOverlong(member)) return member;
  // A slice alone would keep the whole string in memory; a copy of the slice does not.
  return `${Buffer.from(member.slice(0, MAX_SHOWN_LENGTH)).toString()}…`;
}

/**
 * Returns the id if it is a valid device id: 1 to 256 bytes of UTF-8, no control characters, no white space at either
 * end, and not "-".
 * @throws DevstateError USAGE if the id is not valid
 */
export function validId(id: string): string {
  if (id === '-') throw new DevstateError('USAGE', '"-" is not a device id', { reason: 'RESERVED_ID' });
  return validName(id, 'device id');
}

/** Returns the device type if it is valid: the rules of device ids, but "-" is allowed. @throws DevstateError USAGE */
export function validType(type: string): string {
  return validName(type, 'device type');
}

function validName(name: unknown, kind: string): string {
  if (typeof name !== 'string') throw usageError(`a ${kind} must be a string`);
  if (name === '') throw usageError(`a ${kind} must not be empty`);
  if (CONTROL.test(name)) throw usageError(`a ${kind} must not hold control characters: ${quote(name)}`);
  if (LONE_SURROGATE.test(name)) throw usageError(`a ${kind} must be valid UTF-8: ${quote(name)}`);
  if (name !== name.trim()) {
    throw usageError(`a ${kind} must not begin or end with white space: ${quote(name)}`);
  }
  if (Buffer.byteLength(name) > MAX_BYTES) throw usageError(`a ${kind} must not exceed ${MAX_BYTES} bytes`);
  return name;
}
