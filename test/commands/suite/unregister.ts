import { beforeEach, describe, expect, test } from 'vitest';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { cli, text } from '../../support/cli.js';
import { openFleet, type SingleFleet, snapshot } from '../../support/fleet.js';
import type { TestBackend } from '../../support/redis.js';

export function unregisterSuite(redis: TestBackend): void {
  const devstate = cli(redis);
  const unreachable = cli('redis://127.0.0.1:1');
  const NOT_CONFIRMED = '! devstate: this removes devices and needs confirmation\n! hint: add --yes\n';

  describe('usage errors, reported before anything is sent', () => {
    test.each<[argv: string, expected: string]>([
      ['unregister', "! devstate: missing required argument 'id'\n! hint: devstate unregister --help\n"],
      ['unregister d1', NOT_CONFIRMED],
      ['unregister d1 d2', NOT_CONFIRMED],
      ['unregister -', NOT_CONFIRMED],
      [
        'unregister d1 --json',
        '! {"error":{"code":"USAGE","message":"this removes devices and needs confirmation","hint":"add --yes"}}\n',
      ],
      ['unregister d1 --yes --fields id', '! devstate: no field "id"; there are deviceId, removed\n'],
    ])('%s', async (argv, expected) => {
      expect(await unreachable.session(argv, { stdin: 'y\n' })).toBe(`${expected}exit 2\n`);
    });

    test('refuses ids from standard input on a terminal without --yes', async () => {
      expect(await unreachable.session('unregister -', { tty: true })).toBe(`${NOT_CONFIRMED}exit 2\n`);
    });
  });

  let fleet: SingleFleet;
  beforeEach(async () => {
    fleet = await openFleet(redis);
    for (const id of ['d1', 'd2', 'other']) {
      await register(fleet, id, 'lamp');
      await heartbeat(fleet, { id, reportedJson: '{"a":1}' });
      await setDesired(fleet, id, { a: true });
    }
  });

  const left = async () => (await fleet.redis.smembers('devices:registered')).sort();

  describe('with --yes', () => {
    test.each<[argv: string, stdin: string, expected: string, still: string[]]>([
      ['unregister d1 --yes', '', 'd1 removed\n', ['d2', 'other']],
      ['unregister d1 -y -q -o wide', '', 'd1 removed\n', ['d2', 'other']],
      ['unregister d1 -y -o name', '', 'd1\n', ['d2', 'other']],
      ['unregister d1 -y --json', '', '{\n  "deviceId": "d1",\n  "removed": true\n}\n', ['d2', 'other']],
      [
        'unregister d1 d2 -y -o ndjson',
        '',
        '{"deviceId":"d1","removed":true}\n{"deviceId":"d2","removed":true}\n',
        ['other'],
      ],
      ['unregister - -y', 'd2\nd1\n', 'd2 removed\nd1 removed\n', ['other']],
      ['unregister - -y --json', '', '[]\n', ['d1', 'd2', 'other']],
      [
        'unregister d1 nope d1 d2 -y -q',
        '',
        text`
        d1 removed
        d2 removed
        ! devstate: device "nope" is not registered
        ! devstate: device "d1" is not registered
        exit 7
      `,
        ['other'],
      ],
      [
        'unregister nope -y -q',
        '',
        '! devstate: device "nope" is not registered\nexit 3\n',
        ['d1', 'd2', 'other'],
      ],
    ])('%s', async (argv, stdin, expected, still) => {
      expect(await devstate.session(argv, { stdin })).toBe(expected);
      expect(await left()).toEqual(still);
    });

    test('leaves no key of the device, only its events in the log', async () => {
      await devstate.run('unregister d1 d2 other --yes');
      expect(
        (await fleet.redis.keys('*')).filter((key) => !/^devices:(presence:log|pulse|meta)$/.test(key)),
      ).toEqual([]);
    });
  });

  describe('asks on a terminal', () => {
    const QUESTION = 'Remove "d1" and all data about it? [y/N] ';

    test.each<[typed: string, argv: string, expected: string, exit: number]>([
      ['y\n', 'unregister d1', 'd1 removed\n', 0],
      ['YES\n', 'unregister d1', 'd1 removed\n', 0],
      [' y \n', 'unregister d1 -q', 'd1 removed\n', 0],
      ['n\n', 'unregister d1', '', 4],
      ['\n', 'unregister d1', '', 4],
      ['yess\n', 'unregister d1', '', 4],
      ['y\n', 'unregister d1 --json', '{\n  "deviceId": "d1",\n  "removed": true\n}\n', 0],
    ])('%j to %s', async (typed, argv, expected, exit) => {
      const before = await snapshot(fleet.redis);
      expect(await devstate.run(argv, { tty: true, stdin: typed })).toEqual({
        stdout: expected,
        stderr: QUESTION,
        exit,
      });
      if (exit === 0) expect(await left()).toEqual(['d2', 'other']);
      else expect(await snapshot(fleet.redis)).toEqual(before);
    });

    test('asks with the number of devices', async () => {
      expect(await devstate.run('unregister d1 d2', { tty: true, stdin: 'y\n' })).toEqual({
        stdout: 'd1 removed\nd2 removed\n',
        stderr: 'Remove 2 devices and all data about them? [y/N] ',
        exit: 0,
      });
    });

    test('shows escape sequences in an id escaped', async () => {
      const { stderr } = await devstate.run(['unregister', 'a\u202eb'], { tty: true, stdin: 'n\n' });
      expect(stderr).toBe('Remove "a\\u202eb" and all data about it? [y/N] ');
    });

    test('the end of the input declines', async () => {
      const running = devstate.start('unregister d1', { tty: true });
      await running.says('stderr', QUESTION);
      running.stdin.end();
      expect(await running.done).toEqual({ stdout: '', stderr: `${QUESTION}\n`, exit: 4 });
      expect(await left()).toEqual(['d1', 'd2', 'other']);
    });

    test('an interrupt changes nothing', async () => {
      const running = devstate.start('unregister d1', { tty: true });
      await running.says('stderr', QUESTION);
      // The process exits with 130 or 143 regardless of the command's code (test/e2e).
      const { stdout, stderr } = await running.stop();
      expect({ stdout, asked: stderr.trimEnd() }).toEqual({ stdout: '', asked: QUESTION.trimEnd() });
      expect(await left()).toEqual(['d1', 'd2', 'other']);
    });
  });
}
