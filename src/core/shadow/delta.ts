/** The delta of a device: desired state against reported state. */
import { getKey, type JsonObject, setKey } from '../model/json.js';
import { parseStored } from '../model/stored-document.js';
import { readDevice } from '../query/read-devices.js';
import type { Fleet } from '../store/fleet.js';
import { type Change, changes, patchOf } from './changes.js';

export interface Delta {
  inSync: boolean;
  /** For each top-level key that differs, `desired` and `reported`; `reported` is null if it lacks the key. */
  delta: JsonObject;
  /** The smallest merge patch that would bring reported to desired. */
  patch: JsonObject;
  /** Every place that differs, from reported to desired. */
  changes: Change[];
}

/** Pure. A key that only reported has is no difference; a desired `null` asks for the key to be absent. */
export function computeDelta(desired: JsonObject, reported: JsonObject): Delta {
  const found = changes(reported, desired, false).filter(
    ({ from, to }) => !(to === null && from === undefined),
  );
  const patch = patchOf(found);
  const delta: JsonObject = {};
  for (const key of Object.keys(patch)) {
    setKey(delta, key, { desired: getKey(desired, key) ?? null, reported: getKey(reported, key) ?? null });
  }
  return { inSync: found.length === 0, delta, patch, changes: found };
}

/** Reads a device and computes its delta. @throws DevstateError NOT_FOUND, BAD_RECORD, USAGE, CONNECTION */
export async function delta(fleet: Fleet, id: string): Promise<Delta & { desiredVersion: number }> {
  const record = await readDevice(fleet, id);
  const desired = parseStored(id, 'the desired state', record.desiredJson);
  const reported = parseStored(id, 'the report', record.reportedJson);
  return { ...computeDelta(desired, reported), desiredVersion: record.desiredVersion };
}
