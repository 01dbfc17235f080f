/** Applies a JSON merge patch, RFC 7396 (https://www.rfc-editor.org/rfc/rfc7396). */
import { getKey, isJsonObject, type JsonObject, setKey } from '../model/json.js';

/**
 * Returns the object that a merge patch makes of `target`, which is not changed. An object in the patch is merged into
 * the object of the same key, `null` removes the key, and any other value replaces the key's value.
 */
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
