import { beforeEach, describe, expect, test } from 'vitest';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { cli, text } from '../../support/cli.js';
import { openFleet, type SingleFleet, serverNow } from '../../support/fleet.js';
import type { TestBackend } from '../../support/redis.js';

export function staleSuite(redis: TestBackend): void {
  const devstate = cli(redis);
  const unreachable = cli('redis://127.0.0.1:1');

  describe('usage errors, reported before anything is sent', () => {
    test.each<[argv: string, expected: string]>([
      [
        'stale --older-than -5m',
        text`
        ! devstate: --older-than: bad duration "-5m"
        ! hint: durations are 500ms, 90s, 15m, 2h, 7d, joined 1h30m, or seconds
      `,
      ],
      [
        'stale --fields expiresAt',
        '! devstate: no field "expiresAt"; there are deviceId, deviceType, status, lastSeen, ageSeconds\n',
      ],
      [
        'stale 5m',
        "! devstate: too many arguments for 'stale'. Expected 0 arguments but got 1.\n! hint: devstate stale --help\n",
      ],
    ])('%s', async (argv, expected) => {
      expect(await unreachable.session(argv)).toBe(`${expected}exit 2\n`);
    });
  });

  describe('no stale device', () => {
    test.each<[argv: string, expected: string]>([
      ['stale', '! no stale devices\n'],
      ['stale -q', ''],
      ['stale --json', '[]\n'],
      ['stale -o ndjson', ''],
      ['stale --fail-if-empty', '! no stale devices\nexit 4\n'],
    ])('%s', async (argv, expected) => {
      const fleet = await openFleet(redis);
      await register(fleet, 'up', 'lamp');
      await heartbeat(fleet, { id: 'up' });
      expect(await devstate.session(argv)).toBe(expected);
    });
  });

  describe('what it prints', () => {
    let fleet: SingleFleet;

    beforeEach(async () => {
      fleet = await openFleet(redis);
      const now = await serverNow(fleet.redis);
      for (const [id, type, ago] of [
        ['minutes', 'lamp', 600_500],
        ['hours', 'lamp', 7_200_500],
        ['days', 'plug', 864_000_500],
        ['fresh', 'plug', 100],
      ] as const) {
        await register(fleet, id, type, { metadataJson: '{"n":1}' });
        await fleet.redis.hset(fleet.keys.state(id), { lastSeen: now - ago });
      }
      for (const [id, type, days] of [
        ['never', 'plug', 39],
        ['also-never', 'lamp', 40],
        ['new', 'plug', 0],
      ] as const) {
        await register(fleet, id, type);
        await fleet.redis.hset(fleet.keys.state(id), { registeredAt: now - days * 86_400_000 - 500 });
      }
      await fleet.redis.set(fleet.keys.heartbeat('hours'), '1');
    });

    test.each<[argv: string, expected: string]>([
      ['stale -o name', 'also-never\nnever\ndays\nhours\n'],
      ['stale --no-never -o name', 'days\nhours\n'],
      ['stale --older-than 10m --no-never -o name', 'days\nhours\nminutes\n'],
      ['stale --older-than 0 --no-never -o name', 'days\nhours\nminutes\nfresh\n'],
      ['stale --older-than 30d -o name', 'also-never\nnever\n'],
      ['stale --type plug -o name', 'never\ndays\n'],
      [
        'stale',
        text`
        DEVICE       TYPE   STATUS    LAST-SEEN
        also-never   lamp   offline   never
        never        plug   offline   never
        days         plug   offline   YYYY-MM-DDThh:mm:ss.000Z
        hours        lamp   online    YYYY-MM-DDThh:mm:ss.000Z
      `,
      ],
      [
        'stale --type lamp -o wide --no-headers',
        text`
        also-never   lamp   offline   never                      YYYY-MM-DDThh:mm:ss.000Z   {}
        hours        lamp   online    YYYY-MM-DDThh:mm:ss.000Z   YYYY-MM-DDThh:mm:ss.000Z   {"n":1}
      `,
      ],
      [
        'stale --type lamp --fields status,lastSeen --json --older-than 30d',
        '[\n  {"status":"offline","lastSeen":null}\n]\n',
      ],
    ])('%s', async (argv, expected) => {
      expect(await devstate.session(argv)).toBe(expected);
    });

    test('JSON has the age in seconds', async () => {
      const rows = (await devstate.json('stale --type lamp')) as { ageSeconds: number }[];
      expect(rows).toEqual([
        {
          deviceId: 'also-never',
          deviceType: 'lamp',
          status: 'offline',
          lastSeen: null,
          ageSeconds: expect.closeTo(40 * 86_400, -2),
        },
        {
          deviceId: 'hours',
          deviceType: 'lamp',
          status: 'online',
          lastSeen: expect.any(Number),
          ageSeconds: expect.closeTo(7200.5, -2),
        },
      ]);
      expect(Object.keys(rows[0] as object)).toEqual([
        'deviceId',
        'deviceType',
        'status',
        'lastSeen',
        'ageSeconds',
      ]);
    });

    test('prints relative times on a terminal', async () => {
      const { stdout } = await devstate.run('stale --no-never --color never', { tty: true });
      expect(stdout).toBe(
        text`
        DEVICE   TYPE   STATUS    LAST-SEEN
        days     plug   offline   10d ago
        hours    lamp   online    2h ago
      `,
      );
    });
  });
}
