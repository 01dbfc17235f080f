/** Counts devices by their state (online, offline, never seen, lapsed), for the whole fleet or for each device type. */

export interface FleetStats {
  /** The time at which the devices were counted, epoch ms. */
  at: number;
  /** The type of the counted devices; null: devices of the whole fleet are counted, or devices without a type. */
  deviceType: string | null;
  /** How many devices are registered: the sum of `online` and `offline`. */
  registered: number;
  online: number;
  offline: number;
  /** How many of the offline devices were never seen. */
  neverSeen: number;
  /** How many of the offline devices are still announced online, because no detector has found their timeout yet. */
  lapsed: number;
}

/** The state of one device. `neverSeen` and `lapsed` are true for offline devices only. */
export type PresenceCategory = Record<'online' | 'neverSeen' | 'lapsed', boolean>;

/**
 * Returns the state of a device from its score in the index.
 * @param at the time of the server that holds the index, epoch ms: a device with an earlier deadline counts as
 *   offline
 */
export function stateOfScore(score: number, at: number): PresenceCategory {
  const online = score >= at;
  return { online, neverSeen: score === 0, lapsed: score > 0 && !online };
}

export function emptyStats(at: number, deviceType: string | null): FleetStats {
  return { at, deviceType, registered: 0, online: 0, offline: 0, neverSeen: 0, lapsed: 0 };
}

const COUNTS = ['registered', 'online', 'offline', 'neverSeen', 'lapsed'] as const;

/** Returns a row for the whole fleet, with the sums of the counts of the given rows. */
export function sumOf(at: number, rows: readonly FleetStats[]): FleetStats {
  const sum = emptyStats(at, null);
  for (const row of rows) for (const name of COUNTS) sum[name] += row[name];
  return sum;
}

export class StatsCounter {
  readonly #rows = new Map<string | null, FleetStats>();
  readonly #at: number;
  readonly #byType: boolean;

  /** @param byType true: there is one row for each type that has devices; false: one row for the whole fleet */
  constructor(at: number, byType: boolean) {
    this.#at = at;
    this.#byType = byType;
    if (!byType) this.#rows.set(null, emptyStats(at, null));
  }

  add(type: string | null, state: PresenceCategory): void {
    const key = this.#byType ? type : null;
    const row = this.#rows.get(key) ?? emptyStats(this.#at, key);
    this.#rows.set(key, row);
    row.registered += 1;
    row[state.online ? 'online' : 'offline'] += 1;
    if (state.neverSeen) row.neverSeen += 1;
    if (state.lapsed) row.lapsed += 1;
  }

  /**
   * Returns the rows, sorted by type. Types are compared by UTF-16 code units, so that the order does not depend on
   * the locale.
   */
  rows(): FleetStats[] {
    return [...this.#rows.values()].sort((a, b) => ((a.deviceType ?? '') < (b.deviceType ?? '') ? -1 : 1));
  }
}
