import { describe, expect, test } from 'vitest';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import { cli, text } from '../../support/cli.js';
import { openFleet, snapshot } from '../../support/fleet.js';
import type { TestBackend } from '../../support/redis.js';

export function registerSuite(redis: TestBackend): void {
  const devstate = cli(redis);
  /** Nothing listens there: a usage error must be reported without a connection. */
  const unreachable = cli('redis://127.0.0.1:1');

  describe('usage errors, reported before anything is sent', () => {
    test.each<[argv: string, printed: string]>([
      ['register', '! devstate: an ID or -f FILE is required\n! hint: devstate register ID --type TYPE\n'],
      ['register d1', '! devstate: --type is required\n! hint: devstate register ID --type TYPE\n'],
      ['register d1 --type t --ttl 0', '! devstate: --ttl: a TTL must be at least 1 ms, not 0\n'],
      ['register d1 --type t --ttl 4000d', '! devstate: --ttl: a TTL must be at most 3650d\n'],
      [
        'register d1 --type t --ttl soon',
        text`
        ! devstate: --ttl: bad duration "soon"
        ! hint: durations are 500ms, 90s, 15m, 2h, 7d, joined 1h30m, or seconds
      `,
      ],
      ['register d1 --type t --meta [1]', '! devstate: expected a JSON object, not an array\n'],
      ['register d1 --type t --meta "s"', '! devstate: expected a JSON object, not a string\n'],
      [
        'register d1 --type t --meta {"a":}',
        "! devstate: bad JSON: Object value expected after ':' at position 5\n",
      ],
      ['register d1 --type t --meta a..b=1', '! devstate: "a..b=1": a key must not be empty\n'],
      [
        'register d1 --type t --meta a.b[0]=1',
        '! devstate: "a.b[0]=1": an array cannot be changed by index\n! hint: KEY=[1,2] replaces the array; or "\\[" for a key that holds "["\n',
      ],
      [
        'register d1 --type t --meta nope',
        text`
        ! devstate: "nope": not KEY=VALUE
        ! hint: a document is KEY=VALUE..., a JSON object, @FILE or -
      `,
      ],
      ['register d1 --type t --meta @/no/file', '! devstate: cannot read "/no/file": no such file\n'],
      [
        'register d1 --type t --meta a=1 b=2',
        text`
        ! devstate: too many arguments for 'register'. Expected 1 argument but got 2.
        ! hint: did you mean --meta b=2?
      `,
      ],
      ['register d1 -f x', '! devstate: -f cannot be combined with an ID or --meta\n'],
      ['register -f x --meta a=1', '! devstate: -f cannot be combined with an ID or --meta\n'],
      ['register -f /no/file', '! devstate: cannot read "/no/file": no such file\n'],
      ['register -f /tmp', '! devstate: cannot read "/tmp": it is a directory\n'],
      [
        'register d1 --type t --fields id',
        '! devstate: no field "id"; there are deviceId, deviceType, created, registeredAt\n',
      ],
    ])('%s', async (argv, printed) => {
      expect(await unreachable.session(argv)).toBe(`${printed}exit 2\n`);
    });
  });

  describe('refused, and nothing written', () => {
    test.each<[argv: string[], printed: string]>([
      [['-', '--type', 't'], '! devstate: "-" is not a device id\n! hint: it stands for standard input\n'],
      [['', '--type', 't'], '! devstate: a device id must not be empty\n'],
      [['a\tb', '--type', 't'], '! devstate: a device id must not hold control characters: "a\\tb"\n'],
      [[' d', '--type', 't'], '! devstate: a device id must not begin or end with white space: " d"\n'],
      [['x'.repeat(257), '--type', 't'], '! devstate: a device id must not exceed 256 bytes\n'],
      [['d1', '--type', ''], '! devstate: a device type must not be empty\n'],
    ])('%j', async (rest, printed) => {
      expect(await devstate.session(['register', ...rest])).toBe(`${printed}exit 2\n`);
      expect(await snapshot(await redis.client())).toEqual({});
    });
  });

  describe('what it prints', () => {
    test.each<[argv: string, printed: string]>([
      ['register new --type lamp', 'new registered\n'],
      ['register d1 --type lamp', 'd1 updated\n'],
      ['register new --type lamp -o wide -q --no-headers', 'new registered\n'],
      ['register new --type lamp -o name', 'new\n'],
      [
        'register new --type lamp --json',
        text`
        {
          "deviceId": "new",
          "deviceType": "lamp",
          "created": true,
          "registeredAt": MILLISECONDS0
        }
      `,
      ],
      [
        'register d1 --type plug -o ndjson',
        '{"deviceId":"d1","deviceType":"plug","created":false,"registeredAt":MILLISECONDS0}\n',
      ],
      ['register d1 --type plug --fields created,deviceId', 'CREATED   DEVICEID\nfalse     d1\n'],
      ['register d1 --type plug --fields created,deviceId --no-headers', 'false   d1\n'],
      ['register d1 --type plug --fields deviceType --json', '{\n  "deviceType": "plug"\n}\n'],
      ['register new --type lamp --if-new', 'new registered\n'],
      [
        'register d1 --type lamp --if-new',
        text`
        ! devstate: device "d1" is registered already
        ! hint: leave out --if-new to update it
        exit 6
      `,
      ],
      ['register d1 --type lamp --if-new -q', '! devstate: device "d1" is registered already\nexit 6\n'],
      [
        'register d1 --type lamp --if-new --json',
        text`
        ! {"error":{"code":"CONFLICT","message":"device \"d1\" is registered already","hint":"leave out --if-new to update it"}}
        exit 6
      `,
      ],
    ])('%s', async (argv, printed) => {
      await register(await openFleet(redis), 'd1', 'lamp');
      expect(await devstate.session(argv)).toBe(printed);
    });
  });

  describe('what it does', () => {
    test('keeps fields that are not given, and replaces the whole metadata', async () => {
      const fleet = await openFleet(redis);
      await devstate.run('register d1 --type lamp --meta a=1 --meta b.c=x --ttl 5m');
      expect(await readDevice(fleet, 'd1')).toMatchObject({
        deviceType: 'lamp',
        metadataJson: '{"a":1,"b":{"c":"x"}}',
        heartbeatTtl: 300_000,
      });
      await devstate.run('register d1 --type plug');
      expect(await readDevice(fleet, 'd1')).toMatchObject({
        deviceType: 'plug',
        metadataJson: '{"a":1,"b":{"c":"x"}}',
        heartbeatTtl: 300_000,
      });
      await devstate.run('register d1 --type plug --meta {"z":0.10} --ttl 90');
      expect(await readDevice(fleet, 'd1')).toMatchObject({
        metadataJson: '{"z":0.10}',
        heartbeatTtl: 90_000,
      });
      expect(await devstate.session('list --type lamp -o name')).toBe('! no devices\n');
      expect(await devstate.session('list --type plug -o name')).toBe('d1\n');
    });

    test('reads metadata from standard input, and reports duplicate keys', async () => {
      const printed = await devstate.session('register d1 --type t --meta -', { stdin: '{"a":1,"a":2}' });
      expect(printed).toBe('d1 registered\n! duplicate key "a": the last one wins\n');
      expect(await readDevice(await openFleet(redis), 'd1')).toMatchObject({ metadataJson: '{"a":2}' });
      expect(await devstate.session('register d1 --type t --meta -', { stdin: '{"a":1' })).toBe(
        "! devstate: standard input: bad JSON: Quoted object key or end of object '}' expected but reached end of input at position 6\nexit 2\n",
      );
    });
  });

  describe('-f', () => {
    const FILE = [
      '{"deviceId":"a","deviceType":"lamp","metadata":{"n":12345678901234567890},"heartbeatTtl":5000}',
      '',
      '{"deviceId":"b"}',
      '{"deviceId":"c","colour":"red"}',
      '{"deviceId":""}',
      'nope',
      '{"deviceId":"b","deviceType":"plug"}',
      '[]',
      '{"deviceId":"d","heartbeatTtl":0.5}',
      '{"deviceId":"e","status":"online","lastSeen":5,"reportedState":{},"metadata":null}',
    ].join('\n');

    const BAD = text`
    ! devstate: line 4: unknown field "colour"
    ! devstate: line 5: a device id must not be empty
    ! devstate: line 6: bad JSON: JSON value expected but got 'n' at position 0
    ! devstate: line 8: expected a JSON object, not an array
    ! devstate: line 9: a TTL must be a whole number of milliseconds
  `;

    test.each<[argv: string, printed: string]>([
      ['register -f - --type gw', `${BAD}! 4 done, 5 failed\nexit 7\n`],
      ['register -f - --type gw -q', `${BAD}exit 7\n`],
      [
        'register -f - --type gw -o ndjson',
        text`
        {"deviceId":"a","deviceType":"lamp","created":true,"registeredAt":MILLISECONDS0}
        {"deviceId":"b","deviceType":"gw","created":true,"registeredAt":MILLISECONDS0}
        {"deviceId":"b","deviceType":"plug","created":false,"registeredAt":MILLISECONDS0}
        {"deviceId":"e","deviceType":"gw","created":true,"registeredAt":MILLISECONDS0}
        ! {"error":{"code":"USAGE","message":"unknown field \"colour\"","line":4}}
        ! {"error":{"code":"USAGE","message":"a device id must not be empty","line":5}}
        ! {"error":{"code":"USAGE","message":"bad JSON: JSON value expected but got 'n' at position 0","line":6}}
        ! {"error":{"code":"USAGE","message":"expected a JSON object, not an array","line":8}}
        ! {"error":{"code":"USAGE","message":"a TTL must be a whole number of milliseconds","line":9}}
        ! 4 done, 5 failed
        exit 7
      `,
      ],
    ])('%s', async (argv, printed) => {
      expect(await devstate.session(argv, { stdin: FILE })).toBe(printed);
      const fleet = await openFleet(redis);
      expect(await readDevice(fleet, 'a')).toMatchObject({
        metadataJson: '{"n":12345678901234567890}',
        heartbeatTtl: 5000,
      });
      expect(await readDevice(fleet, 'b')).toMatchObject({ deviceType: 'plug' });
      expect(await fleet.redis.scard('devices:registered')).toBe(3);
    });

    test.each<[stdin: string, argv: string, printed: string]>([
      ['', 'register -f -', '! 0 done, 0 failed\n'],
      ['{"deviceId":"a","deviceType":"t"}\r\n', 'register -f -', '! 1 done, 0 failed\n'],
      [
        '{"deviceId":"a"}',
        'register -f -',
        '! devstate: line 1: no deviceType, and no --type for lines without one\n! 0 done, 1 failed\nexit 2\n',
      ],
      [
        '{"deviceId":"d1"}\n{"deviceId":"d1"}',
        'register -f - --type t --if-new',
        text`
        ! devstate: line 1: device "d1" is registered already
        ! hint: leave out --if-new to update it
        ! devstate: line 2: device "d1" is registered already
        ! hint: leave out --if-new to update it
        ! 0 done, 2 failed
        exit 6
      `,
      ],
      [
        '{"deviceId":"a","deviceId":"b"}',
        'register -f - --type t',
        '! line 1: duplicate key "deviceId": the last one wins\n! 1 done, 0 failed\n',
      ],
    ])('%j | %s', async (stdin, argv, printed) => {
      await register(await openFleet(redis), 'd1', 't');
      expect(await devstate.session(argv, { stdin })).toBe(printed);
    });

    test('accepts the output of list', async () => {
      const fleet = await openFleet(redis);
      await register(fleet, 'd1', 'lamp', { metadataJson: '{"a":1}', ttl: 7000 });
      const { stdout } = await devstate.run('list --with-state -o ndjson');
      const before = await readDevice(fleet, 'd1');
      expect(await devstate.session('register -f -', { stdin: stdout })).toBe('! 1 done, 0 failed\n');
      expect(await readDevice(fleet, 'd1')).toEqual(before);
    });
  });
}
