/** Which texts may be the namespace of a fleet. A namespace and a colon begin every key and channel of the fleet. */
import { usageError } from './errors.js';
import { LONE_SURROGATE } from './identifiers.js';

/** White space, braces, which would change in which slots of a cluster keys are stored, and control characters. */
const FORBIDDEN = /[\s{}\p{Cc}]/u;

/** The first parts of the names of keys and channels (`device:state:…`, `devices:online`). */
const RESERVED = ['device', 'devices'];

/**
 * Returns the namespace if it is valid. Without the reserved segments no two namespaces can make the same key: with
 * them, the device `x` in the namespace `device:state` would have the key `device:state:device:state:x`, which the
 * device `device:state:x` has without a namespace.
 * @throws DevstateError USAGE: it is empty, has white space, braces or control characters, ends with a colon, has a
 * segment `device` or `devices`, or is not valid UTF-8
 */
export function validNamespace(name: string): string {
  if (typeof name !== 'string') throw usageError('a namespace must be a string');
  if (name === '' || FORBIDDEN.test(name) || LONE_SURROGATE.test(name) || name.endsWith(':')) {
    throw usageError(
      'a namespace must not contain white space, braces or control characters, or end with a colon',
    );
  }
  const reserved = name.split(':').find((segment) => RESERVED.includes(segment));
  if (reserved !== undefined)
    throw usageError(`a namespace must not have the segment "${reserved}", with which keys of devices begin`);
  return name;
}
