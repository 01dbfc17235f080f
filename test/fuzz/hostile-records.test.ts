/**
 * Hostile records in Redis: wrong types, broken or huge documents, bytes that are no UTF-8. Each gives one error line
 * for its device, and does not stop the work on other devices.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { FORMATS } from '../../src/output/view.js';
import { cli } from '../support/cli.js';
import { openFleet, pretendDetector } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';
import { deep, HOSTILE } from './hostile-values.js';
import { faultsOf } from './output-faults.js';

const redis = useRedis();
const devstate = cli(redis);

const document = (text: string) => ({
  deviceType: 't',
  lastSeen: '1',
  registeredAt: '1',
  reportedState: text,
});

/** Records with an id field whose documents cannot be shown, with the reason in the error. */
const BROKEN: Record<string, [fields: Record<string, string | Buffer>, why: string]> = {
  unfinished: [document('{"a":'), 'the report is broken: .* at position 5'],
  array: [document('[1]'), 'the report is broken: expected a JSON object, not an array'],
  evil: [document(HOSTILE), 'the report is broken: JSON value expected'],
  'deep objects': [document(deep('{"a":', '}')), 'the report is broken: nested too deeply'],
  'deep arrays': [document(deep('[', ']')), 'the report is broken: nested too deeply'],
  'deep and unfinished': [document('[{"":'.repeat(100_000)), 'the report is broken: nested too deeply'],
};

/** Unusual records that can be shown. */
const UNUSUAL: Record<string, Record<string, string | Buffer>> = {
  good: { ...document('{"ok":true}'), metadata: '{"note":"fine"}' },
  half: document(String.raw`{"\ud800":"\udc00"}`),
  numbers: {
    ...document(`{"a":1e999999999,"b":${'9'.repeat(100_000)}}`),
    desiredState: '{"a":1e999999998,"b":1}',
  },
  times: {
    ...document('{}'),
    lastSeen: '1e400',
    registeredAt: 'NaN',
    devstate: `${'9'.repeat(30)} -1 x 1e9`,
  },
  proto: document('{"__proto__":{"a":1},"constructor":{"prototype":2}}'),
  [HOSTILE]: {
    ...document(JSON.stringify({ [HOSTILE]: HOSTILE })),
    deviceType: HOSTILE,
    metadata: JSON.stringify({ [HOSTILE]: 1 }),
  },
};
const ADDRESSABLE = Object.keys(UNUSUAL).filter((id) => id !== HOSTILE);

beforeEach(async () => {
  await pretendDetector(await openFleet(redis));
  const client = await redis.client();
  const records = [
    ...Object.entries(UNUSUAL),
    ...Object.entries(BROKEN).map(([id, [fields]]) => [id, fields] as const),
  ];
  for (const [id, fields] of records) await client.hset(`device:state:${id}`, { deviceId: id, ...fields });
  await client.set('device:state:a string', 'x');
  await client.rpush('device:state:a list', 'x');
  await client.hset('device:state:no id', { deviceType: 't' });
  await client.set('device:heartbeat:good', '1');
  await client.sadd('devices:online', 'good', HOSTILE, 'a string', 'no id');
  const ids = [
    ...records.map(([id]) => id),
    'a string',
    'a list',
    'no id',
    'nothing',
    Buffer.from([0x64, 0xff]),
  ];
  await client.sadd('devices:registered', ...ids);
});

