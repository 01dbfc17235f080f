/**
 * Finds the differences between two JSON documents, and makes the JSON merge patch (RFC 7396,
 * https://www.rfc-editor.org/rfc/rfc7396) that changes one document into the other.
 */
import { getKey, isJsonObject, type Json, type JsonObject, setKey } from '../model/json.js';
import { jsonEqual } from '../model/json-equality.js';

/**
 * One difference between two documents. Objects are compared key by key; any other value, also an array, as a whole.
 */
export interface Change {
  /** The keys that lead from the top of the document to the value. */
  path: string[];
  /** The value before; undefined: the key did not exist. */
  from: Json | undefined;
  /** The value after; undefined: the key does not exist any more. */
  to: Json | undefined;
}

/**
 * Returns all differences between two documents, `from` before and `to` after.
 * @param removals true: a key that only `from` has is a difference; false: it is none
 */
export function changes(from: JsonObject, to: JsonObject, removals = true): Change[] {
  return [...walk(from, to, [], removals)];
}

/**
 * Returns the smallest merge patch that changes `from` into `to`. A merge patch cannot set a value to null: a null in
 * it removes the key.
 */
export function diffPatch(from: JsonObject, to: JsonObject): JsonObject {
  return patchOf(changes(from, to));
}

function* walk(from: JsonObject, to: JsonObject, path: string[], removals: boolean): Generator<Change> {
  for (const [key, after] of Object.entries(to)) {
    const before = getKey(from, key);
    if (isJsonObject(before) && isJsonObject(after)) yield* walk(before, after, [...path, key], removals);
    else if (before === undefined || !jsonEqual(before, after)) {
      yield { path: [...path, key], from: before, to: after };
    }
  }
  if (!removals) return;
  for (const [key, before] of Object.entries(from)) {
    if (!Object.hasOwn(to, key)) yield { path: [...path, key], from: before, to: undefined };
  }
}

/** Returns the JSON merge patch that makes the given changes in a document. */
export function patchOf(list: readonly Change[]): JsonObject {
  const patch: JsonObject = {};
  for (const { path, to } of list) {
    let target = patch;
    for (const key of path.slice(0, -1)) {
      const next = getKey(target, key);
      if (isJsonObject(next)) target = next;
      else {
        const created: JsonObject = {};
        setKey(target, key, created);
        target = created;
      }
    }
    setKey(target, path.at(-1) as string, to ?? null);
  }
  return patch;
}
