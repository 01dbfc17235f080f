/**
 * The settings of a fleet for a device with a login of its own. Redis denies the device the hash `devices:meta`, so its
 * program is given what the hash declares.
 */
import type { Dialect } from '../model/device.js';
import { usageError } from '../model/errors.js';
import type { SettingsSource } from './fleet-settings.js';
import { MAX_PARTITIONS, parseDeclaredSettings, SETTING_FIELDS } from './settings.js';

export interface DeviceRoleOptions {
  role?: 'device';
  partitions?: number;
  dialect?: Dialect;
  /** How many reports the history of a device keeps. */
  historyCap?: number;
}

/**
 * Returns the settings that the options give; undefined: no role is given.
 * @throws DevstateError USAGE: a number is not valid, or given without the role `device`
 */
export function deviceRoleSettings(options: DeviceRoleOptions): SettingsSource | undefined {
  const { role, partitions, dialect = 'node', historyCap } = options;
  if (role === undefined) {
    if (partitions === undefined && historyCap === undefined) return undefined;
    throw usageError(
      'only the role device takes partitions and historyCap; otherwise the fleet declares them',
    );
  }
  checkRange('partitions', partitions, 1, MAX_PARTITIONS);
  checkRange('historyCap', historyCap, 0, Number.MAX_SAFE_INTEGER);
  const defaults = parseDeclaredSettings(SETTING_FIELDS.map(() => null));
  const settings = {
    ...defaults,
    dialect,
    ...(partitions !== undefined && { partitions }),
    ...(historyCap !== undefined && { historyCaps: { ...defaults.historyCaps, reported: historyCap } }),
  };
  return { declared: async () => settings, settings: async () => settings, invalidate: () => {} };
}

function checkRange(name: string, value: number | undefined, from: number, to: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= from && value <= to)) return;
  throw usageError(`${name} must be a whole number from ${from} to ${to}, not ${value}`);
}
