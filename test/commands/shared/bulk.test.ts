/** Many devices in one command: from files, and with ids on standard input. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { registerAll } from '../../../src/core/registry/register.js';
import { cli, text } from '../../support/cli.js';
import { openFleet, pretendDetector, type SingleFleet, snapshot } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const devstate = cli(redis);
/** Nothing listens there. */
const unreachable = cli('redis://127.0.0.1:1');

const folder = mkdtempSync(join(tmpdir(), 'devstate-bulk-'));
afterAll(() => rmSync(folder, { recursive: true }));
function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis);
  await pretendDetector(fleet);
});
const registered = async () => (await fleet.redis.smembers(fleet.keys.registered)).sort();
const register = (...ids: string[]) =>
  registerAll(
    fleet,
    ids.map((id) => ({ id, type: 'lamp' })),
  );

describe('register -f of CSV', () => {
  const CSV = [
    '\ufeff"deviceId",deviceType,metadata,heartbeatTtl,status',
    'a,lamp,"{""n"":12345678901234567890,""m"":0.10}",5000,online',
    '',
    '"b ""two""",,,,',
    'c,lamp,{},soon,',
    'd,lamp',
    'e,"la"mp,,,',
    '"f\ng",lamp,,,',
    'h,,"{""x"":1,""x"":2}",,',
    '',
  ].join('\r\n');
  const SAID = text`
    ! devstate: line 5: heartbeatTtl must be a number of milliseconds, not "soon"
    ! devstate: line 6: bad CSV: the row has another number of cells (2) than the header (5)
    ! devstate: line 7: bad CSV: a quote inside a cell; put the cell in quotes and double the quote
    ! line 10: duplicate key "x": the last one wins
    ! devstate: line 9: a device id must not hold control characters: "f\ng"
    ! 3 done, 4 failed
    exit 7
  `;

  test.each<[argv: string, stdin?: string]>([
    ['register -f - --csv --type gw', CSV],
    ['register -f FILE.csv --type gw'],
    ['register -f FILE.CSV --type gw'],
    ['register -f FILE.txt --csv --type gw'],
  ])('%s', async (argv, stdin) => {
    const name = /FILE\.\w+/.exec(argv)?.[0];
    const printed = await devstate.session(argv.replace(/FILE\.\w+/, file(name ?? 'none', CSV)), {
      ...(stdin && { stdin }),
    });
    expect(printed.split('\n').sort()).toEqual(SAID.split('\n').sort());
    expect(await registered()).toEqual(['a', 'b "two"', 'h']);
    expect(await readDevice(fleet, 'a')).toMatchObject({
      deviceType: 'lamp',
      heartbeatTtl: 5000,
      status: 'offline',
      metadataJson: '{"n":12345678901234567890,"m":0.10}',
    });
    expect(await readDevice(fleet, 'h')).toMatchObject({ deviceType: 'gw', metadataJson: '{"x":2}' });
  });

  test('a row of invalid UTF-8 fails alone; a header without known fields fails the file', async () => {
    const stdin = Buffer.concat([
      Buffer.from('deviceId,deviceType\na,t\nb'),
      Buffer.from([0xc3]),
      Buffer.from(',t\nc,t\n'),
    ]);
    expect(await devstate.session('register -f - --csv -o ndjson --fields deviceId', { stdin })).toBe(text`
      {"deviceId":"a"}
      {"deviceId":"c"}
      ! {"error":{"code":"USAGE","message":"the line is not valid UTF-8","line":3}}
      ! 2 done, 1 failed
      exit 7
    `);
    expect(await devstate.session('register -f - --csv', { stdin: 'id,type\nx,t\n' })).toBe(text`
      ! 0 done, 0 failed
      ! devstate: unknown column "id"
      ! hint: the first line names them: deviceId,deviceType,metadata,heartbeatTtl
      exit 2
    `);
    expect(await registered()).toEqual(['a', 'c']);
  });
});

