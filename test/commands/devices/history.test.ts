import type { Command } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { readHistory } from '../../../src/core/history/read-history.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import { articleProgram } from '../../support/article.mjs';
import { cli, text } from '../../support/cli.js';
import { ODD_NUMBERS, openFleet, SingleFleet } from '../../support/fleet.js';
import { ID, report, usePastFleet, writeSomeHistory } from '../../support/past-fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const devstate = cli(redis);
/** Nothing listens there: a usage error must be reported without a connection. */
const unreachable = cli('redis://127.0.0.1:1');
const past = usePastFleet(redis);

describe('usage errors, reported before anything is sent', () => {
  test.each<[argv: string, expected: string]>([
    ['history', "! devstate: missing required argument 'id'\n! hint: devstate history --help\n"],
    ['history d1 --kind x', '! devstate: --kind: no kind "x"; there are reported, desired, presence\n'],
    ['history d1 --follow --until 1h', '! devstate: --follow cannot be combined with --until\n'],
    ['history d1 --limit 0', '! devstate: --limit: bad count "0": it must be a whole number, at least 1\n'],
    [
      'history d1 --fields changes',
      '! devstate: no field "changes"; there are deviceId, kind, at, version, seq, value, status, reason\n',
    ],
    [
      'history d1 --since yesterday',
      text`
        ! devstate: bad moment "yesterday"
        ! hint: moments are a duration ago (15m, 2h), 2026-11-24T10:00:00Z (UTC without a zone), or epoch milliseconds
      `,
    ],
  ])('%s', async (argv, expected) => {
    expect(await unreachable.session(argv)).toBe(`${expected}exit 2\n`);
  });
});

