/** The shadow of a device in Redis: set desired by compare-and-set, read the delta. */

import { type ItemResult, itemFailure, sendValidItems, settleAll, unwrapOne } from '../async/item-results.js';
import { validId } from '../model/device.js';
import { documentText } from '../model/document-limits.js';
import { DevstateError, notFoundError, quote } from '../model/errors.js';
import { type JsonObject, jsonEqual } from '../model/json.js';
import { parseStored, readDevice } from '../query/read-devices.js';
import { mapItemsByPartition } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import { retryUntilSettled } from '../store/retry.js';
import { runInChunks } from '../store/script-chunks.js';
import { SET_DESIRED } from '../store/scripts.js';
import { computeDelta, type Delta, diffPatch, mergePatch } from './merge-patch.js';

export interface DesiredOptions {
  /** Only if the desired version is this one. @throws CONFLICT */
  ifVersion?: number;
  /** The document replaces desired instead of merging into it. */
  replace?: boolean;
}

export interface DesiredResult {
  deviceId: string;
  /** Desired as it is now, whole. */
  desired: JsonObject;
  version: number;
  /** False: it said so already; no version, nobody told. */
  changed: boolean;
}

/**
 * Merges a patch into desired (RFC 7396) and tells the device. Retried while others write
 * too, within the request timeout. @throws DevstateError NOT_FOUND, CONFLICT, BAD_RECORD
 */
export async function setDesired(
  fleet: Fleet,
  id: string,
  document: JsonObject,
  options: DesiredOptions = {},
): Promise<DesiredResult> {
  return unwrapOne(await setDesiredAll(fleet, [id], document, options));
}

/**
 * The same of many devices, each of which succeeds or fails alone.
 * @throws DevstateError CONNECTION when all are of one partition and it is lost
 */
export async function setDesiredAll(
  fleet: Fleet,
  ids: readonly string[],
  document: JsonObject,
  options: DesiredOptions = {},
): Promise<ItemResult<DesiredResult>[]> {
  return sendValidItems(ids, validId, (all) =>
    mapItemsByPartition(fleet, all, (partition, group) =>
      runInChunks(group, (chunk) =>
        settleAll(chunk.map((id) => itemFailure(setOne(partition, id, document, options)))),
      ),
    ),
  );
}

async function setOne(
  partition: Fleet,
  id: string,
  document: JsonObject,
  { ifVersion, replace = false }: DesiredOptions,
): Promise<DesiredResult> {
  const record = await readDevice(partition, id);
  let version = record.desiredVersion;
  let text = record.desiredJson;
  return retryUntilSettled(partition.requestTimeout, async () => {
    if (ifVersion !== undefined && version !== ifVersion) throw versionConflict(id, version, ifVersion);
    const before = parseStored(id, 'the desired state', text || '{}');
    const desired = mergePatch(replace ? {} : before, document);
    const desiredJson = documentText(desired);
    if (jsonEqual(desired, before, 'digit for digit'))
      return { deviceId: id, desired, version, changed: false };
    const patch = documentText(replace ? diffPatch(before, desired) : document);
    const [code, detail, stored] = await partition.run(
      SET_DESIRED,
      {},
      [{ id, expectedVersion: version, expectedText: text, desired: desiredJson, patch }],
      partition.keys.commandsChannel(id),
    );
    if (code === 0) throw notFoundError(id);
    if (code === 1) return { deviceId: id, desired, version: Number(detail), changed: true };
    version = Number(detail);
    text = String(stored);
    return undefined;
  });
}

/** Desired against reported. @throws DevstateError NOT_FOUND, BAD_RECORD */
export async function delta(fleet: Fleet, id: string): Promise<Delta & { desiredVersion: number }> {
  const record = await readDevice(fleet, id);
  const desired = parseStored(id, 'the desired state', record.desiredJson);
  const reported = parseStored(id, 'the report', record.reportedJson);
  return { ...computeDelta(desired, reported), desiredVersion: record.desiredVersion };
}

function versionConflict(id: string, version: number, expected: number): DevstateError {
  return new DevstateError(
    'CONFLICT',
    `device ${quote(id)} has desired version ${version}, not ${expected}`,
    {
      hint: 'devstate get ID shows what it is now',
    },
  );
}