describe('--fail-fast', () => {
  const lines = (...all: string[]) => all.join('\n');
  const HINT = '! hint: devstate register ID --type TYPE\n';

  test.each<[what: string, argv: string, stdin: string, printed: string, ids: string[]]>([
    [
      'a line that cannot be read',
      'register -f - --type t',
      lines('{"deviceId":"a"}', '{"deviceId":"b"}', 'nope', '{"deviceId":"c","deviceId":"d"}'),
      "! devstate: line 3: bad JSON: JSON value expected but got 'n' at position 0\n! 2 done, 1 failed\nexit 7\n",
      ['a', 'b', 'known'],
    ],
    [
      'a device that is there already',
      'register -f - --type t --if-new',
      lines('{"deviceId":"a"}', '{"deviceId":"known"}', '{"deviceId":"b"}', 'nope'),
      text`
        ! devstate: line 2: device "known" is registered already
        ! hint: leave out --if-new to update it
        ! 1 done, 1 failed
        exit 7
      `,
      ['a', 'known'],
    ],
    [
      'a row of CSV',
      'register -f - --csv --type t',
      lines('deviceId', 'a', 'b,c', 'd'),
      text`
        ! devstate: line 3: bad CSV: the row has another number of cells (2) than the header (1)
        ! 1 done, 1 failed
        exit 7
      `,
      ['a', 'known'],
    ],
    [
      'the first of all: its own code',
      'heartbeat -f -',
      lines('{"deviceId":"nobody"}', '{"deviceId":"known"}'),
      `! devstate: line 1: device "nobody" is not registered\n${HINT}! 0 done, 1 failed\nexit 3\n`,
      ['known'],
    ],
    [
      'an unregistered device',
      'heartbeat -f - -o ndjson --fields deviceId',
      lines('{"deviceId":"known"}', '{"deviceId":"nobody"}', '{"deviceId":"known"}'),
      text`
        {"deviceId":"known"}
        ! {"error":{"code":"NOT_FOUND","message":"device \"nobody\" is not registered","hint":"devstate register ID --type TYPE","line":2}}
        ! 1 done, 1 failed
        exit 7
      `,
      ['known'],
    ],
    ['nothing fails', 'heartbeat -f -', '{"deviceId":"known"}', '! 1 done, 0 failed\n', ['known']],
  ])('%s', async (_what, argv, stdin, printed, ids) => {
    await register('known');
    expect(await devstate.session(`${argv} --fail-fast`, { stdin })).toBe(printed);
    expect(await registered()).toEqual(ids);
  });

  test.each(['register -f - --type t', 'register -f - --type t --csv'])(
    '%s ends at once, though more might be typed',
    async (argv) => {
      const running = devstate.start(`${argv} --fail-fast`, { tty: true, stdin: 'deviceId\n,\n' });
      if (argv.includes('csv')) running.stdin.write('x,y\n');
      const { exit, stderr } = await running.done;
      expect(stderr).toContain('0 done, 1 failed');
      expect(exit).toBe(2);
    },
  );
});

describe('a file of 5,000 lines', () => {
  const COUNT = 5000;
  // With blank lines in between, which are counted but skipped.
  const lines = (line: (i: number) => string) =>
    Array.from({ length: COUNT }, (_, i) => `${line(i)}\n${i % 100 === 0 ? '\n' : ''}`).join('');
  const lineOf = (i: number) => i + 1 + Math.ceil(i / 100);

  test('is applied, and invalid lines are reported by number', async () => {
    const devices = lines((i) =>
      i === 4321 ? '{"deviceId":"x","colour":1}' : `{"deviceId":"d${i}","deviceType":"t${i % 7}"}`,
    );
    expect(await devstate.session(`register -f ${file('devices.ndjson', devices)}`)).toBe(
      `! devstate: line ${lineOf(4321)}: unknown field "colour"\n! ${COUNT - 1} done, 1 failed\nexit 7\n`,
    );
    expect(await fleet.redis.scard(fleet.keys.registered)).toBe(COUNT - 1);

    const beats = file(
      'beats.ndjson',
      lines((i) => `{"deviceId":"d${i}","reportedState":{"n":${i}}}`),
    );
    const { exit, stdout, stderr } = await devstate.run(
      `heartbeat -f ${beats} -o ndjson --fields deviceId -q`,
    );
    expect(stderr).toBe(
      `{"error":{"code":"NOT_FOUND","message":"device \\"d4321\\" is not registered","line":${lineOf(4321)}}}\n`,
    );
    const ids = Array.from({ length: COUNT }, (_, i) => `d${i}`).filter((id) => id !== 'd4321');
    expect(stdout).toBe(ids.map((id) => `{"deviceId":"${id}"}\n`).join(''));
    expect(exit).toBe(7);
    expect(await fleet.redis.scard(fleet.keys.online)).toBe(COUNT - 1);

    const stdin = ids.join('\n');
    const got = await devstate.run('get - -o name', { stdin });
    expect(got).toEqual({ exit: 0, stdout: `${stdin}\n`, stderr: '' });
    const gone = await devstate.run('unregister - -y -o name', { stdin });
    expect(gone).toEqual({ exit: 0, stdout: `${stdin}\n`, stderr: '' });
    expect(await registered()).toEqual([]);
  });

  test('as CSV is applied, and with --fail-fast up to the invalid line', async () => {
    const csv = `deviceId,deviceType\n${lines((i) => (i === 3000 ? 'x,"y"z' : `d${i},t`))}`;
    const path = file('devices.csv', csv);
    const bad = `! devstate: line ${lineOf(3000) + 1}: bad CSV: a quote inside a cell; put the cell in quotes and double the quote\n`;
    expect(await devstate.session(`register -f ${path} --fail-fast`)).toBe(
      `${bad}! 3000 done, 1 failed\nexit 7\n`,
    );
    expect(await fleet.redis.scard(fleet.keys.registered)).toBe(3000);
    expect(await devstate.session(`register -f ${path}`)).toBe(
      `${bad}! ${COUNT - 1} done, 1 failed\nexit 7\n`,
    );
  });
});

