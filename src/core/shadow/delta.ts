/** Computes the delta of a device: the values in which its reported state differs from its desired state. */
import { getKey, type JsonObject, setKey } from '../model/json.js';
import { parseStored } from '../model/stored-document.js';
import { readDevice } from '../query/read-devices.js';
import type { Fleet } from '../store/fleet.js';
import { type Change, changes, patchOf } from './changes.js';

export interface Delta {
  /** True: the reported state is as desired. False: there are differences. */
  inSync: boolean;
  /** For each top-level key whose values differ: `{ desired, reported }`; null stands for an absent key. */
  delta: JsonObject;
  /** The smallest JSON merge patch (RFC 7396) that, merged into the reported state, makes it as desired. */
  patch: JsonObject;
  /** Every difference, at any depth: `from` is the reported value, `to` the desired value. */
  changes: Change[];
}

/**
 * Compares the desired and the reported state, without reading or writing anything. A key that only the reported state
 * has is no difference. A desired null means that the key should be absent from the reported state.
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

/**
 * Reads a device, and returns its delta and the version of its desired state.
 * @throws DevstateError NOT_FOUND, BAD_RECORD, USAGE, CONNECTION
 */
export async function delta(fleet: Fleet, id: string): Promise<Delta & { desiredVersion: number }> {
  const record = await readDevice(fleet, id, ['reported', 'desired', 'devstate']);
  const desired = parseStored(id, 'the desired state', record.desiredJson);
  const reported = parseStored(id, 'the report', record.reportedJson);
  return { ...computeDelta(desired, reported), desiredVersion: record.desiredVersion };
}
