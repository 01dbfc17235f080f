/** A feed whose position is beyond the end of the log, or whose last entry was trimmed: gaps are told, and only those. */
import { describe, expect, test, vi } from 'vitest';
import { DevstateError } from '../../../src/core/model/errors.js';
import { type Gap, LogReader, type Since } from '../../../src/core/presence/log-reader.js';
import { MergedLog } from '../../../src/core/presence/merged-log.js';
import { register } from '../../../src/core/registry/register.js';
import { Partition } from '../../../src/core/store/partition.js';
import { logOf, openFleet, type SingleFleet, serverNow } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';
import { announceRounds } from '../../support/transitions.js';

const redis = useRedis();
const HOUR_MS = 3_600_000;

async function openWithDevice(): Promise<SingleFleet> {
  const fleet = await openFleet(redis);
  await register(fleet, 'd1', 'lamp');
  return fleet;
}

/** A reader of the log that reads when `read` is called; it returns how many events were read. */
async function reader(fleet: SingleFleet, since?: Since) {
  const gaps: Gap[] = [];
  const logs = new MergedLog(await fleet.partitions(), (gap) => void gaps.push(gap));
  await logs.open(since);
  const read = async () => {
    let count = 0;
    logs.markChanged();
    do {
      expect(await logs.readNew()).toEqual([]);
      for (const _ of logs.events()) count += 1;
    } while (logs.hasMore);
    return count;
  };
  return { gaps, read };
}

const announce = (fleet: SingleFleet, rounds = 1) => announceRounds(fleet, ['d1'], rounds);
const lastId = async (fleet: SingleFleet) => (await logOf(fleet)).at(-1)?.id as string;

/** Puts a log in the place of the present one whose entries are `earlierMs` earlier: of a server with a slower clock. */
async function replaceLog(fleet: SingleFleet, earlierMs: number, count: number): Promise<void> {
  const [, fields] = (await fleet.redis.xrange(fleet.keys.log, '-', '+', 'COUNT', 1))[0] as [
    string,
    string[],
  ];
  await fleet.redis.del(fleet.keys.log);
  const ms = (await serverNow(fleet.redis)) - earlierMs;
  for (let i = 0; i < count; i++) await fleet.redis.xadd(fleet.keys.log, `${ms}-${i}`, ...fields);
}

/** Adds entries as the server of `replaceLog` does. */
async function addAfter(fleet: SingleFleet, count: number): Promise<void> {
  const [id, fields] = (await fleet.redis.xrevrange(fleet.keys.log, '+', '-', 'COUNT', 1))[0] as [
    string,
    string[],
  ];
  const ms = Number(id.split('-')[0]);
  for (let i = 0; i < count; i++) await fleet.redis.xadd(fleet.keys.log, `${ms}-*`, ...fields);
}

describe('a log whose newest entry is before the position', () => {
  test.each([
    ['a live reader', undefined],
    ['since the last event', 'id'],
  ])('%s: one gap, and then what is logged', async (_name, kind) => {
    const fleet = await openWithDevice();
    await announce(fleet, 2);
    const last = await lastId(fleet);
    const { gaps, read } = await reader(fleet, kind === undefined ? undefined : { id: last });
    if (!kind) expect(await read()).toBe(0);
    await replaceLog(fleet, HOUR_MS, 3);
    for (let i = 0; i < 3; i++) expect(await read()).toBe(0);
    expect(gaps).toEqual([{ after: last, before: null }]);
    await addAfter(fleet, 4);
    expect(await read()).toBe(4);
    expect(await read()).toBe(0);
    expect(gaps).toHaveLength(1);
  });

  test('since a time after the end: no gap, and then what is logged', async () => {
    const fleet = await openWithDevice();
    await announce(fleet);
    await replaceLog(fleet, HOUR_MS, 3);
    const { gaps, read } = await reader(fleet, { time: (await serverNow(fleet.redis)) + HOUR_MS });
    expect(await read()).toBe(0);
    await addAfter(fleet, 2);
    expect(await read()).toBe(2);
    expect(gaps).toEqual([]);
  });

  test.each([undefined, { time: 1e13 }, { time: 0 }])(
    'an empty log, since %j: the first event, whatever its time',
    async (since) => {
      const fleet = await openWithDevice();
      const { gaps, read } = await reader(fleet, since);
      for (let i = 0; i < 2; i++) expect(await read()).toBe(0);
      await fleet.redis.xadd(
        fleet.keys.log,
        '5-1',
        'deviceId',
        'd1',
        'status',
        'online',
        'timestamp',
        '5',
        'seq',
        '1',
      );
      expect(await read()).toBe(1);
      expect(gaps).toEqual([]);
    },
  );

  test('FLUSHALL: one gap, and then what is logged', async () => {
    const fleet = await openWithDevice();
    await announce(fleet);
    const last = await lastId(fleet);
    const { gaps, read } = await reader(fleet);
    expect(await read()).toBe(0);
    await fleet.redis.flushall();
    for (let i = 0; i < 2; i++) expect(await read()).toBe(0);
    await register(fleet, 'd1', 'lamp');
    await announce(fleet);
    expect(await read()).toBe(2);
    expect(gaps).toEqual([{ after: last, before: null }]);
  });
});

