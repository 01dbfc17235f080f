/** Errors: a line with the problem, a line with a hint, the exit code, nothing written to Redis, no stack trace. */
import { beforeEach, describe, expect, test } from 'vitest';
import { asksForJson } from '../../src/cli/early-options.js';
import { EXIT_CODES, exitOf } from '../../src/cli/exit-codes.js';
import { heartbeat } from '../../src/core/presence/heartbeats.js';
import { register } from '../../src/core/registry/register.js';
import { cli } from '../support/cli.js';
import { openFleet, type SingleFleet, snapshot } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';

const redis = useRedis();
const devstate = cli(redis);
const nowhere = cli('redis://127.0.0.1:1');

test('the table of exit codes', () => {
  expect(EXIT_CODES.map(({ exit, code }) => [exit, code])).toEqual([
    [0, ''],
    [1, 'INTERNAL'],
    [1, 'BAD_RECORD'],
    [1, 'OUTPUT'],
    [2, 'USAGE'],
    [3, 'NOT_FOUND'],
    [4, 'CONDITION'],
    [5, 'CONNECTION'],
    [6, 'CONFLICT'],
    [7, 'PARTIAL'],
    [130, ''],
    [143, ''],
  ]);
  expect(exitOf('CONFLICT')).toBe(6);
});

let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis);
  for (const id of ['d1', 'd2']) await register(fleet, id, 'lamp');
  await heartbeat(fleet, { id: 'd1', reportedJson: '{"a":1}' });
  await fleet.redis.set('device:state:wrong', 'x');
  await fleet.redis.hset('device:state:broken', { deviceId: 'broken', desiredState: '{"a":' });
});

const WRONG: readonly [argv: string[], exit: number, message: string][] = [
  // an unknown device
  [['get', 'nope'], 3, 'device "nope" is not registered'],
  [['heartbeat', 'nope', '--report', 'a=1'], 3, 'device "nope" is not registered'],
  [['heartbeat', 'nope', '--merge', '--report', 'a=1'], 3, 'device "nope" is not registered'],
  [['set-desired', 'nope', 'a=1'], 3, 'device "nope" is not registered'],
  [['delta', 'nope'], 3, 'device "nope" is not registered'],
  [['disconnect', 'nope'], 3, 'device "nope" is not registered'],
  [['unregister', 'nope', '--yes'], 3, 'device "nope" is not registered'],
  // JSON
  [['set-desired', 'd1', '{"a":}'], 2, "bad JSON: Object value expected after ':' at position 5"],
  [
    ['heartbeat', 'd1', '--report', '{"a" 1}'],
    2,
    "bad JSON: Colon ':' expected after property name but got '1' at position 5",
  ],
  [
    ['register', 'd3', '--type', 't', '--meta', '{'],
    2,
    "bad JSON: Quoted object key or end of object '}' expected but reached end of input at position 1",
  ],
  [['set-desired', 'd1', '[1]'], 2, 'expected a JSON object, not an array'],
  [['set-desired', 'd1', '"x"'], 2, 'expected a JSON object, not a string'],
  [['heartbeat', 'd1', '--report', '[]'], 2, 'expected a JSON object, not an array'],
  [['register', 'd3', '--type', 't', '--meta', '5'], 2, '"5": not KEY=VALUE'],
  // ids
  ...['get', 'heartbeat', 'delta', 'disconnect'].flatMap((command): [string[], number, string][] => [
    [[command, ''], 2, 'a device id must not be empty'],
    [[command, 'a\u0007b'], 2, 'a device id must not hold control characters: "a\\u0007b"'],
    [[command, 'x\n'], 2, 'a device id must not hold control characters: "x\\n"'],
    [[command, ' x'], 2, 'a device id must not begin or end with white space: " x"'],
    [[command, 'ü'.repeat(129)], 2, 'a device id must not exceed 256 bytes'],
  ]),
  [['register', '', '--type', 't'], 2, 'a device id must not be empty'],
  [['set-desired', '', 'a=1'], 2, 'a device id must not be empty'],
  [['unregister', 'a\u0000', '--yes'], 2, 'a device id must not hold control characters: "a\\u0000"'],
  // options
  [['get', 'd1', '--nope'], 2, "unknown option '--nope'"],
  [['get', 'd1', '--fields', 'nope'], 2, 'no field "nope"'],
  // records that other programs have written
  [['get', 'wrong'], 1, 'device:state:wrong holds'],
  [['heartbeat', 'wrong'], 1, 'device:state:wrong holds'],
  [['register', 'wrong', '--type', 't'], 1, 'device:state:wrong holds'],
  [['set-desired', 'wrong', 'a=1'], 1, 'device:state:wrong holds'],
  [['disconnect', 'wrong'], 1, 'device:state:wrong holds'],
  [['unregister', 'wrong', '--yes'], 1, 'device:state:wrong holds'],
  [['delta', 'broken'], 1, 'device "broken": the desired state is broken'],
  [['set-desired', 'broken', 'a=1'], 1, 'device "broken": the desired state is broken'],
];

