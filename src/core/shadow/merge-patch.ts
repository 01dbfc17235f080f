/** JSON merge patch, RFC 7396 (https://www.rfc-editor.org/rfc/rfc7396). Pure. */
import { getKey, isJsonObject, type JsonObject, setKey } from '../model/json.js';

/** Merges a patch into an object: nested objects merge, `null` removes the key, everything else replaces. */
export function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const merged: JsonObject = {};
  for (const [key, value] of Object.entries(target)) {
    if (getKey(patch, key) !== null) setKey(merged, key, value);
  }
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) continue;
    const before = getKey(merged, key);
    setKey(merged, key, isJsonObject(value) ? mergePatch(isJsonObject(before) ? before : {}, value) : value);
  }
  return merged;
}
