import { beforeEach, describe, expect, test } from 'vitest';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { cli, text } from '../../support/cli.js';
import { openFleet, type SingleFleet, serverNow } from '../../support/fleet.js';
import type { TestBackend } from '../../support/redis.js';

export function getSuite(redis: TestBackend): void {
  const devstate = cli(redis);
  const unreachable = cli('redis://127.0.0.1:1');

  describe('usage errors, reported before anything is sent', () => {
    test.each<[argv: string, printed: string]>([
      ['get', "! devstate: missing required argument 'id'\n! hint: devstate get --help\n"],
      ['get d1 --merge', "! devstate: unknown option '--merge'\n! hint: devstate get --help\n"],
      [
        'get d1 --fields reported',
        '! devstate: no field "reported"; there are deviceId, deviceType, status, lastSeen, registeredAt, expiresAt, reportedState, desiredState, metadata, reportedVersion, reportedAt, desiredVersion, desiredAt, presenceSeq, presenceAt, heartbeatTtl\n',
      ],
    ])('%s', async (argv, printed) => {
      expect(await unreachable.session(argv)).toBe(`${printed}exit 2\n`);
    });
  });

  let fleet: SingleFleet;

  /** One device online with all fields, one never seen, and one written by another program. */
  beforeEach(async () => {
    fleet = await openFleet(redis);
    await register(fleet, 'full', 'lamp', { metadataJson: '{"place":"Köln"}', ttl: 90_000 });
    await heartbeat(fleet, { id: 'full', reportedJson: '{"big":12345678901234567890,"a":[1,{"b":0.10}]}' });
    await setDesired(fleet, 'full', { on: true });
    await register(fleet, 'never', 'plug');
    await fleet.redis.hset('device:state:foreign', {
      deviceId: 'foreign',
      deviceType: 'gw',
      registeredAt: '1600000000000',
      status: 'online',
      lastSeen: '1600000060000',
      reportedState: '{"x": 1.50}',
    });
  });

  describe('what it prints', () => {
    test.each<[argv: string, printed: string]>([
      [
        'get full',
        text`
        FIELD        VALUE
        DEVICE       full
        TYPE         lamp
        STATUS       online
        LAST-SEEN    YYYY-MM-DDThh:mm:ss.000Z
        EXPIRES      YYYY-MM-DDThh:mm:ss.000Z
        REGISTERED   YYYY-MM-DDThh:mm:ss.000Z
        PRESENCE     transition 1, YYYY-MM-DDThh:mm:ss.000Z
        TTL          1m30s
        REPORTED     {
                       "big": 12345678901234567890,
                       "a": [
                         1,
                         {
                           "b": 0.10
                         }
                       ]
                     }
                     version 1, YYYY-MM-DDThh:mm:ss.000Z
        DESIRED      {
                       "on": true
                     }
                     version 1, YYYY-MM-DDThh:mm:ss.000Z
        METADATA     {
                       "place": "Köln"
                     }
      `,
      ],
      [
        'get never --no-headers -q',
        text`
        DEVICE       never
        TYPE         plug
        STATUS       offline
        LAST-SEEN    never
        EXPIRES      -
        REGISTERED   YYYY-MM-DDThh:mm:ss.000Z
        PRESENCE     -
        TTL          default
        REPORTED     {}
        DESIRED      {}
        METADATA     {}
      `,
      ],
      [
        'get full --json',
        text`
        {
          "deviceId": "full",
          "deviceType": "lamp",
          "status": "online",
          "lastSeen": MILLISECONDS0,
          "registeredAt": MILLISECONDS0,
          "expiresAt": MILLISECONDS0,
          "reportedState": {
            "big": 12345678901234567890,
            "a": [
              1,
              {
                "b": 0.10
              }
            ]
          },
          "desiredState": {
            "on": true
          },
          "metadata": {
            "place": "Köln"
          },
          "reportedVersion": 1,
          "reportedAt": MILLISECONDS0,
          "desiredVersion": 1,
          "desiredAt": MILLISECONDS0,
          "presenceSeq": 1,
          "presenceAt": MILLISECONDS0,
          "heartbeatTtl": 90000
        }
      `,
      ],
      [
        'get never -o ndjson',
        '{"deviceId":"never","deviceType":"plug","status":"offline","lastSeen":null,"registeredAt":MILLISECONDS0,"expiresAt":null,"reportedState":{},"desiredState":{},"metadata":{},"reportedVersion":0,"reportedAt":null,"desiredVersion":0,"desiredAt":null,"presenceSeq":0,"presenceAt":null,"heartbeatTtl":null}\n',
      ],
      [
        'get foreign -o ndjson',
        '{"deviceId":"foreign","deviceType":"gw","status":"offline","lastSeen":1600000060000,"registeredAt":1600000000000,"expiresAt":null,"reportedState":{"x":1.50},"desiredState":{},"metadata":{},"reportedVersion":0,"reportedAt":null,"desiredVersion":0,"desiredAt":null,"presenceSeq":0,"presenceAt":null,"heartbeatTtl":null}\n',
      ],
      ['get full -o name', 'full\n'],
      [
        'get full --fields deviceId,reportedState.a,desiredState.on,metadata.none',
        text`
        DEVICEID   REPORTEDSTATE.A    DESIREDSTATE.ON   METADATA.NONE
        full       [1,{"b":0.10}]     true              -
      `
          .replace('A    D', 'A   D')
          .replace('}]     t', '}]    t'),
      ],
      [
        'get full --json --fields reportedState.a.1.b,metadata.none,reportedState.big',
        text`
        {
          "reportedState.a.1.b": 0.10,
          "metadata.none": null,
          "reportedState.big": 12345678901234567890
        }
      `,
      ],
      [
        'get foreign full never',
        text`
        DEVICE    TYPE   STATUS    LAST-SEEN                  EXPIRES
        foreign   gw     offline   2020-09-13T12:27:40.000Z   -
        full      lamp   online    YYYY-MM-DDThh:mm:ss.000Z   YYYY-MM-DDThh:mm:ss.000Z
        never     plug   offline   never                      -
      `,
      ],
      [
        'get foreign full never -o wide --no-headers',
        text`
        foreign   gw     offline   2020-09-13T12:27:40.000Z   -                          {"x": 1.50}                                       {}            {}
        full      lamp   online    YYYY-MM-DDThh:mm:ss.000Z   YYYY-MM-DDThh:mm:ss.000Z   {"big":12345678901234567890,"a":[1,{"b":0.10}]}   {"on":true}   {"place":"Köln"}
        never     plug   offline   never                      -                          {}                                                {}            {}
      `,
      ],
      ['get never foreign never -o name', 'never\nforeign\nnever\n'],
      [
        'get full never --json --fields deviceId,heartbeatTtl',
        text`
        [
          {"deviceId":"full","heartbeatTtl":90000},
          {"deviceId":"never","heartbeatTtl":null}
        ]
      `,
      ],
    ])('%s', async (argv, printed) => {
      expect(await devstate.session(argv)).toBe(printed);
    });

    test('prints relative times and colours on a terminal', async () => {
      const now = await serverNow(fleet.redis);
      await fleet.redis.hset('device:state:foreign', { lastSeen: now - 7_320_500 });
      await fleet.redis.psetex('device:heartbeat:never', 190_000_000, '1');
      expect(await devstate.session('get never foreign', { tty: true })).toBe(
        text`
        \e[1mDEVICE\e[22m    \e[1mTYPE\e[22m   \e[1mSTATUS\e[22m    \e[1mLAST-SEEN\e[22m   \e[1mEXPIRES\e[22m
        never     plug   \e[32monline\e[39m    never       in 2d4h
        foreign   gw     \e[31moffline\e[39m   2h2m ago    -
      `.replaceAll('\\e', '\u001b'),
      );
    });
  });

  describe('devices that cannot be shown', () => {
    test.each<[argv: string, printed: string]>([
      [
        'get nope',
        text`
        ! devstate: device "nope" is not registered
        ! hint: devstate register ID --type TYPE
        exit 3
      `,
      ],
      [
        'get nope --json',
        text`
        ! {"error":{"code":"NOT_FOUND","message":"device \"nope\" is not registered","hint":"devstate register ID --type TYPE"}}
        exit 3
      `,
      ],
      [
        'get nope nada -q',
        '! devstate: device "nope" is not registered\n! devstate: device "nada" is not registered\nexit 3\n',
      ],
      ['get stray -q', '! devstate: device "stray" is not registered\nexit 3\n'],
      // No "no devices" message: each missing device was reported by name.
      [
        'get nope nada',
        text`
        ! devstate: device "nope" is not registered
        ! hint: devstate register ID --type TYPE
        ! devstate: device "nada" is not registered
        ! hint: devstate register ID --type TYPE
        exit 3
      `,
      ],
      [
        'get broken',
        text`
        ! devstate: device "broken": the report is broken: Object value expected after ':' at position 5
        ! hint: redis-cli HGETALL device:state:broken shows what another program wrote
        exit 1
      `,
      ],
      [
        'get list',
        text`
        ! devstate: device "list": the metadata is broken: expected a JSON object, not an array
        ! hint: redis-cli HGETALL device:state:list shows what another program wrote
        exit 1
      `,
      ],
      [
        'get wrong',
        text`
        ! devstate: device:state:wrong holds another type of value than devstate keeps there
        ! hint: another program wrote it; rename or delete it, or keep apart with --namespace
        exit 1
      `,
      ],
      [
        'get broken never nope wrong -q --fields deviceId --json',
        text`
        [
          {"deviceId":"never"}
        ]
        ! {"error":{"code":"BAD_RECORD","message":"device \"broken\": the report is broken: Object value expected after ':' at position 5"}}
        ! {"error":{"code":"NOT_FOUND","message":"device \"nope\" is not registered"}}
        ! {"error":{"code":"BAD_RECORD","message":"device:state:wrong holds another type of value than devstate keeps there"}}
        exit 7
      `,
      ],
    ])('%s', async (argv, printed) => {
      await fleet.redis.hset('device:state:stray', { status: 'offline' });
      await fleet.redis.hset('device:state:broken', { deviceId: 'broken', reportedState: '{"a":}' });
      await fleet.redis.hset('device:state:list', { deviceId: 'list', metadata: '[]' });
      await fleet.redis.set('device:state:wrong', 'x');
      expect(await devstate.session(argv)).toBe(printed);
    });
  });

  test('text of another program cannot add a line to the sheet', async () => {
    await fleet.redis.hset('device:state:odd', {
      deviceId: 'odd',
      deviceType: 'a\nSTATUS       online',
      registeredAt: '1600000000000',
      reportedState: '{"a\\nb": "c\\nd"}',
    });
    expect(await devstate.session('get odd --no-headers')).toBe(text`
    DEVICE       odd
    TYPE         a\nSTATUS       online
    STATUS       offline
    LAST-SEEN    never
    EXPIRES      -
    REGISTERED   2020-09-13T12:26:40.000Z
    PRESENCE     -
    TTL          default
    REPORTED     {
                   "a\nb": "c\nd"
                 }
    DESIRED      {}
    METADATA     {}
  `);
  });

  describe('ids on standard input', () => {
    test.each<[argv: string, stdin: string, printed: string]>([
      ['get - -o name', 'never\r\n\n full\n', 'never\nfull\n'],
      ['get never - foreign -o name', 'full', 'never\nfull\nforeign\n'],
      ['get -', '', ''],
      ['get - -q', '', ''],
      ['get - --json', '\n\n', '[]\n'],
      ['get - --json --fields deviceId', 'full', '[\n  {"deviceId":"full"}\n]\n'],
      ['get - -o ndjson', '', ''],
    ])('%s < %j', async (argv, stdin, printed) => {
      expect(await devstate.session(argv, { stdin })).toBe(printed);
    });

    test('prints the first row before the last id is read', async () => {
      const running = devstate.start('get - -o name', { tty: true, stdin: 'full\n' });
      expect(await running.lines('stdout', 1)).toEqual(['full']);
      running.stdin.end('never\n');
      expect((await running.done).stdout).toBe('full\nnever\n');
    });
  });
}
