/** What the methods of the library return about a device: results of `core/`, with documents as JavaScript values. */
import type { DeviceRecord } from '../core/model/device.js';
import { toJson } from '../core/model/json.js';
import { toPlainObject } from '../core/model/plain-json.js';
import type { Delta } from '../core/shadow/delta.js';
import type { DesiredResult } from '../core/shadow/desired.js';
import { type Document, toPlainDocument } from './documents.js';

/**
 * The state of a device. Each document has two fields: one with JavaScript values (`reportedState`), and one with the
 * exact JSON text (`reportedJson`).
 */
export interface DeviceState extends DeviceRecord {
  reportedState: Document;
  desiredState: Document;
  metadata: Document;
}

export interface DesiredStateResult {
  deviceId: string;
  /** The whole desired state after the change. */
  desiredState: Document;
  /** The exact JSON text of `desiredState`. */
  desiredJson: string;
  /** The version of the desired state: the number of its changes so far; 0: it was never changed. */
  version: number;
  /** True: the change was written and published. False: the desired state already was as requested; nothing was. */
  changed: boolean;
}

export interface StateDelta {
  deviceId: string;
  /** True: the reported state has everything that is desired. False: at least one desired key differs or is absent. */
  inSync: boolean;
  /** For each top-level key that differs: `{ desired, reported }`; null stands for an absent key. */
  delta: Document;
  /** The JSON merge patch (RFC 7396) that would give the reported state everything that is desired. */
  patch: Document;
}

/** Parses the documents of a record into JavaScript values. @throws DevstateError BAD_RECORD: one is not valid */
export function toDeviceState(record: DeviceRecord): DeviceState {
  const { deviceId, reportedJson, desiredJson, metadataJson } = record;
  return {
    ...record,
    reportedState: toPlainDocument(deviceId, 'the report', reportedJson),
    desiredState: toPlainDocument(deviceId, 'the desired state', desiredJson),
    metadata: toPlainDocument(deviceId, 'the metadata', metadataJson),
  };
}

export function toDesiredStateResult({
  deviceId,
  desired,
  version,
  changed,
}: DesiredResult): DesiredStateResult {
  return { deviceId, desiredState: toPlainObject(desired), desiredJson: toJson(desired), version, changed };
}

export function toStateDelta(deviceId: string, { inSync, delta, patch }: Delta): StateDelta {
  return { deviceId, inSync, delta: toPlainObject(delta), patch: toPlainObject(patch) };
}