describe.each(FORMATS)('in the format %s', (format) => {
  const run = async (...argv: string[]) => {
    const all = [...argv, '-o', format];
    const result = await devstate.run(all);
    expect(faultsOf(all, result)).toEqual([]);
    return result;
  };

  test('lists print every readable device, and exit with 7', async () => {
    for (const argv of [['list'], ['list', '--sort', 'last-seen'], ['stale', '--older-than', '0']]) {
      const { exit, stdout, stderr } = await run(...argv);
      expect([argv, exit]).toEqual([argv, 7]);
      for (const id of [...ADDRESSABLE, ...Object.keys(BROKEN)])
        if (id !== 'good') expect(stdout).toContain(id);
      expect(stderr).toMatch(/device:state:a string holds another type/);
      expect(stderr).toMatch(/device:state:a list holds another type/);
      if (format !== 'json' && format !== 'ndjson')
        expect(stderr).toMatch(/ids without a registered record: \d+ skipped/);
    }
  });

  test('lists with state print one error line per broken document', async () => {
    const { exit, stdout, stderr } = await run('list', '--with-state');
    expect(exit).toBe(7);
    for (const id of ADDRESSABLE) expect(stdout).toContain(id);
    const lines = stderr.split('\n');
    for (const [id, [, why]] of Object.entries(BROKEN))
      expect([id, lines.filter((line) => line.includes(id) && new RegExp(why).test(line)).length]).toEqual([
        id,
        1,
      ]);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(1500);
  });

  test('list-online, stats and detect work beside broken records', async () => {
    const online = await run('list-online');
    expect(online.stdout).toContain('good');
    expect(online.exit).toBe(7);
    expect((await run('stats', '--by', 'type')).exit).toBe(7);
    await run('detect', '--once');
  });

  test('commands on a broken record exit with 1', async () => {
    for (const id of Object.keys(BROKEN)) {
      for (const argv of [
        ['get', id],
        ['delta', id],
        ['heartbeat', id, '--report', 'a=1', '--merge'],
      ])
        expect([argv, (await run(...argv)).exit]).toEqual([argv, 1]);
    }
    for (const id of ['a string', 'a list'])
      for (const command of ['get', 'delta', 'heartbeat', 'history'])
        expect([command, (await run(command, id)).exit]).toEqual([command, 1]);
  });

  test('commands on an unusual record exit with 0', async () => {
    for (const id of ADDRESSABLE) {
      for (const argv of [
        ['get', id],
        ['delta', id],
        ['history', id, '--diff'],
        ['get', id, '--at', '1s'],
      ])
        expect([argv, (await run(...argv)).exit]).toEqual([argv, 0]);
      expect((await run('set-desired', id, 'a=1', 'b=2')).exit).toBe(0);
      expect((await run('heartbeat', id, '--report', 'x=1')).exit).toBe(0);
    }
  });
});

test('a document of 10 MB is refused with its size in the error', async () => {
  const client = await redis.client();
  const large = { text: `{"a":"${'x'.repeat(10_000_000)}"}`, items: `{"a":[${'1,'.repeat(5_000_000)}1]}` };
  for (const [id, text] of Object.entries(large)) {
    await client.hset(`device:state:${id}`, { deviceId: id, ...document(text) });
    await client.sadd('devices:registered', id);
    for (const argv of [
      ['get', id],
      ['delta', id],
      ['heartbeat', id, '--report', 'a=1', '--merge'],
    ]) {
      const result = await devstate.run(argv);
      expect(faultsOf(argv, result)).toEqual([]);
      expect([argv, result.exit, result.stdout]).toEqual([argv, 1, '']);
      expect(result.stderr).toContain(
        `device "${id}": the report is broken: ${text.length} bytes, more than a document may have (1 MiB)`,
      );
    }
  }
  const { exit, stdout, stderr } = await devstate.run('list --with-state');
  expect(exit).toBe(7);
  expect(stdout).toContain('good');
  expect(stderr.length).toBeLessThan(20_000);
  expect((await devstate.run('heartbeat text --report a=1')).exit).toBe(0);
  expect((await devstate.run('get text')).stdout).toContain('"a": 1');
});

test('an id that is no UTF-8 is reported as one without a record', async () => {
  const client = await redis.client();
  await client.flushall();
  const id = Buffer.from([0x64, 0xff]);
  await client.sadd('devices:registered', id, 'd');
  await client.hset(Buffer.concat([Buffer.from('device:state:'), id]), { deviceId: id, ...document('{}') });
  await client.hset('device:state:d', { deviceId: 'd', ...document('{}') });
  expect(await devstate.session('list -o name')).toBe(
    'd\n! ids without a registered record: 1 skipped, for example "d\ufffd"\n',
  );
});

test('a document that is no UTF-8 is an error of its device in every form of list', async () => {
  const client = await redis.client();
  await client.flushall();
  const metadata = Buffer.from('{"a":"\xff"}', 'latin1');
  const records = { broken: { metadata }, genuine: { metadata: '{"a":"\ufffd"}' } };
  for (const [id, fields] of Object.entries(records)) {
    await client.hset(`device:state:${id}`, { deviceId: id, ...document('{}'), ...fields });
    await client.sadd('devices:registered', id);
    await client.sadd('devices:online', id);
    await client.set(`device:heartbeat:${id}`, '1');
  }
  for (const argv of [
    'list --with-state -o wide',
    'list -o wide',
    'list-online -o wide',
    'stale --older-than 0 -o wide',
  ]) {
    if (argv.startsWith('stale')) await client.del('device:heartbeat:broken', 'device:heartbeat:genuine');
    const { exit, stdout, stderr } = await devstate.run(argv);
    expect([argv, exit, stderr]).toEqual([
      argv,
      7,
      expect.stringContaining('device "broken": the metadata is broken: it is not valid UTF-8\n'),
    ]);
    expect(stdout).toMatch(/^genuine.*\{"a":"\ufffd"\}/m);
    expect(stdout).not.toContain('broken');
  }
});
