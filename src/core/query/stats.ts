/**
 * How many devices there are of each kind. An exclusive fleet is counted in its index; on a
 * shared one every record is looked at, in chunks, because other programs may have bypassed
 * the index.
 */

import { mapPartitions } from '../store/by-partition.js';
import type { Command } from '../store/connection.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import { readFleetTime, readServerTime } from '../store/server-time.js';
import { scanSet } from '../store/set-scan.js';
import { deviceReader, type QueryOptions } from './device-reader.js';
import { registeredIds, registeredIdsIn } from './registered-ids.js';

export interface FleetStats {
  /** When it was counted, ms. */
  at: number;
  /** Null: of the whole fleet, or of devices without a type. */
  deviceType: string | null;
  /** Online and offline. */
  registered: number;
  online: number;
  offline: number;
  /** Of the offline: never seen. */
  neverSeen: number;
  /** Of the offline: last announced online, and found by no detector yet. */
  lapsed: number;
}

type Hearing = Pick<QueryOptions, 'onLooked' | 'onProblem'>;

/** The whole fleet in one, or a row for each type. */
export async function fleetStats(
  fleet: Fleet,
  { byType = false, ...hearing }: { byType?: boolean } & Hearing = {},
): Promise<FleetStats[]> {
  const at = await readFleetTime(fleet);
  const { exclusive } = await fleet.settings();
  const tallies = new Tallies(at, byType);
  if (!exclusive) await countRecords(fleet, tallies, hearing);
  else if (byType) await countTypes(fleet, tallies, hearing);
  else return [sumOf(at, await mapPartitions(fleet, countIndex))];
  return tallies.rows();
}

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
    ranges.map(([from, to]): Command => ['zcount', activity, from, to]),
  );
  const [registered, online, neverSeen, lapsed] = counts.map(Number) as [number, number, number, number];
  return { ...emptyRow(at, null), registered, online, offline: registered - online, neverSeen, lapsed };
}

async function countTypes(fleet: Fleet, tallies: Tallies, { onLooked }: Hearing): Promise<void> {
  let looked = 0;
  for (const partition of await fleet.partitions()) {
    const { redis, keys } = partition;
    const at = await readServerTime(partition);
    for await (const types of scanSet(partition, keys.types)) {
      for (const type of types) {
        for await (const ids of registeredIdsIn(partition, type)) {
          const scores = await partition.send(() => redis.zmscore(keys.activity, ...ids));
          for (const score of scores) if (score !== null) tallies.addScore(type, Number(score), at);
          looked += ids.length;
          onLooked?.(looked);
        }
      }
    }
  }
}

async function countRecords(fleet: Fleet, tallies: Tallies, hearing: Hearing): Promise<void> {
  const fields = ['type', 'lastSeen', 'devstate'] as const;
  for await (const devices of deviceReader(fleet, fields, hearing)(registeredIds(fleet))) {
    for (const { deviceType, status, lastSeen, presenceSeq } of devices) {
      const online = status === 'online';
      tallies.add(deviceType, {
        online,
        neverSeen: !online && lastSeen === null,
        lapsed: !online && presenceSeq % 2 === 1,
      });
    }
  }
}

class Tallies {
  readonly #rows = new Map<string | null, FleetStats>();
  readonly #at: number;
  readonly #byType: boolean;

  constructor(at: number, byType: boolean) {
    this.#at = at;
    this.#byType = byType;
    if (!byType) this.#rows.set(null, emptyRow(at, null));
  }

  /** Of the index: past its deadline at that moment, it has lapsed. */
  addScore(type: string, score: number, at: number): void {
    const online = score >= at;
    this.add(type, { online, neverSeen: score === 0, lapsed: score > 0 && !online });
  }

  add(type: string | null, kind: Record<'online' | 'neverSeen' | 'lapsed', boolean>): void {
    const key = this.#byType ? type : null;
    const row = this.#rows.get(key) ?? emptyRow(this.#at, key);
    this.#rows.set(key, row);
    row.registered += 1;
    row[kind.online ? 'online' : 'offline'] += 1;
    if (kind.neverSeen) row.neverSeen += 1;
    if (kind.lapsed) row.lapsed += 1;
  }

  /** By type, in code-unit order. */
  rows(): FleetStats[] {
    return [...this.#rows.values()].sort((a, b) => ((a.deviceType ?? '') < (b.deviceType ?? '') ? -1 : 1));
  }
}

function sumOf(at: number, rows: readonly FleetStats[]): FleetStats {
  const sum = emptyRow(at, null);
  for (const row of rows) for (const name of COUNTS) sum[name] += row[name];
  return sum;
}

const COUNTS = ['registered', 'online', 'offline', 'neverSeen', 'lapsed'] as const;

function emptyRow(at: number, deviceType: string | null): FleetStats {
  return { at, deviceType, registered: 0, online: 0, offline: 0, neverSeen: 0, lapsed: 0 };
}