test('no event is lost if the server does not answer what is asked after the events were read', async () => {
  const fleet = await openWithDevice();
  await announce(fleet);
  const [partition] = await fleet.partitions();
  const log = new LogReader(partition as Partition);
  log.startAt((await log.readEnd()).position);
  await announce(fleet, 2);
  const ask = vi.spyOn(partition as Partition, 'ask');
  const lost = new DevstateError('CONNECTION', 'the connection was lost');
  ask.mockImplementation((...command) =>
    command[0] === 'xinfo' ? Promise.reject(lost) : Partition.prototype.ask.apply(partition, command),
  );
  for (let i = 0; i < 2; i++) await expect(log.readNext(100)).rejects.toBe(lost);
  ask.mockRestore();
  expect((await log.readNext(100)).entries).toHaveLength(4);
});

test('a gap is told once if the server does not answer what is asked after it was found', async () => {
  const fleet = await openWithDevice();
  await announce(fleet);
  const [partition] = await fleet.partitions();
  const gaps: Gap[] = [];
  const log = new LogReader(partition as Partition, (gap) => void gaps.push(gap));
  log.startAt((await log.readEnd()).position);
  const last = await lastId(fleet);
  await announce(fleet, 2);
  await fleet.redis.xtrim(fleet.keys.log, 'MAXLEN', 2);
  const ask = vi.spyOn(partition as Partition, 'ask');
  const lost = new DevstateError('CONNECTION', 'the connection was lost');
  let asked = 0;
  ask.mockImplementation(async (...command) => {
    if (command[0] === 'xinfo' && ++asked % 2 === 0) throw lost;
    const reply = await Partition.prototype.ask.apply(partition, command);
    // A server older than Redis 7 does not count entries, so that the reader asks a second time.
    if (command[0] === 'xinfo') (reply as unknown[]).splice((reply as unknown[]).indexOf('entries-added'), 2);
    return reply;
  });
  for (let i = 0; i < 2; i++) await expect(log.readNext(100)).rejects.toBe(lost);
  ask.mockRestore();
  const { entries } = await log.readNext(100);
  expect(entries).toHaveLength(2);
  expect(gaps).toEqual([{ after: last, before: entries[0]?.[0] }]);
});

test('an entry of another program with an id beyond all times ends the feed', async () => {
  const fleet = await openWithDevice();
  const logs = new MergedLog(await fleet.partitions());
  await logs.open(undefined);
  await fleet.redis.xadd(fleet.keys.log, '18446744073709551615-1', 'deviceId', 'd1');
  expect(await logs.readNew()).toMatchObject([
    { code: 'BAD_RECORD', message: 'devices:presence:log holds an entry with the id 18446744073709551615-1' },
  ]);
});

describe('a reader whose own last entry was trimmed', () => {
  test('and nothing else: no gap, with events after it or without', async () => {
    const fleet = await openWithDevice();
    await announce(fleet, 2);
    const { gaps, read } = await reader(fleet);
    expect(await read()).toBe(0);
    await fleet.redis.xtrim(fleet.keys.log, 'MAXLEN', 0);
    for (let i = 0; i < 2; i++) expect(await read()).toBe(0);
    await announce(fleet);
    expect(await read()).toBe(2);
    await announce(fleet);
    await fleet.redis.xtrim(fleet.keys.log, 'MAXLEN', 2);
    expect(await read()).toBe(2);
    expect(gaps).toEqual([]);
  });

  test('and nothing else, of a log that was empty at first: no gap', async () => {
    const fleet = await openWithDevice();
    const { gaps, read } = await reader(fleet);
    expect(await read()).toBe(0);
    await announce(fleet);
    expect(await read()).toBe(2);
    await announce(fleet);
    await fleet.redis.xtrim(fleet.keys.log, 'MAXLEN', 2);
    expect(await read()).toBe(2);
    expect(gaps).toEqual([]);
  });

  test('since the id of the last event, when the log is empty: no gap', async () => {
    const fleet = await openWithDevice();
    await announce(fleet);
    const since = { id: await lastId(fleet) };
    await fleet.redis.xtrim(fleet.keys.log, 'MAXLEN', 0);
    const { gaps, read } = await reader(fleet, since);
    expect(await read()).toBe(0);
    await announce(fleet);
    expect(await read()).toBe(2);
    expect(gaps).toEqual([]);
  });

  test('and one more: a gap', async () => {
    const fleet = await openWithDevice();
    await announce(fleet);
    const last = await lastId(fleet);
    const { gaps, read } = await reader(fleet);
    expect(await read()).toBe(0);
    await announce(fleet, 2);
    await fleet.redis.xtrim(fleet.keys.log, 'MAXLEN', 3);
    const next = (await logOf(fleet))[0]?.id;
    expect(await read()).toBe(3);
    await fleet.redis.xtrim(fleet.keys.log, 'MAXLEN', 0);
    await announce(fleet);
    await fleet.redis.xtrim(fleet.keys.log, 'MAXLEN', 0);
    for (let i = 0; i < 2; i++) expect(await read()).toBe(0);
    expect(gaps).toEqual([
      { after: last, before: next },
      { after: expect.any(String), before: null },
    ]);
  });

  test('each event of a log of two entries is read without a gap', async () => {
    const fleet = await openWithDevice();
    await fleet.redis.hset('devices:meta', { logCap: 2 });
    const { gaps, read } = await reader(fleet);
    for (let i = 0; i < 5; i++) {
      await announce(fleet);
      expect(await read()).toBe(2);
    }
    expect(gaps).toEqual([]);
  });
});
