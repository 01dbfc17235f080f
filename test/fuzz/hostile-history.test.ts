/** Hostile history entries, events and settings in Redis: shown escaped, or refused with one error line. */
import { beforeEach, describe, expect, test } from 'vitest';
import { FORMATS } from '../../src/output/view.js';
import { cli } from '../support/cli.js';
import { openFleet, pretendDetector } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';
import { deep, HOSTILE } from './hostile-values.js';
import { faultsOf } from './output-faults.js';

const redis = useRedis();
const devstate = cli(redis);

beforeEach(async () => {
  await pretendDetector(await openFleet(redis));
  await devstate.run('register good --type t');
});

describe('history entries', () => {
  const entry = (fields: object) => JSON.stringify(fields);
  const readable: [string, string[]][] = [
    [
      'reported',
      [
        entry({ at: 1, version: 1, value: { [HOSTILE]: HOSTILE } }),
        entry({ at: 2, version: 2, value: { [HOSTILE]: 1 } }),
      ],
    ],
    ['reported', [entry({ at: 1, version: 1, value: 5 }), entry({ at: 2, version: 2, value: [HOSTILE] })]],
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
        entry({ at: 1, seq: 1, status: HOSTILE, reason: HOSTILE }),
        entry({ at: 8.7e15, seq: 3, status: 'online', reason: HOSTILE }),
      ],
    ],
  ];
  const broken: [string, string[]][] = [
    ['reported', [deep('{"a":', '}')]],
    ['desired', ['{"at":1', HOSTILE]],
    ['presence', ['[]']],
  ];

  test.each([...readable, ...broken])(
    'hostile entries of %s give no fault (case %#)',
    async (kind, entries) => {
      const client = await redis.client();
      await client.rpush(`device:history:${kind}:good`, ...entries);
      await client.hset('device:state:good', 'devstate', '2 1 2 1 2 1 0');
      for (const command of ['history good', 'history good --diff', 'get good --at 1s', 'get good --at 1h']) {
        for (const format of FORMATS) {
          const argv = [...command.split(' '), '-o', format];
          const result = await devstate.run(argv);
          expect(faultsOf(argv, result)).toEqual([]);
          if (broken.some(([, list]) => list === entries)) expect([argv, result.exit]).toEqual([argv, 1]);
        }
      }
    },
  );
});

describe('events', () => {
  test('in the log are shown, whatever their fields contain', async () => {
    const client = await redis.client();
    await client.xadd(
      'devices:presence:log',
      '*',
      'deviceId',
      HOSTILE,
      'deviceType',
      HOSTILE,
      'status',
      HOSTILE,
      'reason',
      HOSTILE,
    );
    await client.xadd('devices:presence:log', '*', HOSTILE, HOSTILE);
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
      expect(faultsOf(argv, result)).toEqual([]);
      expect([argv, result.exit]).toEqual([argv, 0]);
      expect(result.stdout).toContain('last');
    }
  });

  test('on the channel are shown if they are presence events, whatever their fields contain', async () => {
    const client = await redis.client();
    const event = {
      type: 'presence',
      deviceId: HOSTILE,
      deviceType: HOSTILE,
      status: 'online',
      timestamp: 1,
    };
    for (const format of FORMATS) {
      const argv = ['watch-presence', '--count', '2', '-o', format];
      const running = devstate.start(argv);
      await running.says('stderr', 'watching');
      for (const message of [
        '',
        HOSTILE,
        '[]',
        'null',
        '5',
        deep('[', ']'),
        deep('{"a":', '}'),
        '{"type":"presence"}',
        ...[event, { ...event, status: HOSTILE }, { ...event, deviceId: 5 }].map((value) =>
          JSON.stringify(value),
        ),
        JSON.stringify({ ...event, deviceId: 'last', timestamp: HOSTILE, extra: event }),
      ])
        await client.publish('devices:presence', message);
      await client.publish('devices:presence', Buffer.from([0xff, 0xfe]));
      const result = await running.done;
      expect(faultsOf(argv, result)).toEqual([]);
      expect([argv, result.exit]).toEqual([argv, 0]);
      expect(result.stdout).toContain('last');
    }
  });
});

test('an invalid pulse gives no fault', async () => {
  const client = await redis.client();
  const now = Date.now();
  for (const pulse of [
    HOSTILE,
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
      expect(faultsOf(argv.split(' '), result)).toEqual([]);
    }
  }
});

test('fleet keys of the wrong type and invalid settings give no fault', async () => {
  const client = await redis.client();
  for (const key of [
    'devices:registered',
    'devices:online',
    'devices:activity',
    'devices:types',
    'devices:presence:log',
    'devices:layout',
    'devices:meta',
  ]) {
    await client.flushall();
    await client.set(key, HOSTILE);
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
      expect(faultsOf(argv.split(' '), result)).toEqual([]);
    }
  }
  await client.flushall();
  for (const [field, value] of Object.entries({
    dialect: HOSTILE,
    longestTtl: HOSTILE,
    logCap: '-1',
    historyCap: '1e9',
    version: HOSTILE,
    writers: HOSTILE,
    partitions: HOSTILE,
  })) {
    await client.del('devices:meta');
    await client.hset('devices:meta', field, value);
    for (const argv of ['list', 'register d --type t', 'heartbeat d', 'init']) {
      const result = await devstate.run(argv);
      expect(faultsOf(argv.split(' '), result)).toEqual([]);
    }
  }
});
