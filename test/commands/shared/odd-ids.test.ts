/** Unusual ids, numbers and stored data in every command: no splitting, globbing, rounding or escape sequences. */
import { beforeEach, describe, expect, test } from 'vitest';
import { register } from '../../../src/core/registry/register.js';
import { cli, text, transcript } from '../../support/cli.js';
import { ODD_IDS, ODD_NUMBERS, openFleet, pretendDetector } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
beforeEach(async () => pretendDetector(await openFleet(redis)));
const devstate = cli(redis);
const EXPIRES = 'YYYY-MM-DDThh:mm:ss.000Z';

describe.each([...ODD_IDS, 'two words', "it's", 'a*b?[c]', '$HOME', 'x'.repeat(256)])('the id %s', (id) => {
  const session = (...argv: string[]) => devstate.session(argv);

  test('is unchanged by every command', async () => {
    // A similar id, which no command may touch.
    for (const other of [`${id.slice(0, 200)}:x`, 'aa', 'a'])
      await register(await openFleet(redis), other, 'other');
    const running = devstate.start('watch-presence --type odd --count 4 -o name');
    await running.says('stderr', 'watching');

    expect(await session('register', id, '--type', 'odd')).toBe(`${id} registered\n`);
    expect(await session('heartbeat', id, '--report', 'on=true')).toBe(
      `${id} online, was offline, expires ${EXPIRES}\n`,
    );
    expect(await session('set-desired', id, 'on=false')).toBe(`${id} desired version 1\n`);
    expect(await session('delta', id)).toBe('PATH   DESIRED   REPORTED\non     false     true\n');
    expect(await session('delta', id, '-o', 'name')).toBe(`${id}\n`);
    expect(await session('get', id, '-o', 'name')).toBe(`${id}\n`);
    expect(await devstate.json(['get', id, '--fields', 'deviceId,status'])).toEqual({
      deviceId: id,
      status: 'online',
    });
    expect(await session('list', '--type', 'odd', '-o', 'name')).toBe(`${id}\n`);
    expect(await session('list-online', '-o', 'name')).toBe(`${id}\n`);
    expect(await session('stale', '--older-than', '0', '--no-never', '-o', 'name')).toBe(`${id}\n`);
    expect(await session('disconnect', id)).toBe(`${id} offline\n`);
    expect(await devstate.session('heartbeat -', { stdin: `${id}\n` })).toBe(
      `${id} online, was offline, expires ${EXPIRES}\n`,
    );
    const line = JSON.stringify({ deviceId: id, reportedState: { on: false } });
    expect(await devstate.session('heartbeat -f - -o ndjson --fields deviceId', { stdin: line })).toBe(
      `${JSON.stringify({ deviceId: id })}\n! 1 done, 0 failed\n`,
    );
    expect(await session('delta', id)).toBe(`${id} in sync\n`);
    expect(await session('unregister', id, '--yes')).toBe(`${id} removed\n`);
    expect(transcript(await running.done)).toBe(`${`${id}\n`.repeat(4)}! watching\n`);
    expect(await (await redis.client()).keys(`*${id.replace(/[[\]*?\\]/g, '\\$&')}`)).toEqual([]);
  });

  test('is found by a glob that escapes it', async () => {
    const running = devstate.start([
      'watch-presence',
      '--id',
      `${[...id].slice(0, 2).join('')}*`,
      '--count',
      '1',
    ]);
    await running.says('stderr', 'watching');
    await devstate.run(['heartbeat', 'other', id, '--register', '--type', 't']);
    expect((await running.done).stdout).toContain(` ${id} `);
  });
});

describe('numbers', () => {
  test('keep all digits in every format', async () => {
    await devstate.run(['register', 'd1', '--type', 't', '--meta', ODD_NUMBERS]);
    await devstate.run(['heartbeat', 'd1', '--report', ODD_NUMBERS]);
    await devstate.run('set-desired d1 big=12345678901234567891 huge=2e400 money=0.20');
    expect(await devstate.session('get d1 --json --fields reportedState,desiredState,metadata')).toBe(
      text`
        {
          "reportedState": {
            "big": 12345678901234567890,
            "huge": 1e400,
            "money": 0.10
          },
          "desiredState": {
            "big": 12345678901234567891,
            "huge": 2e400,
            "money": 0.20
          },
          "metadata": {
            "big": 12345678901234567890,
            "huge": 1e400,
            "money": 0.10
          }
        }
      `,
    );
    expect(
      await devstate.session('get d1 --fields metadata.big,metadata.huge,metadata.money --no-headers'),
    ).toBe('12345678901234567890   1e400   0.10\n');
    expect(await devstate.session('delta d1 --no-headers')).toBe(
      text`
        big     12345678901234567891   12345678901234567890
        huge    2e400                  1e400
        money   0.20                   0.10
      `,
    );
    expect((await devstate.run('list --with-state -o ndjson')).stdout).toContain(
      `"reportedState":${ODD_NUMBERS}`,
    );
    expect((await devstate.run('get d1')).stdout).toContain('"huge": 1e400,\n');
    expect(await devstate.session('set-desired d1 big=12345678901234567890 huge=1e400 money=0.10')).toBe(
      'd1 desired version 2\n',
    );
    expect(await devstate.session('delta d1')).toBe('d1 in sync\n');
  });
});

