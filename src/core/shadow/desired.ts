/**
 * Sets the desired state of devices. The script `set_desired` writes only if the stored document and its version are
 * still as they were read. Otherwise the new document is computed again from the one stored now, so that no change that
 * another client made is lost. The exception is a stored document that is not UTF-8: its bytes are not
 * known, so only its version is compared.
 */

import { type ItemResult, itemResultOf, unwrapOne } from '../async/item-results.js';
import { sendEach, sendValidItems } from '../async/send-batches.js';
import type { Dialect } from '../model/device.js';
import { documentText } from '../model/document-limits.js';
import { DevstateError, notFoundError, quote } from '../model/errors.js';
import { validId } from '../model/identifiers.js';
import type { JsonObject } from '../model/json.js';
import { jsonEqual } from '../model/json-equality.js';
import { validNumber } from '../model/numeric-options.js';
import {
  isUnchanged,
  NOT_UTF8,
  parseStored,
  type ReadText,
  type StoredText,
} from '../model/stored-document.js';
import { dialectToTryFirst, readDeviceIn } from '../query/read-devices.js';
import { mapItemsByPartition } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import { retryUntilDone } from '../store/retry.js';
import { runInChunks } from '../store/script-chunks.js';
import { SET_DESIRED } from '../store/scripts.js';
import { diffPatch } from './changes.js';
import { mergePatch } from './merge-patch.js';

const DESIRED_FIELDS = ['desired', 'devstate'] as const;

/** The expected text, for the script, of a desired state that is not UTF-8: it is replaced whatever it is. */
const ANY_TEXT = 'any';

export interface DesiredOptions {
  /** The change is made only if the desired state has this version; otherwise it fails with CONFLICT. */
  ifVersion?: number;
  /** True: the document replaces the desired state. False (default): it is merged into the desired state. */
  replace?: boolean;
}

export interface DesiredResult {
  deviceId: string;
  /** The whole desired state after the change. */
  desired: JsonObject;
  /** How many times the desired state has changed, this change included; 0: it was never changed. */
  version: number;
  /** True: the desired state changed. False: it already was as requested, so nothing was written or published. */
  changed: boolean;
}

/**
 * Merges a JSON merge patch (RFC 7396, https://www.rfc-editor.org/rfc/rfc7396) into the desired state of a device, and
 * publishes the change on the device's command channel. If another client changes the desired state at the same time,
 * the change is attempted again, for at most the request timeout.
 * @param document the patch; with the option `replace` the whole new desired state, which also replaces a stored one that
 *   is broken
 * @throws DevstateError NOT_FOUND; CONFLICT: the version is not `ifVersion`, or other clients changed the desired state
 *   during every attempt; BAD_RECORD, USAGE, CONNECTION
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
 * Makes the same change to the desired state of many devices, each as `setDesired` does. The results are in the order
 * of the ids; each device succeeds or fails alone.
 * @throws DevstateError CONNECTION: no device was answered; USAGE: the fleet may not be written to
 */
export async function setDesiredAll(
  fleet: Fleet,
  ids: readonly string[],
  document: JsonObject,
  options: DesiredOptions = {},
): Promise<ItemResult<DesiredResult>[]> {
  fleet.assertWritable(SET_DESIRED.name);
  const { ifVersion } = options;
  if (ifVersion !== undefined) validNumber('ifVersion', ifVersion, 0, Number.MAX_SAFE_INTEGER);
  return sendValidItems(ids, validId, (all) =>
    mapItemsByPartition(fleet, all, (partition, group) =>
      runInChunks(group, (chunk) => sendEach(chunk, (id) => setOne(fleet, partition, id, document, options))),
    ),
  );
}

async function setOne(
  fleet: Fleet,
  partition: Partition,
  id: string,
  document: JsonObject,
  { ifVersion, replace = false }: DesiredOptions,
): Promise<DesiredResult> {
  let { version, text } = await readDesired(partition, id, await dialectToTryFirst(fleet));
  return retryUntilDone(partition.requestTimeoutMs, async () => {
    if (ifVersion !== undefined && version !== ifVersion) throw versionConflict(id, version, ifVersion);
    const stored = itemResultOf(() => parseStored(id, 'the desired state', text || '{}'));
    const isBroken = stored instanceof DevstateError;
    if (isBroken && !replace) throw stored;
    const before = isBroken ? {} : stored;
    const desired = mergePatch(replace ? {} : before, document);
    const desiredJson = documentText(desired);
    if (!isBroken && jsonEqual(desired, before))
      return { deviceId: id, desired: before, version, changed: false };
    const patch = documentText(replace ? diffPatch(before, desired) : document);
    const expectedText = text === NOT_UTF8 ? ANY_TEXT : text;
    const change = { id, expectedVersion: version, expectedText, desired: desiredJson, patch };
    const { reply } = await partition.run(SET_DESIRED, {}, [change], partition.keys.commandsChannel(id));
    const [code, detail, storedText] = reply;
    if (code === 0) throw notFoundError(id);
    if (code === 1) return { deviceId: id, desired, version: Number(detail), changed: true };
    const found = { version: Number(detail), text: String(storedText) };
    text = isUnchanged({ version, text }, found) ? NOT_UTF8 : found.text;
    version = found.version;
    return undefined;
  });
}

async function readDesired(
  partition: Partition,
  id: string,
  dialect: Dialect,
): Promise<StoredText<ReadText>> {
  try {
    const { desiredVersion, desiredJson } = await readDeviceIn(partition, id, dialect, DESIRED_FIELDS);
    return { version: desiredVersion, text: desiredJson };
  } catch (error) {
    if (!(error instanceof DevstateError && error.reason === 'BROKEN_DOCUMENT')) throw error;
    const { desiredVersion } = await readDeviceIn(partition, id, dialect, ['devstate']);
    return { version: desiredVersion, text: NOT_UTF8 };
  }
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
