import { describe, expect, test } from 'vitest';
import { hintFor } from '../../../src/cli/hints.js';
import { DevstateError } from '../../../src/core/model/errors.js';
import { networkProblem } from '../../../src/core/store/network-errors.js';
import { isTransient, toDevstateError, wrongTypeError } from '../../../src/core/store/redis-errors.js';

const raised = (message: string, code?: string) => Object.assign(new Error(message), code && { code });

describe('an error reply of Redis', () => {
  test.each([
    ['NOAUTH Authentication required.', 'the server asks for a password'],
    ['ERR Protocol error: unauthenticated multibulk length', 'the server asks for a password'],
    ['ERR Protocol error: unauthenticated bulk length', 'the server asks for a password'],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'wrong user name or password'],
    [
      "NOPERM this user has no permissions to run the 'xadd' command",
      'permission refused: this user may not send XADD',
    ],
    [
      "NOPERM this user has no permissions to run the 'config|get' command",
      'permission refused: this user may not send CONFIG GET',
    ],
    [
      "NOPERM this user has no permissions to run the 'config' command or its subcommand",
      'permission refused: this user may not send CONFIG',
    ],
    [
      "ERR ACL failure in script: User app has no permissions to run the 'xadd' command script: 1f, on @user_script:1.",
      'permission refused: this user may not send XADD',
    ],
    [
      "ERR ACL failure in script: User app has no permissions to run the 'xadd' command script: on @user_script:1.",
      'permission refused: this user may not send XADD',
    ],
    [
      'ERR Error running script (call to f_1f): @user_script:8: @user_script: 8: The user executing the script is lacking the permissions for the command ',
      'permission refused: The user executing the script is lacking the permissions for the command ',
    ],
    ['LOADING Redis is loading the dataset in memory', 'the server is still loading its data'],
    ["READONLY You can't write against a read only replica.", 'this server is a replica and takes no writes'],
    [
      "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
      'this replica has lost its master',
    ],
    ['BUSY Redis is busy running a script.', 'the server is busy with a script'],
    ['MISCONF Redis is configured to save RDB snapshots', 'the server refuses writes because it cannot save'],
    [
      "OOM command not allowed when used memory > 'maxmemory'. script: 1f, on @user_script:80.",
      'the server is out of memory and refuses writes',
    ],
    ['CLUSTERDOWN Hash slot not served', 'the cluster is down'],
    ['TRYAGAIN Multiple keys request during rehashing of slot', 'the cluster is moving these keys'],
    [
      'NOREPLICAS Not enough good replicas to write.',
      'the server refuses writes because it has too few replicas',
    ],
    ['ERR max number of clients reached', 'the server takes no more connections'],
    [
      'NOPERM ACL failure in script: No permissions to access a key script: 1f, on @user_script:8.',
      'permission refused: this user may not access a key of the fleet',
    ],
    [
      'ERR ACL failure in script: No permissions to access a channel script: on @user_script:8.',
      'permission refused: this user may not access a channel of the fleet',
    ],
    [
      "ERR The user executing the script can't publish to the channel mentioned in the command script: 1f, on @user_script:8.",
      "permission refused: The user executing the script can't publish to the channel mentioned in the command",
    ],
    // Redis 6.2 puts the position in the script before the code.
    [
      "ERR Error running script (call to f_1f): @user_script:80: @user_script: 80: -OOM command not allowed when used memory > 'maxmemory'.",
      'the server is out of memory and refuses writes',
    ],
    [
      "@user_script: 80: -OOM command not allowed when used memory > 'maxmemory'.",
      'the server is out of memory and refuses writes',
    ],
  ])('%s: a CONNECTION error with a message of its own', (reply, message) => {
    const error = toDevstateError(raised(reply));
    expect(error).toMatchObject({ code: 'CONNECTION', message });
    expect(hintFor(error)).toMatch(/\w/);
    expect(error.cause).toMatchObject({ message: reply });
  });

  test.each([
    ['NOPERM this user has no permissions to access one of the keys used as arguments', 'k'],
    ['NOPERM No permissions to access a key', 'k'],
    ['NOPERM No permissions to access a channel', 'a channel of the fleet'],
  ])('%s: the key or channel is named if the command is known', (reply, ofScript) => {
    const refused = (name: string, ...args: string[]) =>
      toDevstateError(Object.assign(raised(reply), { command: { name, args } })).message;
    const kind = reply.includes('channel') ? 'channel' : 'key';
    expect(refused('hmget', 'k', 'dialect')).toBe('permission refused: this user may not access k');
    expect(refused('evalsha', '1f', '1', 'k')).toBe(
      `permission refused: this user may not access ${ofScript}`,
    );
    expect(refused('evalsha', '1f', '2', 'k', 'l')).toBe(
      `permission refused: this user may not access a ${kind} of the fleet`,
    );
  });

  test.each([
    'WRONGTYPE Operation against a key holding the wrong kind of value',
    'ERR Error running script (call to f_1f): @user_script:80: WRONGTYPE Operation against a key holding the wrong kind of value',
  ])('%s: a BAD_RECORD error', (reply) => {
    expect(toDevstateError(raised(reply))).toMatchObject({ code: 'BAD_RECORD' });
  });

  test.each([
    ['ERR syntax error', 'ERR syntax error'],
    ['ERR unknown command `smismember`, with args beginning with: `a`, ', 'ERR unknown command `smismember`'],
    [
      'ERR Error running script (call to f_1f): @user_script:9: @user_script: 9: Unknown Redis command called from Lua script',
      'Unknown Redis command called from Lua script',
    ],
  ])('%s: an INTERNAL error that names the version of Redis that is needed', (reply, said) => {
    expect(toDevstateError(raised(reply))).toMatchObject({
      code: 'INTERNAL',
      reason: 'SERVER_TOO_OLD',
      message: `the server does not know a command that devstate sends (${said}); devstate needs Redis 6.2 or later`,
    });
  });

  test('any other error: an INTERNAL error with the first line of the message', () => {
    expect(toDevstateError(raised('ERR odd reply\nmore'))).toMatchObject({
      code: 'INTERNAL',
      message: 'ERR odd reply',
    });
    expect(toDevstateError('text')).toMatchObject({ code: 'INTERNAL', message: 'text' });
  });

  test('a DevstateError is returned as it is', () => {
    const error = new DevstateError('CONFLICT', 'no');
    expect(toDevstateError(error)).toBe(error);
  });
});

