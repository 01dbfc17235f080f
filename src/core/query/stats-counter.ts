/** Counts devices by their state, and by type if that is asked for. */

export interface FleetStats {
  /** The time of the count, ms. */
  at: number;
  /** Null: the row is of the whole fleet, or of devices without a type. */
  deviceType: string | null;
  /** All registered devices: online and offline. */
  registered: number;
  online: number;
  offline: number;
  /** Of the offline devices: those never seen. */
  neverSeen: number;
  /** Of the offline devices: those last announced online, because no detector has found the timeout yet. */
  lapsed: number;
}

/** The state of one device. `neverSeen` and `lapsed` are true for offline devices only. */
export type DeviceState = Record<'online' | 'neverSeen' | 'lapsed', boolean>;

/** Returns the state of a device from its score in the index. @param at the time of the server that holds it, ms */
export function stateOfScore(score: number, at: number): DeviceState {
  const online = score >= at;
  return { online, neverSeen: score === 0, lapsed: score > 0 && !online };
}

export function emptyStats(at: number, deviceType: string | null): FleetStats {
  return { at, deviceType, registered: 0, online: 0, offline: 0, neverSeen: 0, lapsed: 0 };
}

const COUNTS = ['registered', 'online', 'offline', 'neverSeen', 'lapsed'] as const;

/** Returns the sum of the counts of all rows, as of the whole fleet. */
export function sumOf(at: number, rows: readonly FleetStats[]): FleetStats {
  const sum = emptyStats(at, null);
  for (const row of rows) for (const name of COUNTS) sum[name] += row[name];
  return sum;
}

export class StatsCounter {
  readonly #rows = new Map<string | null, FleetStats>();
  readonly #at: number;
  readonly #byType: boolean;

  /** @param byType one row for each type that has devices; otherwise one row for the whole fleet */
  constructor(at: number, byType: boolean) {
    this.#at = at;
    this.#byType = byType;
    if (!byType) this.#rows.set(null, emptyStats(at, null));
  }

  add(type: string | null, state: DeviceState): void {
    const key = this.#byType ? type : null;
    const row = this.#rows.get(key) ?? emptyStats(this.#at, key);
    this.#rows.set(key, row);
    row.registered += 1;
    row[state.online ? 'online' : 'offline'] += 1;
    if (state.neverSeen) row.neverSeen += 1;
    if (state.lapsed) row.lapsed += 1;
  }

  /** Returns the rows by type, in the order of UTF-16 code units. */
  rows(): FleetStats[] {
    return [...this.#rows.values()].sort((a, b) => ((a.deviceType ?? '') < (b.deviceType ?? '') ? -1 : 1));
  }
}
