/**
 * The settings of a fleet: the fields of the hash `devices:meta`, which `devstate init` writes, and their defaults. A
 * fleet without the hash has all defaults.
 */

import type { Dialect } from '../model/device.js';
import { DevstateError } from '../model/errors.js';
import { DEFAULT_TTL_MS } from '../model/heartbeat.js';

export interface DeclaredSettings {
  /** The number of partitions; 1: the fleet is not partitioned. */
  partitions: number;
  /** Undefined: not declared; the dialect is that of the fleet's records. */
  dialect: Dialect | undefined;
  /** Whether only devstate writes to the fleet, so that the index holds every device and can be trusted. */
  exclusive: boolean;
  /** The longest heartbeat TTL in use, ms. */
  longestTtl: number;
  /** About how many presence events the log keeps (MAXLEN ~). */
  logCap: number;
  /** How many entries each history list keeps; 0: no history. */
  historyCap: number;
}

/** The settings with a dialect: the declared one, else that of the fleet's records. */
export type FleetSettings = Omit<DeclaredSettings, 'dialect'> & { dialect: Dialect };

export const SETTING_FIELDS = [
  'partitions',
  'dialect',
  'writers',
  'longestTtl',
  'logCap',
  'historyCap',
] as const;

/**
 * Returns the settings from the values of `SETTING_FIELDS`, in that order; null: the field is absent.
 * @throws DevstateError BAD_RECORD: a value is not valid
 */
export function parseDeclaredSettings(values: readonly (string | null)[]): DeclaredSettings {
  const [partitions, dialect, writers, longestTtl, logCap, historyCap] = values;
  return {
    partitions: Math.max(parseCount(partitions, 1), 1),
    dialect: declaredDialect(dialect),
    exclusive: writers === 'exclusive',
    longestTtl: Math.max(parseCount(longestTtl, 0), DEFAULT_TTL_MS),
    logCap: parseCount(logCap, 100_000),
    historyCap: parseCount(historyCap, 100),
  };
}

function declaredDialect(text: string | null | undefined): Dialect | undefined {
  if (text === null || text === undefined) return undefined;
  if (text === 'node' || text === 'python') return text;
  throw new DevstateError('BAD_RECORD', `devices:meta declares the dialect ${JSON.stringify(text)}`, {
    reason: 'INVALID_DIALECT',
  });
}

function parseCount(text: string | null | undefined, defaultValue: number): number {
  if (text === null || text === undefined) return defaultValue;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new DevstateError('BAD_RECORD', `devices:meta holds ${JSON.stringify(text)} instead of a number`);
  }
  return value;
}
