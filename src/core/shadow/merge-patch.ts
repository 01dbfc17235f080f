/**
 * The device shadow, pure: RFC 7396 merge patch, and the difference between what a device
 * should be (desired) and what it last said it is (reported).
 */
import { getKey, isJsonObject, type Json, type JsonObject, jsonEqual, setKey } from '../model/json.js';

/** RFC 7396 for an object target: nested objects merge, null removes, all else replaces. */
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

/** One place in which two documents differ. Objects are compared key by key, all else whole. */
export interface Change {
  path: string[];
  /** Undefined: not there. */
  from: Json | undefined;
  to: Json | undefined;
}

/** Every place in which `to` differs from `from`, those that `to` lacks among them. */
export function changes(from: JsonObject, to: JsonObject): Change[] {
  return [...walk(from, to, [], true)];
}

/** The smallest merge patch that leads from one object to another. */
export function diffPatch(from: JsonObject, to: JsonObject): JsonObject {
  return patchOf(changes(from, to));
}

export interface Delta {
  inSync: boolean;
  /** Per top-level key that differs; what reported lacks is null. */
  delta: JsonObject;
  /** The smallest merge patch that would bring reported to desired. */
  patch: JsonObject;
  /** Each place that differs: from reported to desired. */
  changes: Change[];
}

/** A key only in reported is no difference; a desired null wants the key absent. */
export function computeDelta(desired: JsonObject, reported: JsonObject): Delta {
  const found = [...walk(reported, desired, [], false)].filter(
    ({ from, to }) => !(to === null && from === undefined),
  );
  const patch = patchOf(found);
  const delta: JsonObject = {};
  for (const key of Object.keys(patch)) {
    setKey(delta, key, { desired: getKey(desired, key) ?? null, reported: getKey(reported, key) ?? null });
  }
  return { inSync: found.length === 0, delta, patch, changes: found };
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

function patchOf(list: readonly Change[]): JsonObject {
  const patch: JsonObject = {};
  for (const { path, to } of list) {
    let place = patch;
    for (const key of path.slice(0, -1)) {
      const next = getKey(place, key);
      if (isJsonObject(next)) place = next;
      else {
        const made: JsonObject = {};
        setKey(place, key, made);
        place = made;
      }
    }
    setKey(place, path.at(-1) as string, to ?? null);
  }
  return patch;
}
