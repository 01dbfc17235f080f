import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { register } from '../../../src/core/registry/register.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import { startServer } from '../../../src/redis/private-server.js';
import { cli, masked, type Running, text, transcript } from '../../support/cli.js';
import { cut, openFleet, pretendDetector, type SingleFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
beforeEach(async () => pretendDetector(await openFleet(redis)));
const devstate = cli(redis);
const unreachable = cli('redis://127.0.0.1:1');

describe('usage errors, reported before anything is sent', () => {
  test.each<[argv: string, expected: string]>([
    [
      'watch-presence d1',
      "! devstate: too many arguments for 'watch-presence'. Expected 0 arguments but got 1.\n! hint: devstate watch-presence --help\n",
    ],
    [
      'watch-presence --count 0',
      '! devstate: --count: bad count "0": it must be a whole number, at least 1\n',
    ],
    [
      'watch-presence --for -1',
      text`
        ! devstate: --for: bad duration "-1"
        ! hint: durations are 500ms, 90s, 15m, 2h, 7d, joined 1h30m, or seconds
      `,
    ],
    [
      'watch-presence --fields lasted',
      '! devstate: no field "lasted"; there are id, type, deviceId, deviceType, status, timestamp, seq, reason\n',
    ],
  ])('%s', async (argv, expected) => {
    expect(await unreachable.session(argv)).toBe(`${expected}exit 2\n`);
  });
});

let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis);
  for (const [id, type] of [
    ['lamp-1', 'lamp'],
    ['lamp-2', 'lamp'],
    ['plug-1', 'plug'],
  ] as const) {
    await register(fleet, id, type);
  }
  await heartbeat(fleet, { id: 'lamp-1' }); // before the watch begins
});

async function watching(argv: string, options = {}): Promise<Running> {
  const running = devstate.start(argv, options);
  await running.says('stderr', 'watching\n');
  return running;
}

/** Makes five transitions with devstate. */
async function happen(): Promise<void> {
  await heartbeat(fleet, { id: 'plug-1' });
  await heartbeat(fleet, { id: 'lamp-2' });
  await disconnect(fleet, 'lamp-1');
  await cut(fleet, 'plug-1');
  await settle(fleet.only, ['plug-1']);
  await unregister(fleet, 'lamp-2');
}

/** Replaces the durations of previous states, which differ from run to run. */
const withoutDurations = (output: string) => output.replace(/\d+m?s\S*$/gm, 'HOW-LONG');

describe('what it prints', () => {
  test.each<[argv: string, expected: string]>([
    [
      'watch-presence --count 5 --fields deviceId,deviceType,status,seq,reason,type -o ndjson',
      text`
        {"deviceId":"plug-1","deviceType":"plug","status":"online","seq":1,"reason":"heartbeat","type":"presence"}
        {"deviceId":"lamp-2","deviceType":"lamp","status":"online","seq":1,"reason":"heartbeat","type":"presence"}
        {"deviceId":"lamp-1","deviceType":"lamp","status":"offline","seq":2,"reason":"disconnect","type":"presence"}
        {"deviceId":"plug-1","deviceType":"plug","status":"offline","seq":2,"reason":"timeout","type":"presence"}
        {"deviceId":"lamp-2","deviceType":"lamp","status":"offline","seq":2,"reason":"unregister","type":"presence"}
        ! watching
      `,
    ],
    [
      'watch-presence --count 1 --json',
      '{"id":"LOG-ID","type":"presence","deviceId":"plug-1","deviceType":"plug","status":"online","timestamp":MILLISECONDS0,"seq":1,"reason":"heartbeat"}\n! watching\n',
    ],
    ['watch-presence --type plug --count 2 -o name', 'plug-1\nplug-1\n! watching\n'],
    ['watch-presence --id lamp-? --count 3 -o name', 'lamp-2\nlamp-1\nlamp-2\n! watching\n'],
    ['watch-presence --id *1 --type lamp --count 1 -o name', 'lamp-1\n! watching\n'],
    [
      'watch-presence --id lamp-2 --count 2 --fields status,reason',
      'STATUS   REASON\nonline   heartbeat\noffline   unregister\n! watching\n',
    ],
    ['watch-presence --id lamp-2 --count 1 --fields status --no-headers --for 30d', 'online\n! watching\n'],
  ])('%s', async (argv, expected) => {
    const running = await watching(argv);
    await happen();
    expect(transcript(await running.done)).toBe(expected);
  });

  test('prints a table with preset column widths', async () => {
    const running = await watching('watch-presence --count 3');
    await happen();
    expect(withoutDurations(transcript(await running.done))).toBe(
      text`
        TIME                       DEVICE                 TYPE                 STATUS    REASON       LASTED
        YYYY-MM-DDThh:mm:ss.000Z   plug-1                 plug                 online    heartbeat    -
        YYYY-MM-DDThh:mm:ss.000Z   lamp-2                 lamp                 online    heartbeat    -
        YYYY-MM-DDThh:mm:ss.000Z   lamp-1                 lamp                 offline   disconnect   HOW-LONG
        ! watching
      `,
    );
  });

  test('-o wide --no-headers', async () => {
    const running = await watching('watch-presence --count 1 -o wide --no-headers');
    await happen();
    expect((await running.done).stdout).toMatch(
      /^20\S+Z {3}plug-1 {17}plug {17}online {4}heartbeat {4}- {10}1 {6}\d{13}-0\n$/,
    );
  });

  test('--quiet prints nothing on stderr', async () => {
    const running = devstate.start('watch-presence --for 1ms -q');
    expect(await running.done).toEqual({ exit: 0, stdout: '', stderr: '' });
  });

  test('prints each line at the time of its event', async () => {
    const running = await watching('watch-presence -o name');
    await heartbeat(fleet, { id: 'plug-1' });
    expect(await running.lines('stdout', 1)).toEqual(['plug-1']);
    await heartbeat(fleet, { id: 'lamp-2' });
    expect(await running.lines('stdout', 2)).toEqual(['plug-1', 'lamp-2']);
    expect(await running.stop()).toMatchObject({ exit: 0, stderr: 'watching\n' });
  });

  test('prints absolute times and coloured statuses on a terminal', async () => {
    const running = await watching('watch-presence --count 1', { tty: true });
    await happen();
    expect(masked((await running.done).stdout).split('\n')[1]).toBe(
      `YYYY-MM-DDThh:mm:ss.000Z   plug-1                 plug                 \u001b[32monline\u001b[39m    heartbeat    -`,
    );
  });
});