describe('changes and their times', () => {
  beforeEach(() => writeSomeHistory(past));

  test.each<[argv: string, expected: string]>([
    [
      '',
      text`
        TIME                       KIND       VERSION   BECAME
        2025-01-01T12:00:01.000Z   reported   1         {"big":12345678901234567890,"huge":1e400,"money":0.10}
        2025-01-01T12:00:01.000Z   presence   1         online (heartbeat)
        2025-01-01T12:00:02.000Z   desired    1         {"net":{"a.b":0.10,"x":[1]},"on":true}
        2025-01-01T12:00:03.000Z   reported   2         {"big":12345678901234567891,"money":0.1}
        2025-01-01T12:00:03.000Z   presence   2         offline (timeout)
        2025-01-01T12:00:03.000Z   presence   3         online (heartbeat)
        2025-01-01T12:00:04.000Z   desired    2         {"net":{"x":[1,2]},"on":false}
        2025-01-01T12:00:05.000Z   presence   4         offline (timeout)
      `,
    ],
    [
      '--diff --kind reported,desired',
      text`
        TIME                       KIND       VERSION   CHANGED
        2025-01-01T12:00:01.000Z   reported   1         big: - → 12345678901234567890, huge: - → 1e400, money: - → 0.10
        2025-01-01T12:00:02.000Z   desired    1         net: - → {"a.b":0.10,"x":[1]}, on: - → true
        2025-01-01T12:00:03.000Z   reported   2         big: 12345678901234567890 → 12345678901234567891, huge: 1e400 → -
        2025-01-01T12:00:04.000Z   desired    2         net.x: [1] → [1,2], net.a\.b: 0.10 → -, on: true → false
      `,
    ],
    [
      '--diff --kind presence --limit 1',
      text`
        TIME                       KIND       VERSION   CHANGED
        2025-01-01T12:00:05.000Z   presence   4         offline (timeout)
      `,
    ],
    [
      '--since 2025-01-01T12:00:02Z --until 2025-01-01T12:00:03Z --no-headers',
      text`
        2025-01-01T12:00:02.000Z   desired    1         {"net":{"a.b":0.10,"x":[1]},"on":true}
        2025-01-01T12:00:03.000Z   reported   2         {"big":12345678901234567891,"money":0.1}
        2025-01-01T12:00:03.000Z   presence   2         offline (timeout)
        2025-01-01T12:00:03.000Z   presence   3         online (heartbeat)
      `,
    ],
    ['--since 1h', '! no history\n'],
    ['--since 1h -q', ''],
    ['--since 1h --json', '[]\n'],
    ['-o name --kind desired', `${ID}\n${ID}\n`],
    [
      '--kind reported --limit 1 --fields at,version,value.big,value.none',
      text`
        AT              VERSION   VALUE.BIG              VALUE.NONE
        1735732803000   2         12345678901234567891   -
      `,
    ],
  ])('history ID %s', async (argv, expected) => {
    const { exit, stdout, stderr } = await devstate.run(['history', ID, ...argv.split(' ').filter(Boolean)]);
    expect(`${stdout}${stderr.replace(/^(?=.)/gm, '! ')}`).toBe(expected);
    expect(exit).toBe(0);
  });

  const entry = `{"deviceId":"${ID}",`;
  const diff = (changes: string) => `"status":null,"reason":null,"changes":${changes}}`;
  test('JSON keeps all digits of numbers, in values and in changes', async () => {
    const { stdout } = await devstate.run(['history', ID, '--kind', 'reported', '--diff', '--json']);
    const first = `${entry}"kind":"reported","at":1735732801000,"version":1,"seq":null,"value":${ODD_NUMBERS},`;
    const added =
      '[{"path":"big","to":12345678901234567890},{"path":"huge","to":1e400},{"path":"money","to":0.10}]';
    const second = `${entry}"kind":"reported","at":1735732803000,"version":2,"seq":null,"value":{"big":12345678901234567891,"money":0.1},`;
    const changed =
      '[{"path":"big","from":12345678901234567890,"to":12345678901234567891},{"path":"huge","from":1e400}]';
    expect(stdout).toBe(`[\n  ${first}${diff(added)},\n  ${second}${diff(changed)}\n]\n`);
  });

  test('NDJSON of presence has a seq and no value', async () => {
    const { stdout } = await devstate.run(['history', ID, '--limit', '1', '-o', 'ndjson']);
    expect(stdout).toBe(
      `${entry}"kind":"presence","at":1735732805000,"version":null,"seq":4,"value":null,"status":"offline","reason":"timeout"}\n`,
    );
  });

  test('fails for a device that is not registered', async () => {
    await unregister(past.fleet, ID);
    expect(await devstate.session(`history ${ID}`)).toBe(
      `! devstate: device "${ID}" is not registered\n! hint: devstate register ID --type TYPE\nexit 3\n`,
    );
  });

  test('the first entry after dropped ones does not show what changed', async () => {
    await past.fleet.redis.lpop(past.fleet.keys.history('reported', ID));
    expect(await devstate.session(`history ${ID} --diff --kind reported --no-headers`)).toBe(
      '2025-01-01T12:00:03.000Z   reported   2         {"big":12345678901234567891,"money":0.1} (the previous value is not known)\n',
    );
    const [only] = (await devstate.json(`history ${ID} --diff --kind reported`)) as { changes: unknown }[];
    expect(only?.changes).toBeNull();
  });

  test('an entry after a write of another program does not show what changed', async () => {
    await articleProgram(past.fleet.redis, 'node').heartbeat(ID, { theirs: 1 });
    await report(past, '{"n":1}');
    await report(past, '{"n":2}');
    expect(await devstate.session(`history ${ID} --diff --kind reported --limit 2 --no-headers`)).toBe(text`
      2025-01-01T12:00:06.000Z   reported   3         {"n":1} (the previous value is not known)
      2025-01-01T12:00:07.000Z   reported   4         n: 1 → 2
    `);
  });

  test('is read in chunks as far back as asked for, while it grows', async () => {
    await past.fleet.redis.hset(past.fleet.keys.meta, 'historyCap', 5000);
    const writer = await openFleet(redis, { clock: () => past.now });
    const beats = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => ({ id: ID, reportedJson: `{"i":${from + i}}` }));
    await heartbeats(writer, beats(0, 1200));
    let last = 1200;
    let reads = 0;
    const grown = new Proxy(past.fleet.redis, {
      get(target, name) {
        if (name !== 'sendCommand') return Reflect.get(target, name, target);
        return async (command: Command) => {
          if (command.name !== 'lrange') return target.sendCommand(command);
          reads += 1;
          const grows = reads === 3 ? 300 : 90; // once by more than a chunk
          await heartbeats(writer, beats(last, grows));
          last += grows;
          return target.sendCommand(command);
        };
      },
    });
    const reader = new SingleFleet(grown);
    const numbers = (await readHistory(reader, ID, { kinds: ['reported'] })).map(({ number }) => number);
    expect(numbers.length).toBeGreaterThan(1500);
    expect(numbers).toEqual(numbers.map((_, i) => 1 + i));
    expect(reads).toBeGreaterThan(8);
    reads = 0;
    expect(await readHistory(reader, ID, { kinds: ['reported'], limit: 3 })).toHaveLength(3);
    expect(reads).toBe(1);
  });
});
