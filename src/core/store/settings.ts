/** `devices:meta`: what a fleet declares of itself, with the defaults of one that has none. */

import type { Dialect } from '../model/device.js';
import { DevstateError } from '../model/errors.js';
import { DEFAULT_TTL_MS } from '../model/heartbeat.js';

export interface DeclaredSettings {
  /** How many parts its keys are in; 1: it is not partitioned. */
  partitions: number;
  /** Undefined: its records tell. */
  dialect: Dialect | undefined;
  /** All writers are devstate's: the index can be gone by. */
  exclusive: boolean;
  /** The longest heartbeat TTL in use, ms. */
  longestTtl: number;
  /** About how many presence events the log keeps. */
  logCap: number;
  /** How many entries each history list keeps; 0: none. */
  historyCap: number;
}

/** The settings with the dialect resolved: declared, else that of the fleet's records. */
export type FleetSettings = Omit<DeclaredSettings, 'dialect'> & { dialect: Dialect };

export const SETTING_FIELDS = [
  'partitions',
  'dialect',
  'writers',
  'longestTtl',
  'logCap',
  'historyCap',
] as const;

/** @param values of META_FIELDS. @throws DevstateError BAD_RECORD */
export function parseDeclaredSettings(values: readonly (string | null)[]): DeclaredSettings {
  const [partitions, dialect, writers, longestTtl, logCap, historyCap] = values;
  return {
    partitions: Math.max(number(partitions, 1), 1),
    dialect: declaredDialect(dialect),
    exclusive: writers === 'exclusive',
    longestTtl: Math.max(number(longestTtl, 0), DEFAULT_TTL_MS),
    logCap: number(logCap, 100_000),
    historyCap: number(historyCap, 100),
  };
}

function declaredDialect(text: string | null | undefined): Dialect | undefined {
  if (text === null || text === undefined) return undefined;
  if (text === 'node' || text === 'python') return text;
  throw new DevstateError('BAD_RECORD', `devices:meta declares the dialect ${JSON.stringify(text)}`, {
    reason: 'INVALID_DIALECT',
  });
}

function number(text: string | null | undefined, otherwise: number): number {
  if (text === null || text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new DevstateError('BAD_RECORD', `devices:meta holds ${JSON.stringify(text)} where a number is due`);
  }
  return value;
}