describe('hostile data', () => {
  const EVIL = '\u001b[31mred\u001b]0;title\u0007\n\r\t\u0085\u007f\u202eevil\u2066\u2028';
  const SHOWN = '\\u001b[31mred\\u001b]0;title\\u0007\\n\\r\\t\\u0085\\u007f\\u202eevil\\u2066\\u2028';

  /** Text that a terminal or a line reader could interpret. */
  const RAW = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u2028\u2029]/;

  async function infest() {
    const client = await redis.client();
    await client.hset(`device:state:${EVIL}`, {
      deviceId: EVIL,
      deviceType: EVIL,
      lastSeen: EVIL,
      registeredAt: EVIL,
      reportedState: JSON.stringify({ [EVIL]: EVIL }),
      metadata: JSON.stringify({ note: EVIL }),
      devstate: EVIL,
    });
    await client.hset('device:state:host', {
      deviceId: 'host',
      deviceType: 't',
      reportedState: '{"a":"\u202e\u009b"}',
      desiredState: JSON.stringify({ [EVIL]: EVIL }),
      metadata: '{"raw":"\u202e"',
    });
    await client.sadd('devices:registered', EVIL);
    await client.sadd('devices:online', EVIL);
    await client.set(`device:heartbeat:${EVIL}`, '1');
  }

  test.each([
    'list',
    'list -o wide',
    'list --json',
    'list -o ndjson --with-state',
    'list --with-state --fields deviceType,reportedState,metadata',
    'list-online',
    'list-online -o wide',
    'list-online --json',
    'stale',
    'stale --json',
    'get host',
    'get host --json',
    'delta host',
    'delta host --json',
    'delta host -o wide --color never',
  ])('%s prints it escaped', async (argv) => {
    await infest();
    const { stdout, stderr } = await devstate.run(argv);
    expect(stdout + stderr).not.toMatch(RAW);
    expect(stdout + stderr).toContain(argv.includes('get host') ? 'host' : 'evil');
  });

  test('is escaped in tables and names, and unchanged in JSON', async () => {
    await infest();
    expect(await devstate.session('list --no-headers')).toBe(`${SHOWN}   ${SHOWN}   online   never   -\n`);
    expect(await devstate.session('list-online --fields deviceType --no-headers')).toBe(`${SHOWN}\n`);
    expect(await devstate.json('list --fields deviceId,deviceType')).toEqual([
      { deviceId: EVIL, deviceType: EVIL },
    ]);
    expect((await devstate.run('list -o name')).stdout).toBe(
      `${SHOWN.replace(/\\u2\w{3}/g, (code) => JSON.parse(`"${code}"`))}\n`,
    );
    const { stdout } = await devstate.run('list -o ndjson --with-state --fields reportedState');
    expect(JSON.parse(stdout).reportedState).toEqual({ [EVIL]: EVIL });
    expect(stdout).toContain('\\u202eevil\\u2066\\u2028');
  });

  test('an invalid id is refused, and shown escaped', async () => {
    const { exit, stdout, stderr } = await devstate.run(['get', 'a\u001b[2J\u0085']);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    expect(stderr).toBe('devstate: a device id must not hold control characters: "a\\u001b[2J\\u0085"\n');
  });

  test('is escaped in errors and hints', async () => {
    await infest();
    for (const argv of [
      ['get', '\u202eevil'],
      ['get', 'host'],
      ['delta', '\u202e'],
      ['bo\u001b[31mgus'],
      ['get', '--bo\u001b[31mgus'],
      ['list', '--fields', '\u001b[31m'],
      ['list', '-o', '\u001b[31m'],
      ['set-desired', 'd', '\u001b[31m'],
      ['set-desired', 'd', '@\u001b[31m'],
      ['register', 'd', '--ttl', '\u001b[31m'],
    ]) {
      const { stderr, exit } = await devstate.run(argv);
      expect(stderr, argv.join(' ')).not.toMatch(RAW);
      expect(exit).toBeGreaterThan(0);
    }
  });
});
