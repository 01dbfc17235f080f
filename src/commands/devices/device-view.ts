/** How `get` and `list` show devices: as a sheet of one device, or as rows. */
import type { DeviceRecord } from '../../core/model/device.js';
import { type JsonObject, toJson } from '../../core/model/json.js';
import { formatDuration, type Times } from '../../output/times.js';
import type { Column, SheetRow, View } from '../../output/view.js';
import {
  EXPIRES,
  IDENTITY,
  LAST_SEEN,
  METADATA,
  type ShownDevice,
  toneOf,
} from '../shared/device-columns.js';
import { pickFields } from '../shared/pick-fields.js';
import type { WholeDevice } from './whole-device.js';

const SUMMARY_FIELDS = ['deviceId', 'deviceType', 'status', 'lastSeen', 'registeredAt', 'expiresAt'] as const;
const DOCUMENT_FIELDS = ['reportedState', 'desiredState', 'metadata'] as const;
const VERSION_FIELDS = [
  'reportedVersion',
  'reportedAt',
  'desiredVersion',
  'desiredAt',
  'presenceSeq',
  'presenceAt',
  'heartbeatTtl',
] as const;

const DOCUMENTS: readonly Column<ShownDevice>[] = [
  { header: 'REPORTED', cell: ({ reportedJson }) => reportedJson },
  { header: 'DESIRED', cell: ({ desiredJson }) => desiredJson },
  METADATA,
];

const listFields = [...SUMMARY_FIELDS, ...VERSION_FIELDS];
export const DEVICE_LIST: View<DeviceRecord> = {
  fields: listFields,
  json: (row) => pickFields(row, listFields),
  name: ({ deviceId }) => deviceId,
  columns: [...IDENTITY, LAST_SEEN, EXPIRES],
  wide: DOCUMENTS,
  emptyNotice: 'no devices',
};

const wholeFields = [...SUMMARY_FIELDS, ...DOCUMENT_FIELDS, ...VERSION_FIELDS];
export const WHOLE_DEVICE: View<WholeDevice> = {
  fields: wholeFields,
  json: (row) => pickFields(row, wholeFields),
  name: ({ deviceId }) => deviceId,
  columns: [...IDENTITY, { header: 'LAST-SEEN', cell: lastSeenText }, EXPIRES],
  wide: DOCUMENTS,
  emptyNotice: 'no devices',
  sheet: deviceSheet,
};

/**
 * Returns the text of LAST-SEEN. At a past moment `lastSeen` may be null although the device had been seen, because
 * history did not record when: the text is then `unknown`, not `never`.
 */
function lastSeenText({ lastSeen, status, presenceSeq }: ShownDevice, times: Times): string {
  return lastSeen === null && (status === null || presenceSeq > 0) ? 'unknown' : times.ago(lastSeen);
}

function deviceSheet(device: WholeDevice, times: Times): readonly SheetRow[] {
  const document = (value: JsonObject | null, version: number, at: number | null) => {
    if (value === null) return 'unknown';
    return [...jsonLines(value), ...(version > 0 ? [`version ${version}, ${times.ago(at)}`] : [])];
  };
  const { status, presenceAt, presenceSeq, heartbeatTtl } = device;
  return [
    ['DEVICE', device.deviceId],
    ['TYPE', device.deviceType ?? '-'],
    ['STATUS', status ?? 'unknown', toneOf(status)],
    ['LAST-SEEN', lastSeenText(device, times)],
    ['EXPIRES', times.until(device.expiresAt)],
    ['REGISTERED', times.ago(device.registeredAt)],
    ['PRESENCE', presenceSeq > 0 ? `transition ${presenceSeq}, ${times.ago(presenceAt)}` : '-'],
    ['TTL', heartbeatTtl === null ? 'default' : formatDuration(heartbeatTtl)],
    ['REPORTED', document(device.reportedState, device.reportedVersion, device.reportedAt)],
    ['DESIRED', document(device.desiredState, device.desiredVersion, device.desiredAt)],
    ['METADATA', jsonLines(device.metadata)],
  ];
}

/**
 * Returns a document as lines of indented JSON. The text can be split at its line breaks, because JSON escapes
 * line breaks within strings.
 */
function jsonLines(document: JsonObject): string[] {
  return toJson(document, 2).split('\n');
}
