/** The places in which two documents differ, and the merge patch that leads from one to the other. Pure. */
import { getKey, isJsonObject, type Json, type JsonObject, setKey } from '../model/json.js';
import { jsonEqual } from '../model/json-equality.js';

/** One place in which two documents differ. Objects are compared key by key, everything else as a whole. */
export interface Change {
  path: string[];
  /** Undefined: the key does not exist. */
  from: Json | undefined;
  to: Json | undefined;
}

/**
 * Every place in which `to` differs from `from`.
 * @param removals false: keys that only `from` has are no difference
 */
export function changes(from: JsonObject, to: JsonObject, removals = true): Change[] {
  return [...walk(from, to, [], removals)];
}

/** The smallest merge patch that leads from one object to another. */
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

/** The merge patch that makes these changes. */
export function patchOf(list: readonly Change[]): JsonObject {
  const patch: JsonObject = {};
  for (const { path, to } of list) {
    let target = patch;
    for (const key of path.slice(0, -1)) {
      const next = getKey(target, key);
      if (isJsonObject(next)) target = next;
      else {
        const made: JsonObject = {};
        setKey(target, key, made);
        target = made;
      }
    }
    setKey(target, path.at(-1) as string, to ?? null);
  }
  return patch;
}
