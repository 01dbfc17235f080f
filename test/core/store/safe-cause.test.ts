/** Causes of DevstateErrors hold no arguments of commands and no control characters, at any depth. */
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { toDevstateError } from '../../../src/core/store/redis-errors.js';
import { safeCause } from '../../../src/core/store/safe-cause.js';

const SECRET = 's3cret-pa55';

/** An error of ioredis, with the command that failed. */
function failed(message: string, name: string, ...args: unknown[]): Error {
  return Object.assign(new Error(message), { command: { name, args } });
}

/** All that a program might log of an error. */
function shown(error: unknown): string {
  const texts = [];
  for (let each = error; each instanceof Error; each = each.cause)
    texts.push(
      inspect(each, { depth: null, showHidden: true }),
      JSON.stringify(each),
      each.stack,
      each.message,
    );
  return texts.join('\n');
}

test.each([
  ['AUTH', failed('WRONGPASS invalid username-password pair', 'auth', 'user', SECRET)],
  ['AUTH with a Buffer', failed(`ERR no ${SECRET}`, 'AUTH', Buffer.from(SECRET))],
  ['HELLO', failed('WRONGPASS invalid', 'hello', '3', 'AUTH', 'user', SECRET)],
  ['a report', failed('BUSY Redis is busy', 'evalsha', 'abc', 1, 'key', `{"token":"${SECRET}"}`)],
  ['a server that quotes the password', failed(`ERR bad password "${SECRET}"`, 'auth', SECRET)],
  ['HELLO that is quoted', failed(`ERR no ${SECRET}`, 'hello', 2, 'AUTH', 'u', SECRET, 'SETNAME', 'x')],
  [
    'an unknown command',
    failed(`ERR unknown command 'auth', with args beginning with: 'user' '${SECRET}' `, 'x', SECRET),
  ],
  ['a cause', new Error('ERR outer', { cause: failed('ERR inner', 'auth', SECRET) })],
  [
    'the error of a cluster node',
    Object.assign(new Error('Failed to refresh slots cache.'), {
      lastNodeError: failed('WRONGPASS x', 'auth', SECRET),
    }),
  ],
  [
    'a refused transaction',
    Object.assign(new Error('EXECABORT Transaction discarded'), {
      previousErrors: [failed('ERR x', 'hset', 'key', SECRET)],
    }),
  ],
  ['several errors', new AggregateError([failed('ERR x', 'auth', SECRET), new Error('y')], 'all failed')],
  [
    'a URL',
    Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL', input: `redis://:${SECRET}@h` }),
  ],
])('%s: the secret is not on the error', (_, error) => {
  expect(shown(error)).toContain(SECRET);
  expect(shown(toDevstateError(error))).not.toContain(SECRET);
});

test.each(['ERR', 'NOPERM', 'LOADING', 'WRONGPASS'])(
  'control characters of a reply %s are escaped',
  (code) => {
    const error = toDevstateError(failed(`${code} \u001b]52;c;aGk=\u0007\u009b31m`, 'info'));
    expect(shown(error)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    expect(shown(error)).toContain('\\x1b]52');
  },
);

test('the cause keeps name, message, stack and the failed system call', () => {
  const original = Object.assign(new RangeError('connect ECONNREFUSED'), {
    code: 'ECONNREFUSED',
    errno: -111,
    syscall: 'connect',
  });
  const { cause } = toDevstateError(original);
  expect(cause).toMatchObject({
    message: original.message,
    code: 'ECONNREFUSED',
    errno: -111,
    syscall: 'connect',
  });
  expect((cause as Error).name).toBe('RangeError');
  expect((cause as Error).stack).toBe(original.stack);
});

test('an error that is among its own causes has no cause', () => {
  const error = Object.assign(new Error('lost'), { previousErrors: [] as Error[] });
  error.previousErrors.push(error);
  expect(safeCause(error).cause).toBeUndefined();
});
