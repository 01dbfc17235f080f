import { beforeEach, describe, expect, test } from 'vitest';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { register } from '../../../src/core/registry/register.js';
import { cli, text } from '../../support/cli.js';
import { cut, openFleet, SingleFleet } from '../../support/fleet.js';
import type { TestBackend } from '../../support/redis.js';

export function listSuite(redis: TestBackend): void {
  const devstate = cli(redis);
  const unreachable = cli('redis://127.0.0.1:1');

  describe('usage errors, reported before anything is sent', () => {
    test.each<[argv: string, expected: string]>([
      [
        'list extra',
        "! devstate: too many arguments for 'list'. Expected 0 arguments but got 1.\n! hint: devstate list --help\n",
      ],
      [
        'list --status gone',
        "! devstate: option '--status <status>' argument 'gone' is invalid. Allowed choices are online, offline, never.\n! hint: devstate list --help\n",
      ],
      ['list --limit 0', '! devstate: --limit: bad count "0": it must be a whole number, at least 1\n'],
      ['list --limit many', '! devstate: --limit: bad count "many": it must be a whole number, at least 1\n'],
      [
        'list --fields metadata',
        '! devstate: no field "metadata"; there are deviceId, deviceType, status, lastSeen, registeredAt, expiresAt, reportedVersion, reportedAt, desiredVersion, desiredAt, presenceSeq, presenceAt, heartbeatTtl\n',
      ],
    ])('%s', async (argv, expected) => {
      expect(await unreachable.session(argv)).toBe(`${expected}exit 2\n`);
    });

    test('refuses an empty type', async () => {
      expect(await unreachable.session(['list', '--type', ''])).toBe(
        '! devstate: --type: a device type must not be empty\nexit 2\n',
      );
    });
  });

  describe('an empty fleet', () => {
    test.each<[argv: string, expected: string]>([
      ['list', '! no devices\n'],
      ['list -o wide', '! no devices\n'],
      ['list -o name', '! no devices\n'],
      ['list --fields deviceId', '! no devices\n'],
      ['list -q', ''],
      ['list --json', '[]\n'],
      ['list -o ndjson', ''],
      ['list --with-state --json', '[]\n'],
      ['list --fail-if-empty', '! no devices\nexit 4\n'],
      ['list --fail-if-empty --json', '[]\nexit 4\n'],
      ['list --fail-if-empty -q', 'exit 4\n'],
    ])('%s', async (argv, expected) => {
      expect(await devstate.session(argv)).toBe(expected);
    });
  });

  let fleet: SingleFleet;

  /** Sets have no order, so single rows or sorted rows are compared. */
  async function build() {
    fleet = await openFleet(redis);
    await register(fleet, 'up', 'lamp', { metadataJson: '{"n":0.10}' });
    await heartbeat(fleet, { id: 'up', reportedJson: '{"on":true}' });
    await register(fleet, 'down', 'plug');
    await heartbeat(fleet, { id: 'down' });
    await cut(fleet, 'down');
    await register(fleet, 'never', 'plug');
  }

  describe('what it prints', () => {
    beforeEach(build);

    test.each<[argv: string, expected: string]>([
      [
        'list --status online',
        text`
        DEVICE   TYPE   STATUS   LAST-SEEN                  EXPIRES
        up       lamp   online   YYYY-MM-DDThh:mm:ss.000Z   YYYY-MM-DDThh:mm:ss.000Z
      `,
      ],
      [
        'list --type lamp -o wide',
        text`
        DEVICE   TYPE   STATUS   LAST-SEEN                  EXPIRES                    REPORTED      DESIRED   METADATA
        up       lamp   online   YYYY-MM-DDThh:mm:ss.000Z   YYYY-MM-DDThh:mm:ss.000Z   {"on":true}   {}        {"n":0.10}
      `,
      ],
      ['list --status never --no-headers', 'never   plug   offline   never   -\n'],
      [
        'list --status never --json',
        text`
        [
          {"deviceId":"never","deviceType":"plug","status":"offline","lastSeen":null,"registeredAt":MILLISECONDS0,"expiresAt":null,"reportedVersion":0,"reportedAt":null,"desiredVersion":0,"desiredAt":null,"presenceSeq":0,"presenceAt":null,"heartbeatTtl":null}
        ]
      `,
      ],
      [
        'list --status online --with-state -o ndjson',
        '{"deviceId":"up","deviceType":"lamp","status":"online","lastSeen":MILLISECONDS0,"registeredAt":MILLISECONDS0,"expiresAt":MILLISECONDS0,"reportedState":{"on":true},"desiredState":{},"metadata":{"n":0.10},"reportedVersion":1,"reportedAt":MILLISECONDS0,"desiredVersion":0,"desiredAt":null,"presenceSeq":1,"presenceAt":MILLISECONDS0,"heartbeatTtl":null}\n',
      ],
      [
        'list --with-state --type lamp --fields metadata.n,deviceId',
        'METADATA.N   DEVICEID\n0.10         up\n',
      ],
      ['list --type lamp --status offline', '! no devices\n'],
      ['list --type none', '! no devices\n'],
      ['list --fail-if-empty --status online -o name', 'up\n'],
    ])('%s', async (argv, expected) => {
      expect(await devstate.session(argv)).toBe(expected);
    });

    test.each<[argv: string, ids: string[]]>([
      ['list -o name', ['down', 'never', 'up']],
      ['list --status offline -o name', ['down', 'never']],
      ['list --status offline --type plug -o name', ['down', 'never']],
      ['list --type plug -o name', ['down', 'never']],
    ])('%s', async (argv, ids) => {
      const { stdout } = await devstate.run(argv);
      expect(stdout.trimEnd().split('\n').sort()).toEqual(ids);
    });

    test.each([1, 2, 3, 4])('--limit %i', async (limit) => {
      const { stdout, exit } = await devstate.run(`list --limit ${limit} --json`);
      expect({ exit, rows: JSON.parse(stdout).length }).toEqual({ exit: 0, rows: Math.min(limit, 3) });
    });
  });

  describe('--sort', () => {
    /** `b` expires before `a`; `gone` was last seen before `down`; all were registered a day ago. */
    beforeEach(async () => {
      fleet = await openFleet(redis);
      const ago = (ms: number) => new SingleFleet(fleet.redis, { clock: () => Date.now() - ms });
      const aDayAgo = ago(86_400_000);
      for (const id of ['a', 'b', 'down', 'gone', 'never-0', 'never-1']) await register(aDayAgo, id, 'lamp');
      await heartbeat(fleet, { id: 'a', ttl: 90_000 });
      await heartbeat(fleet, { id: 'b', ttl: 30_000 });
      await heartbeat(ago(7_200_000), { id: 'gone' });
      await heartbeat(ago(3_600_000), { id: 'down' });
      await settle(fleet.only, ['gone']);
    });

    const ORDERS: [argv: string, ids: string][] = [
      ['list --sort id', 'a b down gone never-0 never-1'],
      ['list --sort last-seen', 'never-0 never-1 gone down a b'],
      ['list --sort expires', 'b a never-0 never-1 gone down'],
      ['list --sort expires --status online', 'b a'],
      ['list --sort expires --status offline', 'never-0 never-1 gone down'],
      ['list --sort last-seen --status never', 'never-0 never-1'],
      ['list --sort last-seen --limit 3', 'never-0 never-1 gone'],
      ['list --sort expires --type lamp', 'b a never-0 never-1 gone down'],
      ['stale --older-than 90m', 'never-0 never-1 gone'],
      ['stale --no-never', 'gone down'],
      ['list-online --sort expires', 'b a'],
      ['list-online --sort expires --type lamp --limit 1', 'b'],
      ['list-online --sort id', 'a b'],
    ];

    test.each(['shared', 'exclusive'])('gives the same order with %s writers', async (writers) => {
      await fleet.redis.hset('devices:meta', { writers });
      for (const [argv, ids] of ORDERS)
        expect(await devstate.session(`${argv} -o name -q`), argv).toBe(`${ids.replaceAll(' ', '\n')}\n`);
    });

    test('prints a notice on a large fleet if the list must be held in memory', async () => {
      const ids = Array.from({ length: 10_001 }, (_, i) => `d${i}`);
      await fleet.redis.sadd('devices:registered', ...ids);
      const held = async (argv: string) => /sorting by (.*)\n/.exec((await devstate.run(argv)).stderr)?.[1];
      const whole = 'reads the whole list into memory first';
      expect(await held('list --limit 1 -o name')).toBeUndefined();
      expect(await held('list --sort last-seen --limit 1 -o name')).toBe(`last-seen ${whole}`);
      await fleet.redis.hset('devices:meta', { writers: 'exclusive' });
      expect(await held('list --sort last-seen --status offline --limit 1 -o name')).toBeUndefined();
      expect(await held('list --sort id --limit 1 -o name')).toBe(`id ${whole}`);
      expect(await held('list --sort expires --type lamp --limit 1 -o name')).toBe(`expires ${whole}`);
      expect(await held('list-online --sort expires --type lamp --limit 1 -o name')).toBeUndefined();
    });
  });

  describe('records that cannot be shown', () => {
    beforeEach(async () => {
      await build();
      await fleet.redis.hset('devices:meta', { dialect: 'node' });
      await fleet.redis.set('device:state:wrong', 'x');
      await fleet.redis.hset('device:state:broken', {
        deviceId: 'broken',
        deviceType: 'lamp',
        metadata: '{',
      });
      await fleet.redis.hset('device:state:stray', { status: 'offline' });
      await fleet.redis.sadd('devices:registered', 'wrong', 'broken', 'stray', 'gone');
    });

    test('are reported on stderr, the others are listed, exit 7', async () => {
      const { exit, stdout, stderr } = await devstate.run('list --no-headers');
      expect(
        stdout
          .split('\n')
          .sort()
          .map((line) => line.split(' ')[0]),
      ).toEqual(['', 'broken', 'down', 'never', 'up']);
      expect(stderr).toMatch(
        /^devstate: device:state:wrong holds .*\nhint: .*\nids without a registered record: 2 skipped, for example "(stray|gone)"\n$/,
      );
      expect(exit).toBe(7);
    });

    test('--with-state reports records with a broken document', async () => {
      const { exit, stdout, stderr } = await devstate.run('list --with-state --json -q');
      expect(
        JSON.parse(stdout)
          .map(({ deviceId }: { deviceId: string }) => deviceId)
          .sort(),
      ).toEqual(['down', 'never', 'up']);
      expect(stderr.split('\n').sort()).toEqual([
        '',
        expect.stringMatching(
          /^{"error":{"code":"BAD_RECORD","message":"device \\"broken\\": the metadata is broken: /,
        ),
        expect.stringMatching(/^{"error":{"code":"BAD_RECORD","message":"device:state:wrong holds /),
      ]);
      expect(exit).toBe(7);
    });

    test('with broken records only: exit 7, and no message about an empty list', async () => {
      await fleet.redis.del('devices:registered');
      await fleet.redis.sadd('devices:registered', 'wrong');
      const { exit, stdout } = await devstate.run('list --fail-if-empty');
      expect({ exit, stdout }).toEqual({ exit: 7, stdout: '' });
    });
  });
}
