/**
 * Counts how many devices are online, offline, never seen and lapsed (timed out but not yet announced offline). In an
 * exclusive fleet they are counted in the index. In a shared fleet other programs do not update the index, so every
 * record is read, in chunks.
 */
import { mapPartitions } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import type { RedisRequest } from '../store/replies.js';
import { readFleetTime, readServerTime } from '../store/server-time.js';
import { scanSet } from '../store/set-scan.js';
import { deviceReader, type QueryOptions } from './device-reader.js';
import { registeredIds, registeredIdsIn } from './registered-ids.js';
import { emptyStats, type FleetStats, StatsCounter, stateOfScore, sumOf } from './stats-counter.js';

export interface StatsOptions extends Pick<QueryOptions, 'onProgress' | 'onProblem'> {
  /** True: the result has one row of counts for each device type. False (default): one row for the whole fleet. */
  byType?: boolean;
}

/**
 * Counts the devices, and returns one row for the whole fleet or one for each device type.
 * @throws DevstateError CONNECTION, BAD_RECORD, USAGE
 */
export async function fleetStats(fleet: Fleet, options: StatsOptions = {}): Promise<FleetStats[]> {
  const { byType = false } = options;
  const at = await readFleetTime(fleet);
  const { exclusive } = await fleet.settings();
  if (exclusive && !byType) return [sumOf(at, await mapPartitions(fleet, countIndex))];
  const counter = new StatsCounter(at, byType);
  if (exclusive) await countTypes(fleet, counter, options);
  else await countRecords(fleet, counter, options);
  return counter.rows();
}

/**
 * Counts the devices of a partition by ranges of scores in the index. The scores are deadlines by the clock of the
 * partition's server, so they are compared with the time of that server.
 */
async function countIndex(partition: Partition): Promise<FleetStats> {
  const { activity } = partition.keys;
  const at = await readServerTime(partition);
  const ranges = [
    ['-inf', '+inf'],
    [at, '+inf'],
    ['0', '0'],
    ['(0', `(${at}`],
  ] as const;
  const counts = await partition.pipeline(
    ranges.map(([from, to]): RedisRequest => ['zcount', activity, from, to]),
  );
  const [registered, online, neverSeen, lapsed] = counts.map(Number) as [number, number, number, number];
  return { ...emptyStats(at, null), registered, online, offline: registered - online, neverSeen, lapsed };
}

/** Counts the devices of each type in an exclusive fleet, by their scores in the index. */
async function countTypes(fleet: Fleet, counter: StatsCounter, { onProgress }: StatsOptions): Promise<void> {
  let readCount = 0;
  for (const partition of await fleet.partitions()) {
    const { keys } = partition;
    const at = await readServerTime(partition);
    for await (const types of scanSet(partition, keys.types)) {
      for (const type of types) {
        for await (const ids of registeredIdsIn(partition, type)) {
          const scores = await partition.ask('zmscore', keys.activity, ...ids);
          for (const score of scores) {
            if (score !== null) counter.add(type, stateOfScore(Number(score), at));
          }
          readCount += ids.length;
          onProgress?.(readCount);
        }
      }
    }
  }
}

async function countRecords(fleet: Fleet, counter: StatsCounter, options: StatsOptions): Promise<void> {
  const { byType = false } = options;
  const read = deviceReader(fleet, ['type', 'lastSeen', 'devstate'], { ...options, withType: byType });
  for await (const devices of read(registeredIds(fleet))) {
    for (const { deviceType, status, lastSeen, presenceSeq } of devices) {
      const online = status === 'online';
      counter.add(deviceType, {
        online,
        neverSeen: !online && lastSeen === null,
        lapsed: !online && presenceSeq % 2 === 1,
      });
    }
  }
}
