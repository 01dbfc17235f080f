/** How devices are shown: the sheet of one, the rows of a list, with or without documents. */

import type { PastDocument, PastState } from '../../core/history/state-at.js';
import type { DeviceRecord, Status } from '../../core/model/device.js';
import { type JsonObject, toJson } from '../../core/model/json.js';
import { parseStored } from '../../core/query/read-devices.js';
import { durationText, type Times } from '../../output/times.js';
import type { Column, SheetRow, Tone, View } from '../../output/view.js';

/** A device now, or at a moment of which not all is known: null, and `-` for a document's text. */
type ShownDevice = Omit<DeviceRecord, 'status'> & { status: Status | null };

/** A device with its documents, which were found to be JSON objects. */
export interface WholeDevice extends ShownDevice {
  reportedState: JsonObject | null;
  desiredState: JsonObject | null;
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

/** What is known of a device at a moment. Metadata, type and TTL are today's. @throws BAD_RECORD */
export function pastDevice(past: PastState): WholeDevice {
  const { record, reported, desired } = past;
  const text = (document: PastDocument | null) => (document ? toJson(document.value) : '-');
  return {
    ...record,
    status: past.status,
    lastSeen: past.lastSeen,
    expiresAt: null,
    presenceSeq: past.presenceSeq,
    presenceAt: past.presenceAt,
    reportedJson: text(reported),
    reportedState: reported?.value ?? null,
    reportedVersion: reported?.version ?? 0,
    reportedAt: reported?.at ?? null,
    desiredJson: text(desired),
    desiredState: desired?.value ?? null,
    desiredVersion: desired?.version ?? 0,
    desiredAt: desired?.at ?? null,
    metadata: parseStored(record.deviceId, 'the metadata', record.metadataJson),
  };
}

function column<Row>(header: string, cell: Column<Row>['cell']): Column<Row> {
  return { header, cell };
}

type Known<Field extends keyof ShownDevice> = Pick<ShownDevice, Field>;

/** What every list shows of a device first. */
export const IDENTITY: readonly Column<Known<'deviceId' | 'deviceType' | 'status'>>[] = [
  column('DEVICE', ({ deviceId }) => deviceId),
  column('TYPE', ({ deviceType }) => deviceType ?? '-'),
  {
    header: 'STATUS',
    cell: ({ status }) => status ?? '-',
    tone: ({ status }) => toneOf(status),
  },
];
export const SEEN = column<Known<'lastSeen'>>('LAST-SEEN', ({ lastSeen }, times) => times.ago(lastSeen));
export const EXPIRES = column<Known<'expiresAt'>>('EXPIRES', ({ expiresAt }, times) =>
  times.until(expiresAt),
);
export const REGISTERED = column<Known<'registeredAt'>>('REGISTERED', ({ registeredAt }, times) =>
  times.ago(registeredAt),
);
export const METADATA = column<Known<'metadataJson'>>('METADATA', ({ metadataJson }) => metadataJson);
/** Of a past moment it may not be known. */
const SEEN_THEN = column<ShownDevice>('LAST-SEEN', lastSeenText);
const DOCUMENTS = [
  column<ShownDevice>('REPORTED', ({ reportedJson }) => reportedJson),
  column<ShownDevice>('DESIRED', ({ desiredJson }) => desiredJson),
  METADATA,
];

/** History does not keep when a device was seen, only that it came and went. */
function lastSeenText({ lastSeen, status, presenceSeq }: ShownDevice, times: Times): string {
  return lastSeen === null && (status === null || presenceSeq > 0) ? 'unknown' : times.ago(lastSeen);
}

function toneOf(status: Status | null): Tone | undefined {
  if (status === null) return undefined;
  return status === 'online' ? 'good' : 'bad';
}

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
  columns: [...IDENTITY, SEEN, EXPIRES],
  wide: DOCUMENTS,
  empty: 'no devices',
};

const wholeFields = [...SUMMARY_FIELDS, ...DOCUMENT_FIELDS, ...SHADOW_FIELDS];
export const WHOLE_DEVICE: View<WholeDevice> = {
  fields: wholeFields,
  json: (row) => pick(row, wholeFields),
  name: ({ deviceId }) => deviceId,
  columns: [...IDENTITY, SEEN_THEN, EXPIRES],
  wide: DOCUMENTS,
  empty: 'no devices',
  sheet,
};

function sheet(device: WholeDevice, times: Times): readonly SheetRow[] {
  const document = (value: JsonObject | null, version: number, at: number | null) => {
    if (value === null) return 'unknown';
    return [...linesOf(value), ...(version > 0 ? [`version ${version}, ${times.ago(at)}`] : [])];
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
    ['TTL', heartbeatTtl === null ? 'default' : durationText(heartbeatTtl)],
    ['REPORTED', document(device.reportedState, device.reportedVersion, device.reportedAt)],
    ['DESIRED', document(device.desiredState, device.desiredVersion, device.desiredAt)],
    ['METADATA', linesOf(device.metadata)],
  ];
}

/** Within its strings JSON has no line breaks. */
function linesOf(document: JsonObject): string[] {
  return toJson(document, 2).split('\n');
}