describe('an error', () => {
  test.each(WRONG)('%j exits with %i', async (argv, code, message) => {
    const before = await snapshot(fleet.redis);
    const { exit, stdout, stderr } = await devstate.run(argv);
    expect({ exit, stdout }).toEqual({ exit: code, stdout: '' });
    const [line = '', hint = '', ...rest] = stderr.split('\n');
    expect(line.startsWith(`devstate: ${message}`), stderr).toBe(true);
    expect(hint === '' || hint.startsWith('hint: ')).toBe(true);
    expect(rest.join('')).toBe('');
    expect(await snapshot(fleet.redis)).toEqual(before);
  });

  test.each(WRONG)('%j as JSON', async (argv, code, message) => {
    const { exit, stdout, stderr } = await devstate.run(['-o', 'ndjson', ...argv]);
    expect({ exit, stdout }).toEqual({ exit: code, stdout: '' });
    const { error, ...others } = JSON.parse(stderr);
    expect(others).toEqual({});
    expect(exitOf(error.code)).toBe(code);
    expect(error.message.startsWith(message)).toBe(true);
    expect(Object.keys(error)).toEqual(
      error.hint === undefined ? ['code', 'message'] : ['code', 'message', 'hint'],
    );
  });
});

describe('-v', () => {
  test.each([
    [['get', 'nope'], false],
    [['-v', 'get', 'nope'], false],
    [['-vv', 'get', 'nope'], true],
    [['get', '-v', 'nope', '--verbose'], true],
    [['get', 'nope', '--', '-vv'], false],
    [['-vv', 'bogus'], true],
  ])('%j prints a stack trace: %s', async (argv, traced) => {
    const { stderr } = await devstate.run(argv);
    expect(/\n {4}at /.test(stderr)).toBe(traced);
  });

  test('prints the server', async () => {
    expect((await devstate.run('-v list')).stderr).toBe(`connected to ${redis.url}\n`);
  });
});

describe('usage errors are JSON, even before options are parsed', () => {
  test.each([
    ['bogus --json', true],
    ['--json bogus', true],
    ['get --nope -o json', true],
    ['get --nope -o ndjson', true],
    ['get --nope -ojson', true],
    ['get --nope --output ndjson', true],
    ['get --nope --output=json', true],
    ['get -o json', true],
    ['get --nope -o wide', false],
    ['get --nope -o name', false],
    ['get --nope -- --json', false],
    ['get --nope -- -o json', false],
    ['help nonsense --json', true],
  ])('%s: %s', async (argv, machine) => {
    expect(asksForJson(argv.split(' '))).toBe(machine);
    const { exit, stdout, stderr } = await nowhere.run(argv);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    if (machine)
      expect(JSON.parse(stderr)).toEqual({
        error: { code: 'USAGE', message: expect.any(String), hint: expect.any(String) },
      });
    else expect(stderr).toMatch(/^devstate: .*\nhint: .*\n$/);
  });

  test('have no hint with --quiet', async () => {
    expect(await nowhere.session('bogus --json -q')).toBe(
      `! {"error":{"code":"USAGE","message":"unknown command 'bogus'"}}\nexit 2\n`,
    );
    expect(await nowhere.session('bogus --quiet')).toBe(`! devstate: unknown command 'bogus'\nexit 2\n`);
  });
});
