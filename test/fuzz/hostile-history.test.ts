/** History, events and settings that others made up: shown for what they are, or refused in a line. */
import { beforeEach, describe, expect, test } from 'vitest';
import { FORMATS } from '../../src/output/view.js';
import { cli } from '../support/cli.js';
import { openFleet, pretendDetector } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';
import { deep, EVIL } from './hostile-values.js';
import { faults } from './output-faults.js';

const redis = useRedis();
const devstate = cli(redis);

beforeEach(async () => {
  await pretendDetector(await openFleet(redis));
  await devstate.run('register good --type t');
});

describe('what was kept of the past', () => {
  const entry = (fields: object) => JSON.stringify(fields);
  const odd: [string, string[]][] = [
    [
      'reported',
      [
        entry({ at: 1, version: 1, value: { [EVIL]: EVIL } }),
        entry({ at: 2, version: 2, value: { [EVIL]: 1 } }),
      ],
    ],
    ['reported', [entry({ at: 1, version: 1, value: 5 }), entry({ at: 2, version: 2, value: [EVIL] })]],
    [
      'reported',
      [
        '{"at":1e400,"version":-1,"value":null}',
        '{"at":8.7e15,"version":1e999}',
        '{"at":-1,"unknown":[]}',
        '{}',
      ],
    ],
    ['reported', ['{"at":1,"version":2,"value":{},"unknown":[1,1e20]}']],
    ['desired', ['{"at":1e20,"version":2,"value":{}}']],
    [
      'presence',
      [
        entry({ at: 1, seq: 1, status: EVIL, reason: EVIL }),
        entry({ at: 8.7e15, seq: 3, status: 'online', reason: EVIL }),
      ],
    ],
  ];
  const broken: [string, string[]][] = [
    ['reported', [deep('{"a":', '}')]],
    ['desired', ['{"at":1', EVIL]],
    ['presence', ['[]']],
  ];

  test.each([...odd, ...broken])('%s %#', async (kind, entries) => {
    const client = await redis.client();
    await client.rpush(`device:history:${kind}:good`, ...entries);
    await client.hset('device:state:good', 'devstate', '2 1 2 1 2 1 0');
    for (const command of ['history good', 'history good --diff', 'get good --at 1s', 'get good --at 1h']) {
      for (const format of FORMATS) {
        const argv = [...command.split(' '), '-o', format];
        const result = await devstate.run(argv);
        expect(faults(argv, result)).toEqual([]);
        if (broken.some(([, list]) => list === entries)) expect([argv, result.exit]).toEqual([argv, 1]);
      }
    }
  });
});

describe('events', () => {
  test('of the log are shown whatever they hold', async () => {
    const client = await redis.client();
    await client.xadd(
      'devices:presence:log',
      '*',
      'deviceId',
      EVIL,
      'deviceType',
      EVIL,
      'status',
      EVIL,
      'reason',
      EVIL,
    );
    await client.xadd('devices:presence:log', '*', EVIL, EVIL);
    await client.xadd(
      'devices:presence:log',
      '*',
      'timestamp',
      '1e400',
      'seq',
      'NaN',
      'previous',
      '-1e20',
      'deviceId',
      'last',
    );
    for (const format of FORMATS) {
      const argv = ['watch-presence', '--since', '1h', '--count', '3', '-o', format];
      const result = await devstate.run(argv);
      expect(faults(argv, result)).toEqual([]);
      expect([argv, result.exit]).toEqual([argv, 0]);
      expect(result.stdout).toContain('last');
    }
  });

  test('of the channel are shown if they are events, whatever they hold', async () => {
    const client = await redis.client();
    const event = { type: 'presence', deviceId: EVIL, deviceType: EVIL, status: 'online', timestamp: 1 };
    for (const format of FORMATS) {
      const argv = ['watch-presence', '--count', '2', '-o', format];
      const running = devstate.start(argv);
      await running.says('stderr', 'watching');
      for (const message of [
        ...['', EVIL, '[]', 'null', '5', deep('[', ']'), deep('{"a":', '}'), '{"type":"presence"}'],
        ...[event, { ...event, status: EVIL }, { ...event, deviceId: 5 }].map((value) =>
          JSON.stringify(value),
        ),
        JSON.stringify({ ...event, deviceId: 'last', timestamp: EVIL, extra: event }),
      ])
        await client.publish('devices:presence', message);
      await client.publish('devices:presence', Buffer.from([0xff, 0xfe]));
      const result = await running.done;
      expect(faults(argv, result)).toEqual([]);
      expect([argv, result.exit]).toEqual([argv, 0]);
      expect(result.stdout).toContain('last');
    }
  });
});

test('a pulse that is none stops no detector', async () => {
  const client = await redis.client();
  const now = Date.now();
  for (const pulse of [
    EVIL,
    '',
    'x y z',
    '1e400 1e400 1e400',
    `${now} ${now} 9e15`,
    `${now} ${now} 1e20`,
    '-1 -1 -1',
  ]) {
    await client.set('devices:pulse', pulse);
    for (const argv of [
      'detect --once',
      'watch-presence --for 1ms',
      'watch-presence --detect --for 1ms',
      'heartbeat good',
    ]) {
      const result = await devstate.run(argv);
      expect(faults(argv.split(' '), result)).toEqual([]);
    }
  }
});

test('keys of the fleet that are something else are named', async () => {
  const client = await redis.client();
  for (const key of [
    'devices:registered',
    'devices:online',
    'devices:activity',
    'devices:types',
    'devices:presence:log',
    'devices:meta',
  ]) {
    await client.flushall();
    await client.set(key, EVIL);
    for (const argv of [
      'list',
      'list-online',
      'stale',
      'stats',
      'get d',
      'register d --type t',
      'heartbeat d',
      'watch-presence --since 1h --for 1ms',
    ]) {
      const result = await devstate.run(argv);
      expect(faults(argv.split(' '), result)).toEqual([]);
    }
  }
  await client.flushall();
  for (const [field, value] of Object.entries({
    dialect: EVIL,
    longestTtl: EVIL,
    logCap: '-1',
    historyCap: '1e9',
    version: EVIL,
    writers: EVIL,
    partitions: EVIL,
  })) {
    await client.del('devices:meta');
    await client.hset('devices:meta', field, value);
    for (const argv of ['list', 'register d --type t', 'heartbeat d', 'init']) {
      const result = await devstate.run(argv);
      expect(faults(argv.split(' '), result)).toEqual([]);
    }
  }
});
