import { describe, expect, test } from 'vitest';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { cli, text } from '../../support/cli.js';
import { openFleet, snapshot } from '../../support/fleet.js';
import type { TestBackend } from '../../support/redis.js';

export function statsSuite(redis: TestBackend): void {
  const devstate = cli(redis);

  async function someDevices(): Promise<void> {
    const fleet = await openFleet(redis);
    await register(fleet, 'up', 'lamp');
    await heartbeat(fleet, { id: 'up' });
    await register(fleet, 'new', 'meter');
  }

  describe.each(['shared', 'exclusive'])('stats of a %s fleet', (writers) => {
    test.each<[argv: string, expected: string]>([
      [
        'stats',
        text`
        FIELD        VALUE
        REGISTERED   2
        ONLINE       1
        OFFLINE      1
        NEVER-SEEN   1
        LAPSED       0
      `,
      ],
      [
        'stats --by type',
        text`
        TYPE                 REGISTERED   ONLINE     OFFLINE    NEVER-SEEN   LAPSED
        lamp                 1            1          0          0            0
        meter                1            0          1          1            0
      `,
      ],
      [
        'stats --json',
        text`
        {
          "at": MILLISECONDS0,
          "registered": 2,
          "online": 1,
          "offline": 1,
          "neverSeen": 1,
          "lapsed": 0
        }
      `,
      ],
      [
        'stats --by type -o ndjson --fields deviceType,online',
        '{"deviceType":"lamp","online":1}\n{"deviceType":"meter","online":0}\n',
      ],
      ['stats --by type -o name', 'lamp\nmeter\n'],
      [
        'stats --by status',
        "! devstate: option '--by <what>' argument 'status' is invalid. Allowed choices are type.\n! hint: devstate stats --help\nexit 2\n",
      ],
    ])('%s', async (argv, expected) => {
      await someDevices();
      await devstate.run(`init --writers ${writers}`);
      const before = await snapshot(await redis.client());
      expect(await devstate.session(argv)).toBe(expected);
      expect(await snapshot(await redis.client())).toEqual(before);
    });
  });

  test('of an empty fleet', async () => {
    expect(await devstate.session('stats --by type')).toBe('! no devices\n');
    expect(await devstate.session('stats --fields online --no-headers')).toBe('0\n');
  });

  test('reports records that cannot be counted, and counts the others', async () => {
    await someDevices();
    const client = await redis.client();
    await client.sadd('devices:registered', 'ghost', 'broken');
    await client.set('device:state:broken', 'x');
    const { exit, stdout, stderr } = await devstate.run('stats --fields registered --no-headers');
    expect([exit, stdout]).toEqual([7, '2\n']);
    expect(stderr).toContain('device:state:broken holds');
    expect(stderr).toContain('ids without a registered record: 1 not counted, for example "ghost"');
  });

  test('--watch repeats until it is stopped', async () => {
    await someDevices();
    const running = devstate.start('stats --watch -o ndjson');
    const [first = '', second = ''] = await running.lines('stdout', 2);
    expect(JSON.parse(first)).toMatchObject({ registered: 2 });
    expect(JSON.parse(second).at - JSON.parse(first).at).toBeGreaterThan(1000);
    expect((await running.stop()).exit).toBe(0);
  });

  describe('init', () => {
    test.each<[argv: string, expected: string]>([
      [
        'init',
        'layout version 1, one partition, dialect node, shared writers, hold 2, history reported=20 desired=100 presence=100, log 100000\n',
      ],
      [
        'init --writers exclusive --json',
        '{\n  "version": 1,\n  "partitions": 1,\n  "dialect": "node",\n  "writers": "exclusive",\n  "deviceLogins": false,\n  "hold": 2,\n  "history": {\n    "reported": 20,\n    "desired": 100,\n    "presence": 100\n  },\n  "logCap": 100000\n}\n',
      ],
      [
        'init --read-only',
        '! devstate: init refused: read-only\n! hint: leave out --read-only, or name a context that may write\nexit 2\n',
      ],
      [
        'init --dialect python',
        "! devstate: this fleet's dialect is node, not python\n! hint: leave out --dialect\nexit 2\n",
      ],
    ])('%s', async (argv, expected) => {
      await someDevices();
      expect(await devstate.session(argv)).toBe(expected);
    });

    test('declares the dialect of an empty fleet', async () => {
      expect(await devstate.session('init --dialect python')).toBe(
        'layout version 1, one partition, dialect python, shared writers, hold 2, history reported=20 desired=100 presence=100, log 100000\n',
      );
      await devstate.run('register d1 --type lamp');
      expect(await (await redis.client()).hget('device:state:d1', 'device_id')).toBe('d1');
    });
  });
}
