import { describe, expect, test } from 'vitest';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { cli, text } from '../../support/cli.js';
import { openFleet, snapshot } from '../../support/fleet.js';
import type { TestBackend } from '../../support/redis.js';

export function heartbeatSuite(redis: TestBackend): void {
  const devstate = cli(redis);
  const unreachable = cli('redis://127.0.0.1:1');

  describe('usage errors, reported before anything is sent', () => {
    test.each<[argv: string, printed: string]>([
      ['heartbeat', '! devstate: an ID or -f FILE is required\n! hint: devstate heartbeat ID\n'],
      ['heartbeat d1 -f x', '! devstate: -f cannot be combined with IDs, --report or --every\n'],
      ['heartbeat -f x --report a=1', '! devstate: -f cannot be combined with IDs, --report or --every\n'],
      ['heartbeat -f x --every 1s', '! devstate: -f cannot be combined with IDs, --report or --every\n'],
      ['heartbeat d1 --register', '! devstate: --register requires --type\n'],
      ['heartbeat d1 --type t', '! devstate: --type requires --register\n'],
      ['heartbeat d1 --count 2', '! devstate: --count requires --every\n'],
      ['heartbeat d1 --every 0', '! devstate: --every: must be at least 1ms\n'],
      [
        'heartbeat d1 --every 1s --count 0',
        '! devstate: --count: bad count "0": it must be a whole number, at least 1\n',
      ],
      ['heartbeat d1 --ttl 0.0001', '! devstate: --ttl: a TTL must be at least 1 ms, not 0\n'],
      [
        'heartbeat d1 --report a=1 b=2',
        '! devstate: "b=2" is no device id\n! hint: did you mean --report b=2?\n',
      ],
      [
        'heartbeat d1 --report a={x:1}',
        '! devstate: "a={x:1}": bad JSON: Quoted object key expected but got \'x\' at position 1\n',
      ],
      ['heartbeat d1 --report [1]', '! devstate: expected a JSON object, not an array\n'],
      ['heartbeat d1 --report @', '! devstate: a file name must follow "@"\n'],
      [
        'heartbeat d1 --report {} --report a=1',
        '! devstate: "{}" is a whole document and cannot be combined with other arguments\n',
      ],
      [
        'heartbeat d1 --report a=1 --report a.b=2',
        '! devstate: "a.b=2": "a" already has a value that is not an object\n',
      ],
      [
        'heartbeat d1 --fields seen',
        '! devstate: no field "seen"; there are deviceId, status, wasOffline, lastSeen, expiresAt, desiredVersion\n',
      ],
    ])('%s', async (argv, printed) => {
      expect(await unreachable.session(argv)).toBe(`${printed}exit 2\n`);
    });
  });

  describe('what it prints', () => {
    test.each<[argv: string, printed: string]>([
      ['heartbeat d1', 'd1 online, was offline, expires YYYY-MM-DDThh:mm:ss.000Z\n'],
      ['heartbeat up', 'up online, expires YYYY-MM-DDThh:mm:ss.000Z\n'],
      ['heartbeat up -o name', 'up\n'],
      [
        'heartbeat d1 --json',
        text`
        {
          "deviceId": "d1",
          "status": "online",
          "wasOffline": true,
          "lastSeen": MILLISECONDS0,
          "expiresAt": MILLISECONDS0,
          "desiredVersion": 0
        }
      `,
      ],
      [
        'heartbeat up -o ndjson',
        '{"deviceId":"up","status":"online","wasOffline":false,"lastSeen":MILLISECONDS0,"expiresAt":MILLISECONDS0,"desiredVersion":1}\n',
      ],
      ['heartbeat up --fields deviceId,desiredVersion', 'DEVICEID   DESIREDVERSION\nup         1\n'],
      ['heartbeat up d1 --fields deviceId,wasOffline --no-headers', 'up   false\nd1   true\n'],
      [
        'heartbeat nope',
        '! devstate: device "nope" is not registered\n! hint: devstate register ID --type TYPE\nexit 3\n',
      ],
      [
        'heartbeat nope --register --type lamp',
        'nope online, was offline, expires YYYY-MM-DDThh:mm:ss.000Z\n',
      ],
      ['heartbeat nope -q', '! devstate: device "nope" is not registered\nexit 3\n'],
      [
        'heartbeat d1 nope up -q',
        text`
        d1 online, was offline, expires YYYY-MM-DDThh:mm:ss.000Z
        up online, expires YYYY-MM-DDThh:mm:ss.000Z
        ! devstate: device "nope" is not registered
        exit 7
      `,
      ],
      [
        'heartbeat d1 nope up --json --fields deviceId',
        text`
        [
          {"deviceId":"d1"},
          {"deviceId":"up"}
        ]
        ! {"error":{"code":"NOT_FOUND","message":"device \"nope\" is not registered","hint":"devstate register ID --type TYPE"}}
        exit 7
      `,
      ],
      [
        'heartbeat nope nada -q --json',
        text`
        []
        ! {"error":{"code":"NOT_FOUND","message":"device \"nope\" is not registered"}}
        ! {"error":{"code":"NOT_FOUND","message":"device \"nada\" is not registered"}}
        exit 3
      `,
      ],
    ])('%s', async (argv, printed) => {
      const fleet = await openFleet(redis);
      await register(fleet, 'd1', 'lamp');
      await register(fleet, 'up', 'lamp');
      await heartbeat(fleet, { id: 'up' });
      await setDesired(fleet, 'up', { on: true });
      expect(await devstate.session(argv)).toBe(printed);
    });

    test('prints the time until it expires on a terminal', async () => {
      await register(await openFleet(redis), 'd1', 'lamp');
      expect(await devstate.session('heartbeat d1 --ttl 2h', { tty: true })).toBe(
        'd1 online, was offline, expires in 2h\n',
      );
    });
  });

  describe('ids on standard input', () => {
    test.each<[argv: string, stdin: string, printed: string]>([
      ['heartbeat - -o name', 'b\n\n  a \r\nb', 'b\na\nb\n'],
      ['heartbeat a - b -o name', 'b\n', 'a\nb\nb\n'],
      ['heartbeat - --json', '', '[]\n'],
      ['heartbeat - -o ndjson --fields deviceId', 'a\n', '{"deviceId":"a"}\n'],
      ['heartbeat - --json --fields deviceId', 'a\n', '[\n  {"deviceId":"a"}\n]\n'],
      [
        'heartbeat - -o name -q',
        'a\nx\ty\nnope\n',
        text`
        a
        ! devstate: a device id must not hold control characters: "x\ty"
        ! devstate: device "nope" is not registered
        exit 7
      `,
      ],
    ])('%s < %j', async (argv, stdin, printed) => {
      const fleet = await openFleet(redis);
      for (const id of ['a', 'b']) await register(fleet, id, 'lamp');
      expect(await devstate.session(argv, { stdin })).toBe(printed);
    });
  });

  describe('what it does', () => {
    test('replaces the report, merges with --merge, leaves it without', async () => {
      const fleet = await openFleet(redis);
      await register(fleet, 'd1', 'lamp');
      const reported = async () => (await readDevice(fleet, 'd1')).reportedJson;
      await devstate.run('heartbeat d1 --report a=1 --report b.c=0.10 --report s=007');
      expect(await reported()).toBe('{"a":1,"b":{"c":0.10},"s":"007"}');
      await devstate.run('heartbeat d1');
      expect(await reported()).toBe('{"a":1,"b":{"c":0.10},"s":"007"}');
      await devstate.run('heartbeat d1 --merge --report a=null --report b.d=x');
      expect(await reported()).toBe('{"b":{"c":0.10,"d":"x"},"s":"007"}');
      await devstate.run('heartbeat d1 --report -', { stdin: ' {"only": 1e400}\n' });
      expect(await reported()).toBe('{"only":1e400}');
      await devstate.run('heartbeat d1 --report {}');
      expect(await reported()).toBe('{}');
    });

    test('the TTL is that of the heartbeat, else of the device, else one minute', async () => {
      const fleet = await openFleet(redis);
      await register(fleet, 'd1', 'lamp');
      await register(fleet, 'own', 'lamp', { ttl: 200_000 });
      const holds = async (argv: string) => {
        const { lastSeen, expiresAt } = (await devstate.json(argv)) as {
          lastSeen: number;
          expiresAt: number;
        };
        return expiresAt - lastSeen;
      };
      expect(await holds('heartbeat d1')).toBe(60_000);
      expect(await holds('heartbeat own')).toBe(200_000);
      expect(await holds('heartbeat own --ttl 1h30m')).toBe(5_400_000);
      expect(await holds('heartbeat own')).toBe(200_000);
      expect((await readDevice(fleet, 'd1')).heartbeatTtl).toBeNull();
    });

    test('--register registers unknown devices with that type and leaves others as they are', async () => {
      const fleet = await openFleet(redis);
      await register(fleet, 'd1', 'lamp');
      await devstate.run('heartbeat d1 new --register --type plug --report a=1');
      expect(await readDevice(fleet, 'd1')).toMatchObject({ deviceType: 'lamp', reportedJson: '{"a":1}' });
      expect(await readDevice(fleet, 'new')).toMatchObject({ deviceType: 'plug', reportedJson: '{"a":1}' });
    });

    test('writes nothing of an invalid id among others', async () => {
      const fleet = await openFleet(redis);
      await register(fleet, 'd1', 'lamp');
      const before = await snapshot(fleet.redis);
      expect(await devstate.session(['heartbeat', ''])).toBe(
        '! devstate: a device id must not be empty\nexit 2\n',
      );
      expect(await snapshot(fleet.redis)).toEqual(before);
    });
  });

  describe('-f', () => {
    const FILE = [
      '{"deviceId":"d1","reportedState":{"n":1}}',
      '{"deviceId":"d1","reportedState":{"m":2},"merge":true}',
      '{"deviceId":"nope"}',
      '{"deviceId":"d1","reportedState":[1]}',
      '{"deviceId":"up","heartbeatTtl":1234,"merge":"yes"}',
      '{"deviceId":"up","heartbeatTtl":1234567}',
    ].join('\n');
    const BAD = text`
    ! devstate: line 3: device "nope" is not registered
    ! hint: devstate register ID --type TYPE
    ! devstate: line 4: reportedState must be an object, not an array
    ! devstate: line 5: merge must be true or false, not a string
  `;

    test.each<[argv: string, printed: string]>([
      ['heartbeat -f -', `${BAD}! 3 done, 3 failed\nexit 7\n`],
      [
        'heartbeat -f - -o ndjson -q --fields deviceId,wasOffline',
        text`
        {"deviceId":"d1","wasOffline":true}
        {"deviceId":"d1","wasOffline":false}
        {"deviceId":"up","wasOffline":true}
        ! {"error":{"code":"NOT_FOUND","message":"device \"nope\" is not registered","line":3}}
        ! {"error":{"code":"USAGE","message":"reportedState must be an object, not an array","line":4}}
        ! {"error":{"code":"USAGE","message":"merge must be true or false, not a string","line":5}}
        exit 7
      `,
      ],
      [
        'heartbeat -f - --register --type gw -o table',
        text`
        ! devstate: line 4: reportedState must be an object, not an array
        ! devstate: line 5: merge must be true or false, not a string
        ! 4 done, 2 failed
        exit 7
      `,
      ],
    ])('%s', async (argv, printed) => {
      const fleet = await openFleet(redis);
      for (const id of ['d1', 'up']) await register(fleet, id, 'lamp');
      expect(await devstate.session(argv, { stdin: FILE })).toBe(printed);
      expect(await readDevice(fleet, 'd1')).toMatchObject({ reportedJson: '{"n":1,"m":2}' });
      expect(await fleet.redis.pttl(fleet.keys.heartbeat('up'))).toBeGreaterThan(1_000_000);
    });

    test('--ttl and --merge apply to lines without their own', async () => {
      const fleet = await openFleet(redis);
      await register(fleet, 'd1', 'lamp');
      const stdin = '{"deviceId":"d1","reportedState":{"a":1}}\n{"deviceId":"d1","reportedState":{"b":2}}';
      expect(await devstate.session('heartbeat -f - --merge --ttl 2h', { stdin })).toBe(
        '! 2 done, 0 failed\n',
      );
      expect(await readDevice(fleet, 'd1')).toMatchObject({ reportedJson: '{"a":1,"b":2}' });
      expect(await fleet.redis.pttl(fleet.keys.heartbeat('d1'))).toBeGreaterThan(7_000_000);
    });
  });
}
