import { beforeEach, describe, expect, test } from 'vitest';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { cli, text } from '../../support/cli.js';
import { openFleet, pretendDetector, storyOf } from '../../support/fleet.js';
import type { TestBackend } from '../../support/redis.js';

export function disconnectSuite(redis: TestBackend): void {
  beforeEach(async () => pretendDetector(await openFleet(redis)));
  const devstate = cli(redis);
  const unreachable = cli('redis://127.0.0.1:1');

  test.each<[argv: string, expected: string]>([
    ['disconnect', "! devstate: missing required argument 'id'\n! hint: devstate disconnect --help\n"],
    ['disconnect d1 --fields id', '! devstate: no field "id"; there are deviceId, status, wasOnline\n'],
  ])('refused before anything is sent: %s', async (argv, expected) => {
    expect(await unreachable.session(argv)).toBe(`${expected}exit 2\n`);
  });

  describe('what it prints', () => {
    test.each<[argv: string, stdin: string, expected: string]>([
      ['disconnect up', '', 'up offline\n'],
      ['disconnect down', '', 'down already offline\n'],
      ['disconnect up -o wide -q', '', 'up offline\n'],
      ['disconnect up -o name', '', 'up\n'],
      [
        'disconnect up --json',
        '',
        text`
        {
          "deviceId": "up",
          "status": "offline",
          "wasOnline": true
        }
      `,
      ],
      ['disconnect down -o ndjson', '', '{"deviceId":"down","status":"offline","wasOnline":false}\n'],
      ['disconnect up up down', '', 'up offline\nup already offline\ndown already offline\n'],
      [
        'disconnect up down --fields wasOnline,deviceId',
        '',
        'WASONLINE   DEVICEID\ntrue        up\nfalse       down\n',
      ],
      [
        'disconnect up nope down --json -q',
        '',
        text`
        [
          {"deviceId":"up","status":"offline","wasOnline":true},
          {"deviceId":"down","status":"offline","wasOnline":false}
        ]
        ! {"error":{"code":"NOT_FOUND","message":"device \"nope\" is not registered"}}
        exit 7
      `,
      ],
      [
        'disconnect nope',
        '',
        '! devstate: device "nope" is not registered\n! hint: devstate register ID --type TYPE\nexit 3\n',
      ],
      [
        'disconnect nope nada -q',
        '',
        '! devstate: device "nope" is not registered\n! devstate: device "nada" is not registered\nexit 3\n',
      ],
      ['disconnect -', 'up\ndown\n', 'up offline\ndown already offline\n'],
      ['disconnect - --json', '', '[]\n'],
    ])('%s < %j', async (argv, stdin, expected) => {
      const fleet = await openFleet(redis);
      for (const id of ['up', 'down']) await register(fleet, id, 'lamp');
      await heartbeat(fleet, { id: 'up' });
      expect(await devstate.session(argv, { stdin })).toBe(expected);
    });
  });

  test('announces the device once, with the reason', async () => {
    const fleet = await openFleet(redis);
    await register(fleet, 'd1', 'lamp');
    await heartbeat(fleet, { id: 'd1' });
    await devstate.run('disconnect d1 d1');
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat', '2 offline disconnect']);
    expect(await devstate.session('list-online')).toBe('! no devices online\n');
  });
}
