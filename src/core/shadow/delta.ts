/** The delta of a device: where its reported state is not as desired. */
import { getKey, type JsonObject, setKey } from '../model/json.js';
import { parseStored } from '../model/stored-document.js';
import { readDevice } from '../query/read-devices.js';
import type { Fleet } from '../store/fleet.js';
import { type Change, changes, patchOf } from './changes.js';

export interface Delta {
  /** True: nothing differs. */
  inSync: boolean;
  /** For each top-level key that differs: `{ desired, reported }`; null stands for an absent key. */
  delta: JsonObject;
  /** The smallest JSON merge patch (RFC 7396) that would make the reported state as desired. */
  patch: JsonObject;
  /** Every difference, from reported to desired. */
  changes: Change[];
}

/**
 * Compares the two states. Keys that only the reported state has are no difference. A desired null means that the
 * key should be absent. Pure.
 */
export function computeDelta(desired: JsonObject, reported: JsonObject): Delta {
  const differences = changes(reported, desired, false).filter(
    ({ from, to }) => !(to === null && from === undefined),
  );
  const patch = patchOf(differences);
  const delta: JsonObject = {};
  for (const key of Object.keys(patch)) {
    setKey(delta, key, { desired: getKey(desired, key) ?? null, reported: getKey(reported, key) ?? null });
  }
  return { inSync: differences.length === 0, delta, patch, changes: differences };
}

/** Reads a device and computes its delta. @throws DevstateError NOT_FOUND, BAD_RECORD, USAGE, CONNECTION */
export async function delta(fleet: Fleet, id: string): Promise<Delta & { desiredVersion: number }> {
  const record = await readDevice(fleet, id);
  const desired = parseStored(id, 'the desired state', record.desiredJson);
  const reported = parseStored(id, 'the report', record.reportedJson);
  return { ...computeDelta(desired, reported), desiredVersion: record.desiredVersion };
}
