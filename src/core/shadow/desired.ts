/** Setting the desired state, by compare-and-set on its text and version. */

import { type ItemResult, itemFailure, sendValidItems, unwrapOne } from '../async/item-results.js';
import { settleAll } from '../async/settled.js';
import { documentText } from '../model/document-limits.js';
import { DevstateError, notFoundError, quote } from '../model/errors.js';
import { validId } from '../model/identifiers.js';
import type { JsonObject } from '../model/json.js';
import { jsonEqual } from '../model/json-equality.js';
import { parseStored } from '../model/stored-document.js';
import { readDeviceIn } from '../query/read-devices.js';
import { mapItemsByPartition } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import { retryUntilSettled } from '../store/retry.js';
import { runInChunks } from '../store/script-chunks.js';
import { SET_DESIRED } from '../store/scripts.js';
import { diffPatch } from './changes.js';
import { mergePatch } from './merge-patch.js';

export interface DesiredOptions {
  /** Fails with CONFLICT unless the desired version is this one. */
  ifVersion?: number;
  /** The document replaces desired instead of merging into it. */
  replace?: boolean;
}

export interface DesiredResult {
  deviceId: string;
  /** The whole desired state as it is now. */
  desired: JsonObject;
  version: number;
  /** False: the desired state was the same already; it keeps its version and the device gets no message. */
  changed: boolean;
}

/**
 * Merges a patch into the desired state (RFC 7396) and publishes the change on the device's channel.
 * Repeated while other writers change it too, for at most the request timeout.
 * @throws DevstateError NOT_FOUND, CONFLICT, BAD_RECORD, USAGE, CONNECTION
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
 * The same for many devices; each one succeeds or fails alone.
 * @throws DevstateError CONNECTION when all devices are of one partition and its connection is lost
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
  partition: Partition,
  id: string,
  document: JsonObject,
  { ifVersion, replace = false }: DesiredOptions,
): Promise<DesiredResult> {
  const record = await readDeviceIn(partition, id, (await partition.settings()).dialect);
  let version = record.desiredVersion;
  let text = record.desiredJson;
  return retryUntilSettled(partition.requestTimeoutMs, async () => {
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

function versionConflict(id: string, version: number, expected: number): DevstateError {
  return new DevstateError(
    'CONFLICT',
    `device ${quote(id)} has desired version ${version}, not ${expected}`,
    {
      reason: 'VERSION_MISMATCH',
    },
  );
}
