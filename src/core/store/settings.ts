/**
 * The settings of a fleet: the fields of the hash `devices:meta`, and their defaults. A field that is absent has its
 * default; so have all fields in a fleet for which `devstate init` was never run and no setting was changed.
 */

import type { Dialect } from '../model/device.js';
import { DevstateError, quote } from '../model/errors.js';
import { DEFAULT_TTL_MS } from '../model/heartbeat.js';
import type { HistoryKind } from '../model/keyspace.js';
import { MAX_DURATION_MS } from '../model/numeric-options.js';

export interface DeclaredSettings {
  /** The number of partitions; 1: the fleet is not partitioned. */
  partitions: number;
  /** The dialect of device records; undefined: none is declared, so it is the dialect of the fleet's records. */
  dialect: Dialect | undefined;
  /**
   * True: only devstate writes to the fleet, so queries may trust the index of devices without checking keys. False:
   * other programs may write too without updating the index, so queries read the keys of each device.
   */
  exclusive: boolean;
  /**
   * No device uses a longer heartbeat TTL, ms; at least the default TTL. Writers raise it when they use a longer one, and
   * detectors lower it.
   */
  longestTtl: number;
  /** Up to which TTL a writer need not raise `longestTtl`, ms: less than it, if detectors are about to lower it to this. */
  raiseAbove: number;
  /** How many presence events the logs of all partitions keep together; 0: none are kept. */
  logCap: number;
  /** The most entries that the history of a device keeps, by kind of change; 0: no history of this kind is kept. */
  historyCaps: Readonly<Record<HistoryKind, number>>;
  /**
   * True: no cap of reports is declared. A list that is longer than the default, because 0.1 kept 100 entries, then keeps
   * its length until a cap is declared. False: longer lists are trimmed.
   */
  keepsLongReports: boolean;
  /**
   * True: devices have logins of their own and write their own keys (`devstate acl device`), so what is in these keys is
   * not trusted: lengths are checked before a field is read, and the index alone says which devices are registered.
   * False: only trusted users write records.
   */
  deviceLogins: boolean;
  /**
   * How long a device is held while no device sends heartbeats, in TTLs of the device after the last heartbeat of the
   * fleet: 1, 1.5 or 2 (the default); 0: no device is ever held. See `lua/include/hold.lua`.
   */
  hold: Hold;
}

/** The values of the setting `hold`, the default first. */
export const HOLDS = [2, 1.5, 1, 0] as const;
export type Hold = (typeof HOLDS)[number];

/** The settings of a fleet, always with a dialect: the declared one, else that of the fleet's records. */
export type FleetSettings = Omit<DeclaredSettings, 'dialect'> & { dialect: Dialect };

/**
 * The most partitions that a fleet may have. A query of the whole fleet sends requests to each partition, so more
 * partitions would make queries slow.
 */
export const MAX_PARTITIONS = 1024;

/** The longest log and the longest history list that a fleet may declare, in entries. */
export const MAX_LOG_CAP = 1_000_000_000;
export const MAX_HISTORY_CAP = 1_000_000;

/** How many entries the history of a device keeps where no cap is declared: reports are many, so few of them. */
const DEFAULT_CAPS: Readonly<Record<HistoryKind, number>> = { reported: 20, desired: 100, presence: 100 };

/** The name of the cap of a kind of history: the argument of scripts, and the field of the settings. */
export type CapName = `${HistoryKind}Cap`;

export const SETTING_FIELDS = [
  'partitions',
  'dialect',
  'writers',
  'longestTtl',
  'logCap',
  // The cap of all kinds of history that have none of their own; versions up to 0.1 know no other.
  'historyCap',
  'reportedCap',
  'desiredCap',
  'presenceCap',
  'deviceLogins',
  'hold',
  'foundTtl',
] as const;

/**
 * Converts the values of the fields of the hash `devices:meta` into settings. The values are in the order of
 * `SETTING_FIELDS`; null: the field is absent, so the setting has its default.
 * @throws DevstateError BAD_RECORD: a value is not valid
 */
export function parseDeclaredSettings(values: readonly (string | null)[]): DeclaredSettings {
  const [partitions, dialect, writers, longest, logCap, historyCap, ...others] = values;
  const [reportedCap, desiredCap, presenceCap, deviceLogins, hold, found] = others;
  const cap = (own: string | null | undefined, kind: HistoryKind) =>
    parseCount(own ?? historyCap, DEFAULT_CAPS[kind], MAX_HISTORY_CAP);
  const longestTtl = Math.max(parseCount(longest, 0, MAX_DURATION_MS), DEFAULT_TTL_MS);
  const [foundTtl] = (found || String(longestTtl)).split(' ');
  return {
    partitions: Math.max(parseCount(partitions, 1, MAX_PARTITIONS), 1),
    dialect: declaredDialect(dialect),
    exclusive: writers === 'exclusive',
    longestTtl,
    raiseAbove: Math.min(longestTtl, parseCount(foundTtl, longestTtl, MAX_DURATION_MS)),
    logCap: parseCount(logCap, 100_000, MAX_LOG_CAP),
    historyCaps: {
      reported: cap(reportedCap, 'reported'),
      desired: cap(desiredCap, 'desired'),
      presence: cap(presenceCap, 'presence'),
    },
    keepsLongReports: (reportedCap ?? historyCap ?? null) === null,
    deviceLogins: deviceLogins === '1',
    hold: declaredHold(hold),
  };
}

/**
 * Returns the arguments of scripts that say how many entries a history keeps. That of reports is negative if longer lists
 * keep their length (`lua/include/history.lua`).
 */
export function capArguments({ historyCaps, keepsLongReports }: DeclaredSettings): Record<CapName, number> {
  const { reported, desired, presence } = historyCaps;
  return {
    reportedCap: keepsLongReports ? -reported : reported,
    desiredCap: desired,
    presenceCap: presence,
  };
}

function declaredDialect(text: string | null | undefined): Dialect | undefined {
  if (text === null || text === undefined) return undefined;
  if (text === 'node' || text === 'python') return text;
  throw new DevstateError('BAD_RECORD', `devices:meta declares the dialect ${quote(text, 60)}`, {
    reason: 'INVALID_DIALECT',
  });
}

function declaredHold(text: string | null | undefined): Hold {
  if (text === null || text === undefined) return HOLDS[0];
  const hold = HOLDS.find((each) => String(each) === text);
  if (hold !== undefined) return hold;
  throw new DevstateError('BAD_RECORD', `devices:meta holds ${quote(text, 60)} instead of a hold`);
}

function parseCount(text: string | null | undefined, defaultValue: number, max: number): number {
  if (text === null || text === undefined) return defaultValue;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0 || value > max) {
    throw new DevstateError(
      'BAD_RECORD',
      `devices:meta holds ${quote(text, 60)} instead of a number${value > max ? ` up to ${max}` : ''}`,
    );
  }
  return value;
}
