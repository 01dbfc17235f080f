import { beforeEach, describe, expect, test } from 'vitest';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { cli, text } from '../../support/cli.js';
import { cut, openFleet, pretendDetector, type SingleFleet } from '../../support/fleet.js';
import type { TestBackend } from '../../support/redis.js';

export function listOnlineSuite(redis: TestBackend): void {
  beforeEach(async () => pretendDetector(await openFleet(redis)));
  const devstate = cli(redis);
  const unreachable = cli('redis://127.0.0.1:1');

  describe('usage errors, reported before anything is sent', () => {
    test.each<[argv: string, expected: string]>([
      [
        'list-online --sort type',
        "! devstate: option '--sort <key>' argument 'type' is invalid. Allowed choices are expires, id.\n! hint: devstate list-online --help\n",
      ],
      [
        'list-online --limit -1',
        '! devstate: --limit: bad count "-1": it must be a whole number, at least 1\n',
      ],
      [
        'list-online --fields registeredAt',
        '! devstate: no field "registeredAt"; there are deviceId, deviceType, status, lastSeen, expiresAt\n',
      ],
    ])('%s', async (argv, expected) => {
      expect(await unreachable.session(argv)).toBe(`${expected}exit 2\n`);
    });
  });

  describe('no device online', () => {
    test.each<[argv: string, expected: string]>([
      ['list-online', '! no devices online\n'],
      ['list-online -o name', '! no devices online\n'],
      ['list-online --sort id', '! no devices online\n'],
      ['list-online --json', '[]\n'],
      ['list-online --json --sort id', '[]\n'],
      ['list-online -o ndjson', ''],
      ['list-online -q', ''],
      ['list-online --fail-if-empty', '! no devices online\nexit 4\n'],
    ])('%s', async (argv, expected) => {
      await register(await openFleet(redis), 'never', 'lamp');
      expect(await devstate.session(argv)).toBe(expected);
    });
  });

  let fleet: SingleFleet;

  describe('what it prints', () => {
    /** `forever` has a heartbeat key without expiry, as other programs may write; `lapsed` is in the set and has no key. */
    beforeEach(async () => {
      fleet = await openFleet(redis);
      for (const [id, type, ttl] of [
        ['b', 'lamp', 200_000],
        ['a', 'lamp', 300_000],
        ['c', 'plug', 100_000],
        ['forever', 'plug', 60_000],
        ['lapsed', 'plug', 1000],
      ] as const) {
        await register(fleet, id, type, { metadataJson: `{"of":"${id}"}` });
        await heartbeat(fleet, { id, ttl });
      }
      await fleet.redis.persist(fleet.keys.heartbeat('forever'));
      await cut(fleet, 'lapsed');
      await pretendDetector(fleet); // again, because what is above may take longer than it counts as running
    });

    test.each<[argv: string, expected: string]>([
      [
        'list-online --sort id',
        text`
        DEVICE    TYPE   STATUS   LAST-SEEN                  EXPIRES
        a         lamp   online   YYYY-MM-DDThh:mm:ss.000Z   YYYY-MM-DDThh:mm:ss.000Z
        b         lamp   online   YYYY-MM-DDThh:mm:ss.000Z   YYYY-MM-DDThh:mm:ss.000Z
        c         plug   online   YYYY-MM-DDThh:mm:ss.000Z   YYYY-MM-DDThh:mm:ss.000Z
        forever   plug   online   YYYY-MM-DDThh:mm:ss.000Z   -
      `,
      ],
      ['list-online --sort expires -o name', 'c\nb\na\nforever\n'],
      ['list-online --sort expires --limit 2 -o name', 'c\nb\n'],
      ['list-online --sort id --type plug -o name', 'c\nforever\n'],
      [
        'list-online --type lamp --sort expires -o wide --no-headers',
        text`
        b   lamp   online   YYYY-MM-DDThh:mm:ss.000Z   YYYY-MM-DDThh:mm:ss.000Z   YYYY-MM-DDThh:mm:ss.000Z   {"of":"b"}
        a   lamp   online   YYYY-MM-DDThh:mm:ss.000Z   YYYY-MM-DDThh:mm:ss.000Z   YYYY-MM-DDThh:mm:ss.000Z   {"of":"a"}
      `,
      ],
      [
        'list-online --type plug --sort id --json',
        text`
        [
          {"deviceId":"c","deviceType":"plug","status":"online","lastSeen":MILLISECONDS0,"expiresAt":MILLISECONDS0},
          {"deviceId":"forever","deviceType":"plug","status":"online","lastSeen":MILLISECONDS0,"expiresAt":null}
        ]
      `,
      ],
      [
        'list-online --sort id --fields deviceId,expiresAt --type plug -o ndjson',
        '{"deviceId":"c","expiresAt":MILLISECONDS0}\n{"deviceId":"forever","expiresAt":null}\n',
      ],
      ['list-online --type none', '! no devices online\n'],
    ])('%s', async (argv, expected) => {
      expect(await devstate.session(argv)).toBe(expected);
    });

    test('prints the same rows without --sort', async () => {
      const { stdout } = await devstate.run('list-online -o name');
      expect(stdout.split('\n').sort()).toEqual(['', 'a', 'b', 'c', 'forever']);
    });

    test.each<[argv: string, coloured: boolean, env: Record<string, string>, tty: boolean]>([
      ['list-online', true, {}, true],
      ['list-online', false, {}, false],
      ['list-online', false, { NO_COLOR: '1' }, true],
      ['list-online', true, { NO_COLOR: '' }, true],
      ['list-online', false, { TERM: 'dumb' }, true],
      ['list-online --color always', true, { NO_COLOR: '1' }, false],
      ['list-online --color never', false, {}, true],
      ['list-online --color auto', false, { NO_COLOR: '1' }, true],
      ['list-online --json', false, {}, true],
      ['list-online --json --color always', false, {}, true],
      ['list-online -o name --color always', false, {}, true],
    ])('%s: coloured %s with %j, terminal %s', async (argv, coloured, env, tty) => {
      const { stdout, stderr } = await devstate.run(argv, { env, tty });
      expect(stdout.includes('\u001b[')).toBe(coloured);
      expect(stderr).toBe('');
    });
  });
}
