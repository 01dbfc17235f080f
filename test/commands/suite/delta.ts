import { beforeEach, describe, expect, test } from 'vitest';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { cli, text } from '../../support/cli.js';
import { openFleet } from '../../support/fleet.js';
import type { TestBackend } from '../../support/redis.js';

export function deltaSuite(redis: TestBackend): void {
  const devstate = cli(redis);
  const unreachable = cli('redis://127.0.0.1:1');

  test.each<[argv: string, expected: string]>([
    ['delta', "! devstate: missing required argument 'id'\n! hint: devstate delta --help\n"],
    [
      'delta a b',
      "! devstate: too many arguments for 'delta'. Expected 1 argument but got 2.\n! hint: devstate delta --help\n",
    ],
    ['delta d1 --fields path', '! devstate: no field "path"; there are deviceId, inSync, delta, patch\n'],
  ])('refused before anything is sent: %s', async (argv, expected) => {
    expect(await unreachable.session(argv)).toBe(`${expected}exit 2\n`);
  });

  describe('what it prints', () => {
    beforeEach(async () => {
      const fleet = await openFleet(redis);
      for (const [id, reported, desired] of [
        ['new', '{}', '{}'],
        ['same', '{"n":1.0,"o":{"a":1,"b":2},"more":true}', '{"o":{"b":2.00,"a":1e0},"n":1}'],
        [
          'off',
          '{"level":12345678901234567890,"net":{"ssid":"x","ip":"1.2.3.4"},"list":[1,2],"a.b":1}',
          '{"level":12345678901234567891,"net":{"ssid":"y","dns":null},"list":[1],"new":{"deep":0.10},"a.b":1e400}',
        ],
        ['gone', '{"old":1}', '{"old":null}'],
      ] as const) {
        await register(fleet, id, 'lamp');
        await heartbeat(fleet, { id, reportedJson: reported });
        await fleet.redis.hset(fleet.keys.state(id), { desiredState: desired });
      }
    });

    test.each<[argv: string, expected: string]>([
      ['delta new', 'new in sync\n'],
      ['delta same', 'same in sync\n'],
      ['delta same --exit-code', 'same in sync\n'],
      ['delta same -o wide -q --no-headers', 'same in sync\n'],
      ['delta same -o name', 'same\n'],
      ['delta same -o ndjson', '{"deviceId":"same","inSync":true,"delta":{},"patch":{}}\n'],
      [
        'delta off',
        text`
        PATH       DESIRED                REPORTED
        level      12345678901234567891   12345678901234567890
        net.ssid   "y"                    "x"
        list       [1]                    [1,2]
        new        {"deep":0.10}          -
        a\.b       1e400                  1
      `,
      ],
      [
        'delta off -o wide --exit-code',
        text`
        PATH       DESIRED                REPORTED               VERSION
        level      12345678901234567891   12345678901234567890   0
        net.ssid   "y"                    "x"                    0
        list       [1]                    [1,2]                  0
        new        {"deep":0.10}          -                      0
        a\.b       1e400                  1                      0
        exit 4
      `,
      ],
      ['delta gone --no-headers', 'old   null   1\n'],
      ['delta off -o name', 'off\n'],
      ['delta off -o name --exit-code', 'off\nexit 4\n'],
      [
        'delta off -o ndjson',
        '{"deviceId":"off","inSync":false,"delta":{"level":{"desired":12345678901234567891,"reported":12345678901234567890},"net":{"desired":{"ssid":"y","dns":null},"reported":{"ssid":"x","ip":"1.2.3.4"}},"list":{"desired":[1],"reported":[1,2]},"new":{"desired":{"deep":0.10},"reported":null},"a.b":{"desired":1e400,"reported":1}},"patch":{"level":12345678901234567891,"net":{"ssid":"y"},"list":[1],"new":{"deep":0.10},"a.b":1e400}}\n',
      ],
      [
        'delta gone --json --exit-code',
        text`
        {
          "deviceId": "gone",
          "inSync": false,
          "delta": {
            "old": {
              "desired": null,
              "reported": 1
            }
          },
          "patch": {
            "old": null
          }
        }
        exit 4
      `,
      ],
      ['delta off --fields inSync,patch.level', 'INSYNC   PATCH.LEVEL\nfalse    12345678901234567891\n'],
      [
        'delta off --json --fields delta.new.reported,delta.a\\.b.desired',
        '{\n  "delta.new.reported": null,\n  "delta.a\\\\.b.desired": 1e400\n}\n',
      ],
      [
        'delta nope',
        '! devstate: device "nope" is not registered\n! hint: devstate register ID --type TYPE\nexit 3\n',
      ],
      ['delta nope --exit-code -q', '! devstate: device "nope" is not registered\nexit 3\n'],
    ])('%s', async (argv, expected) => {
      expect(await devstate.session(argv)).toBe(expected);
    });

    test('the delta is what set-desired sends, and applying its patch brings the device in sync', async () => {
      const { patch } = (await devstate.json('delta off')) as { patch: object };
      expect(Object.keys(patch)).toEqual(['level', 'net', 'list', 'new', 'a.b']);
      const { stdout } = await devstate.run('delta off -o ndjson');
      const exact = /"patch":(.*)}\n$/.exec(stdout)?.[1] as string;
      await devstate.run(['heartbeat', 'off', '--merge', '--report', exact]);
      expect(await devstate.session('delta off --exit-code')).toBe('off in sync\n');
    });
  });
}
