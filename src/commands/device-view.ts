/** How devices are shown: the sheet of one, the rows of a list, with or without documents. */
import type { DeviceRecord } from '../core/device.js';
import { type JsonObject, toJson } from '../core/json.js';
import { parseStored } from '../core/records.js';
import { durationText, type Times } from '../output/times.js';
import type { Column, View } from '../output/view.js';

/** A device whose documents were found to be JSON objects. */
export interface WholeDevice extends DeviceRecord {
  reportedState: JsonObject;
  desiredState: JsonObject;
  metadata: JsonObject;
}

/** @throws DevstateError BAD_RECORD */
export function wholeDevice(record: DeviceRecord): WholeDevice {
  const { deviceId, reportedJson, desiredJson, metadataJson } = record;
  return {
    ...record,
    reportedState: parseStored(deviceId, 'the report', reportedJson),
    desiredState: parseStored(deviceId, 'the desired state', desiredJson),
    metadata: parseStored(deviceId, 'the metadata', metadataJson),
  };
}

const column = (header: string, cell: Column<DeviceRecord>['cell']): Column<DeviceRecord> => ({
  header,
  cell,
});

export const DEVICE: readonly Column<DeviceRecord>[] = [
  column('DEVICE', ({ deviceId }) => deviceId),
  column('TYPE', ({ deviceType }) => deviceType ?? '-'),
  {
    header: 'STATUS',
    cell: ({ status }) => status,
    tone: ({ status }) => (status === 'online' ? 'good' : 'bad'),
  },
  column('LAST-SEEN', ({ lastSeen }, times) => times.ago(lastSeen)),
];
export const EXPIRES = column('EXPIRES', ({ expiresAt }, times) => times.until(expiresAt));
export const REGISTERED = column('REGISTERED', ({ registeredAt }, times) => times.ago(registeredAt));
export const METADATA = column('METADATA', ({ metadataJson }) => metadataJson);
const DOCUMENTS = [
  column('REPORTED', ({ reportedJson }) => reportedJson),
  column('DESIRED', ({ desiredJson }) => desiredJson),
  METADATA,
];

/** What a list shows of a device. */
const SUMMARY_FIELDS = ['deviceId', 'deviceType', 'status', 'lastSeen', 'registeredAt', 'expiresAt'] as const;
const DOCUMENT_FIELDS = ['reportedState', 'desiredState', 'metadata'] as const;
const SHADOW_FIELDS = [
  'reportedVersion',
  'reportedAt',
  'desiredVersion',
  'desiredAt',
  'presenceSeq',
  'presenceAt',
  'heartbeatTtl',
] as const;

/** Some properties of a row as its JSON output. */
export function pick<Row, Field extends keyof Row & string>(
  row: Row,
  fields: readonly Field[],
): Record<string, unknown> {
  return Object.fromEntries(fields.map((field) => [field, row[field]]));
}

const listFields = [...SUMMARY_FIELDS, ...SHADOW_FIELDS];
export const DEVICE_LIST: View<DeviceRecord> = {
  fields: listFields,
  json: (row) => pick(row, listFields),
  name: ({ deviceId }) => deviceId,
  columns: [...DEVICE, EXPIRES],
  wide: DOCUMENTS,
  empty: 'no devices',
};

const wholeFields = [...SUMMARY_FIELDS, ...DOCUMENT_FIELDS, ...SHADOW_FIELDS];
export const WHOLE_DEVICE: View<WholeDevice> = {
  fields: wholeFields,
  json: (row) => pick(row, wholeFields),
  name: ({ deviceId }) => deviceId,
  columns: [...DEVICE, EXPIRES],
  wide: DOCUMENTS,
  empty: 'no devices',
  sheet,
};

function sheet(device: WholeDevice, times: Times) {
  const document = (value: JsonObject, version: number, at: number | null): string =>
    `${toJson(value, 2)}${version > 0 ? `\nversion ${version}, ${times.ago(at)}` : ''}`;
  const { status, presenceAt, presenceSeq, heartbeatTtl } = device;
  const rows: [string, string, ('good' | 'bad')?][] = [
    ['DEVICE', device.deviceId],
    ['TYPE', device.deviceType ?? '-'],
    ['STATUS', status, status === 'online' ? 'good' : 'bad'],
    ['LAST-SEEN', times.ago(device.lastSeen)],
    ['EXPIRES', times.until(device.expiresAt)],
    ['REGISTERED', times.ago(device.registeredAt)],
    ['PRESENCE', presenceSeq > 0 ? `transition ${presenceSeq}, ${times.ago(presenceAt)}` : '-'],
    ['TTL', heartbeatTtl === null ? 'default' : durationText(heartbeatTtl)],
    ['REPORTED', document(device.reportedState, device.reportedVersion, device.reportedAt)],
    ['DESIRED', document(device.desiredState, device.desiredVersion, device.desiredAt)],
    ['METADATA', toJson(device.metadata, 2)],
  ];
  return rows;
}
