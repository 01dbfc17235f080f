/** A device with its documents parsed: what `get` and `list --with-state` show. */

import type { PastDocument, PastState } from '../../core/history/state-at.js';
import type { DeviceRecord } from '../../core/model/device.js';
import { type JsonObject, toJson } from '../../core/model/json.js';
import { parseStored } from '../../core/model/stored-document.js';

import type { ShownDevice } from '../shared/device-columns.js';

export interface WholeDevice extends ShownDevice {
  /** The reported state; null: not known at the past moment that was asked for. */
  reportedState: JsonObject | null;
  /** The desired state; null: not known at the past moment that was asked for. */
  desiredState: JsonObject | null;
  metadata: JsonObject;
}

/**
 * Parses the documents of a device's record.
 * @throws DevstateError BAD_RECORD: a stored document is no JSON object
 */
export function wholeDevice(record: DeviceRecord): WholeDevice {
  const { deviceId, reportedJson, desiredJson, metadataJson } = record;
  return {
    ...record,
    reportedState: parseStored(deviceId, 'the report', reportedJson),
    desiredState: parseStored(deviceId, 'the desired state', desiredJson),
    metadata: parseStored(deviceId, 'the metadata', metadataJson),
  };
}

/**
 * Returns a device as history knows it at a past moment. Type, metadata and TTL have no history, so they are the
 * current ones.
 * @throws DevstateError BAD_RECORD: the stored metadata is no JSON object
 */
export function pastDevice(past: PastState): WholeDevice {
  const { record, reported, desired } = past;
  return {
    ...record,
    status: past.status,
    lastSeen: past.lastSeen,
    expiresAt: null,
    presenceSeq: past.presenceSeq,
    presenceAt: past.presenceAt,
    reportedJson: documentText(reported),
    reportedState: reported?.value ?? null,
    reportedVersion: reported?.version ?? 0,
    reportedAt: reported?.at ?? null,
    desiredJson: documentText(desired),
    desiredState: desired?.value ?? null,
    desiredVersion: desired?.version ?? 0,
    desiredAt: desired?.at ?? null,
    metadata: parseStored(record.deviceId, 'the metadata', record.metadataJson),
  };
}

function documentText(document: PastDocument | null): string {
  return document ? toJson(document.value) : '-';
}