describe('events of programs that publish without a log', () => {
  const EVENT = '"type":"presence"';
  const published = async () => {
    for (const message of [
      `{${EVENT},"deviceId":"lamp-1","status":"offline","timestamp":1600000000123}`,
      `{${EVENT},"device_id":"plug-1","status":"online","timestamp":1600000000.5}`,
      `{${EVENT},"deviceId":"stranger","status":"online","timestamp":1600000000000}`,
      'garbage',
      '[]',
      '{"type":"other","deviceId":"lamp-1","status":"offline"}',
      `{${EVENT},"deviceId":7,"status":"online","timestamp":1}`,
      `{${EVENT},"deviceId":"lamp-2","status":"asleep","timestamp":1}`,
      `{${EVENT},"deviceId":"evil\\u001b[2J\\n\\u202e","status":"online","timestamp":1600000000000}`,
    ]) {
      await fleet.redis.publish('devices:presence', message);
    }
  };

  test.each<[argv: string, expected: string]>([
    [
      'watch-presence --count 4 --json',
      text`
        {"id":null,"type":"presence","deviceId":"lamp-1","deviceType":"lamp","status":"offline","timestamp":1600000000123,"seq":null,"reason":null}
        {"id":null,"type":"presence","deviceId":"plug-1","deviceType":"plug","status":"online","timestamp":1600000000500,"seq":null,"reason":null}
        {"id":null,"type":"presence","deviceId":"stranger","deviceType":null,"status":"online","timestamp":1600000000000,"seq":null,"reason":null}
        {"id":null,"type":"presence","deviceId":"evil\u001b[2J\n\u202e","deviceType":null,"status":"online","timestamp":1600000000000,"seq":null,"reason":null}
        ! watching
      `,
    ],
    [
      'watch-presence --count 4 -o wide --no-headers',
      text`
        2020-09-13T12:26:40.123Z   lamp-1                 lamp                 offline   -            -          -      -
        2020-09-13T12:26:40.500Z   plug-1                 plug                 online    -            -          -      -
        2020-09-13T12:26:40.000Z   stranger               -                    online    -            -          -      -
        2020-09-13T12:26:40.000Z   evil\u001b[2J\n\u202e   -                    online    -            -          -      -
        ! watching
      `,
    ],
    ['watch-presence --type plug --count 1 -o name', 'plug-1\n! watching\n'],
  ])('%s', async (argv, expected) => {
    const running = await watching(argv);
    await published();
    expect(transcript(await running.done)).toBe(expected);
  });
});

describe('how it ends', () => {
  test.each<[argv: string, exit: number]>([
    ['watch-presence --for 20ms', 0],
    ['watch-presence --for 0', 0],
    ['watch-presence --for 20ms --count 1', 4],
    ['watch-presence --for 20ms --count 1 --type none', 4],
  ])('without events: %s', async (argv, exit) => {
    expect(await devstate.run(argv)).toEqual({ exit, stdout: '', stderr: 'watching\n' });
  });

  test('exits 4 with fewer events than --count within --for', async () => {
    const running = await watching('watch-presence --for 300ms --count 2 -o name');
    await heartbeat(fleet, { id: 'plug-1' });
    expect(await running.done).toEqual({ exit: 4, stdout: 'plug-1\n', stderr: 'watching\n' });
  });

  test('exits 0 when interrupted before --count', async () => {
    const running = await watching('watch-presence --count 2');
    expect(await running.stop()).toMatchObject({ exit: 0, stdout: '' });
  });

  test('closes its connections', async () => {
    const clients = async () =>
      ((await fleet.redis.client('LIST')) as string).split('\n').map((line) => /^id=\d+/.exec(line)?.[0]);
    const before = await clients(); // may include connections that an earlier test has just closed
    await devstate.run('watch-presence --for 1ms');
    await expect.poll(async () => (await clients()).filter((id) => !before.includes(id))).toEqual([]);
  });
});

test('continues after a restart of Redis', async () => {
  const server = await startServer();
  onTestFinished(() => server.stop());
  const there = cli(server);
  const running = there.start('watch-presence -o name');
  await running.says('stderr', 'watching\n');
  await there.run('heartbeat before --register --type t');
  await running.lines('stdout', 1);
  await server.restart();
  await there.run('heartbeat after --register --type t');
  expect(await running.lines('stdout', 2)).toEqual(['before', 'after']);
  expect(await running.stop()).toMatchObject({ exit: 0, stdout: 'before\nafter\n' });
});

test('can be stopped while Redis is down', async () => {
  const server = await startServer();
  onTestFinished(() => server.stop());
  const running = cli(server).start('watch-presence --request-timeout 1h');
  await running.says('stderr', 'watching\n');
  await server.kill();
  expect(await running.stop()).toMatchObject({ exit: 0, stdout: '' });
});