test.each<[argv: string, stdin: string, exit: number]>([
  ['register -f - --type t', '{"deviceId":""}\n{"deviceId":"\\u0007"}\nnope', 2],
  ['register -f - --type t --if-new', '{"deviceId":"a"}\n{"deviceId":"a"}', 6],
  ['heartbeat -f -', '{"deviceId":"nobody"}\n{"deviceId":"nobody"}', 3],
  ['heartbeat -f -', '{"deviceId":"nobody"}\n{}', 7],
  ['heartbeat -f -', '{"deviceId":"a"}\n{}', 7],
])('%s exits with the code that all failures share', async (argv, stdin, exit) => {
  await register('a');
  expect((await devstate.run(argv, { stdin })).exit).toBe(exit);
});

describe('an invalid id', () => {
  test.each([
    'get',
    'get --at 1h',
    'heartbeat',
    'heartbeat --every 1s',
    'disconnect',
    'unregister -y',
    'set-desired on=true',
    'register --type t',
  ])('is refused without a connection: %s', async (line) => {
    const [command = '', ...rest] = line.split(' ');
    expect(await unreachable.session([command, 'a\tb', ...rest])).toBe(
      '! devstate: a device id must not hold control characters: "a\\tb"\nexit 2\n',
    );
  });
});

describe('a dialect other than that of the fleet', () => {
  test.each([
    'get known',
    'get known b',
    'list',
    'list --sort id',
    'list-online',
    'stale',
    'delta known',
    'register new --type t',
    'heartbeat known',
    'heartbeat known b',
    'set-desired known a=1',
    'disconnect known',
    'unregister known -y',
  ])('is refused: %s', async (argv) => {
    await register('known', 'b');
    await devstate.run('heartbeat known');
    const before = await snapshot(fleet.redis);
    expect(await devstate.session(`${argv} --dialect python`)).toBe(
      "! devstate: this fleet's dialect is node, not python\n! hint: leave out --dialect\nexit 2\n",
    );
    expect(await snapshot(fleet.redis)).toEqual(before);
  });
});

describe('ids on standard input', () => {
  const COMMANDS: [argv: string, each: (id: string) => string][] = [
    ['get - -o name', (id) => `${id}\n`],
    ['heartbeat - -o name', (id) => `${id}\n`],
    ['disconnect -', (id) => `${id} already offline\n`],
    ['set-desired - on=true', (id) => `${id} desired version 1\n`],
    ['unregister - -y', (id) => `${id} removed\n`],
  ];

  test.each(COMMANDS)('%s: a line of invalid UTF-8 or without a valid id fails alone', async (argv, each) => {
    await register('a', '温度-1', 'c');
    const bytes = [Buffer.from('a\n温度-1\n\n'), Buffer.from([0x62, 0xff, 0x0a]), Buffer.from('-\r\n c ')];
    expect(await devstate.session(`${argv} -q`, { stdin: Buffer.concat(bytes) })).toBe(
      `${['a', '温度-1', 'c'].map(each).join('')}${text`
        ! devstate: line 4: the line is not valid UTF-8
        ! devstate: "-" is not a device id
        exit 7
      `}`,
    );
  });

  test.each(COMMANDS)('%s prints results before the input ends', async (argv, each) => {
    await register('a', 'b');
    const running = devstate.start(`${argv} --color never`, { tty: true, stdin: 'a\n' });
    expect(await running.lines('stdout', 1)).toEqual([each('a').trimEnd()]);
    running.stdin.write('b');
    running.stdin.end('\n');
    expect(await running.done).toEqual({ exit: 0, stdout: each('a') + each('b'), stderr: '' });
  });

  test.each(COMMANDS)('%s ends when its reader closes the pipe', async (argv) => {
    await register('a', 'b', 'c');
    const left = Object.assign(new Error('broken pipe'), { code: 'EPIPE' });
    const running = devstate.start(argv, { tty: true, stdin: 'a\n', reader: () => Promise.reject(left) });
    if (argv.startsWith('get')) {
      // It ends with the next row, not at the end of the input, which may never come.
      await running.lines('stdout', 1);
      running.stdin.write('b\n');
    } else {
      running.stdin.end('b\nc\n');
    }
    expect(await running.done).toMatchObject({ exit: 0, stderr: '' });
    const done = { heartbeat: fleet.keys.online, unregister: fleet.keys.registered } as const;
    const [command = ''] = argv.split(' ');
    if (command in done)
      expect(await fleet.redis.scard(done[command as 'heartbeat'])).toBe(command === 'heartbeat' ? 3 : 0);
    if (command === 'set-desired') expect((await readDevice(fleet, 'c')).desiredVersion).toBe(1);
  });

  test('standard input has no ids when it is read again', async () => {
    await register('a');
    expect(await devstate.session('get - a - -o name', { stdin: 'a\n' })).toBe('a\na\n');
  });
});