describe('an error of the network', () => {
  test.each([
    ['connect ECONNREFUSED 127.0.0.1:1', 'ECONNREFUSED', 'connection refused'],
    ['read ECONNRESET', 'ECONNRESET', 'connection reset'],
    ['getaddrinfo ENOTFOUND nowhere', 'ENOTFOUND', 'no such host'],
    ['getaddrinfo EAI_AGAIN nowhere', 'EAI_AGAIN', 'the host name cannot be resolved now'],
    ['connect ENOENT /no.sock', 'ENOENT', 'no such socket'],
    ['connect EACCES /no.sock', 'EACCES', 'permission to the socket refused'],
    ['write EPIPE', 'EPIPE', 'connection lost'],
    ['connect ETIMEDOUT', undefined, 'timed out'],
    ['Command timed out', undefined, 'timed out'],
    ['Connection is closed.', undefined, 'connection lost'],
    [
      'self-signed certificate',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      "TLS: the server's certificate is not signed by a trusted authority",
    ],
    ['certificate is not yet valid', 'CERT_NOT_YET_VALID', "TLS: the server's certificate is not valid yet"],
    // In TLS 1.2, the alert for a missing client certificate.
    ['alert', 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'TLS: the server refuses the TLS handshake'],
    ['no shared cipher\nmore', 'ERR_SSL_NO_SHARED_CIPHER', 'TLS: no shared cipher'],
  ])('%s: a CONNECTION error', (message, code, reason) => {
    expect(toDevstateError(raised(message, code))).toMatchObject({ code: 'CONNECTION', message: reason });
  });

  test('a missing answer has a reason of its own', () => {
    expect(toDevstateError(raised('Command timed out')).reason).toBe('TIMED_OUT');
    expect(toDevstateError(raised('connect ETIMEDOUT', 'ETIMEDOUT')).reason).toBe('TIMED_OUT');
    expect(toDevstateError(raised('read ECONNRESET', 'ECONNRESET')).reason).toBeUndefined();
  });

  test('is distinguished from other errors', () => {
    expect(networkProblem(raised('x is not a function'))).toBeNull();
  });
});

test('the error for a key of another type names the key and both types', () => {
  expect(wrongTypeError('devices:online', 'string', 'set').message).toBe(
    'devices:online holds a string, not a set',
  );
  expect(wrongTypeError(undefined).message).toMatch(/^a key of the fleet holds another type/);
});

describe('a transient error', () => {
  test.each([
    ['LOADING Redis is loading the dataset in memory', true],
    ["READONLY You can't write against a read only replica.", true],
    ["OOM command not allowed when used memory > 'maxmemory'.", true],
    ['MISCONF Redis is configured to save RDB snapshots', true],
    ['BUSY Redis is busy running a script.', true],
    ['MASTERDOWN Link with MASTER is down', true],
    ['Command timed out', true],
    ['Connection is closed.', true],
    ['NOAUTH Authentication required.', false],
    ['WRONGPASS invalid username-password pair or user is disabled.', false],
    ["NOPERM this user has no permissions to run the 'xadd' command", false],
    ["ERR ACL failure in script: User app has no permissions to run the 'xadd' command", false],
    ["ERR @user_script: 1: The user executing the script can't run this command or subcommand", false],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', false],
    ['ERR unknown command', false],
  ])('%s: %s', (reply, passes) => {
    const error = toDevstateError(raised(reply));
    expect(isTransient(error)).toBe(passes);
    // An error with this error as its cause, such as that of one device of a batch.
    expect(isTransient(new DevstateError(error.code, 'device "d1"', { cause: error }))).toBe(passes);
  });

  test('is always a DevstateError', () => {
    expect([
      isTransient(undefined),
      isTransient(new Error('Command timed out')),
      isTransient('lost'),
    ]).toEqual([false, false, false]);
  });
});
