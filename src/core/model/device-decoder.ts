/**
 * Decodes the hash fields of a record and the TTL of its heartbeat key into a `DeviceRecord`. Other programs write records
 * too: an absent field gives null, 0 or `{}`, and so does a number or time that is not valid. The type and the documents
 * must be valid UTF-8. The JSON text of documents is passed on unchecked; `parseStored` checks it when it is parsed.
 */
import type { DeviceRecord, Dialect } from './device.js';
import { decodeInstant, type FieldName } from './dialect.js';
import { type ReadText, validText } from './stored-document.js';

/** The reply of the Redis command PTTL for a key that does not exist. For a heartbeat key: the device is offline. */
export const GONE_PTTL = -2;

/** What a read of a heartbeat key's TTL found: from it follows whether the device is online, and until when. */
export interface PttlReading {
  /** The reply of PTTL, ms; negative: the key has no TTL, or does not exist (`GONE_PTTL`). */
  pttl: number;
  /** The server's time when it replied to PTTL, epoch ms. */
  now: number;
}

/**
 * Returns the status of a device and when its heartbeat key expires. A device is online if and only if the key exists.
 */
export function livenessOf({ pttl, now }: PttlReading): Pick<DeviceRecord, 'status' | 'expiresAt'> {
  return { status: pttl === GONE_PTTL ? 'offline' : 'online', expiresAt: pttl >= 0 ? now + pttl : null };
}

/** How many numbers the field `devstate` holds. */
const PACKED_COUNT = 7;

/**
 * Returns the seven numbers that the record's field `devstate` holds: version and time of the reported document,
 * version and time of the desired document, seq and time of the last presence event, the device's TTL; times and TTL in
 * ms. A number that is absent, not valid, or has more than 15 digits is 0: other programs write records too.
 */
export function decodePacked(text: ReadText | null | undefined): number[] {
  const numbers = (typeof text === 'string' ? text : '')
    .split(' ', PACKED_COUNT)
    .map((part) => (/^\d{1,15}$/.test(part) ? Number(part) : 0));
  return Array.from({ length: PACKED_COUNT }, (_, i) => numbers[i] ?? 0);
}

/** Returns the field `devstate` with these numbers, in the order of `decodePacked`. */
export function encodePacked(numbers: readonly number[]): string {
  return numbers.join(' ');
}

const NOTHING_PACKED = decodePacked(undefined);

/**
 * Returns a function that makes a `DeviceRecord` from the values of a record's `fields`, which must be given in the
 * order of `fields`. All other fields are decoded as absent. The function throws DevstateError BAD_RECORD if the type or a
 * document is not valid UTF-8.
 */
export function recordDecoder(
  dialect: Dialect,
  fields: readonly FieldName[],
): (id: string, values: readonly (ReadText | null)[], ttl: PttlReading) => DeviceRecord {
  // The positions of the fields are looked up once, not in the returned function, because that function may be called
  // for every device of a large fleet.
  const type = fields.indexOf('type');
  const lastSeen = fields.indexOf('lastSeen');
  const registered = fields.indexOf('registered');
  const reported = fields.indexOf('reported');
  const desired = fields.indexOf('desired');
  const metadata = fields.indexOf('metadata');
  const devstate = fields.indexOf('devstate');
  return (id, values, ttl) => {
    const packed = values[devstate] ? decodePacked(values[devstate]) : NOTHING_PACKED;
    const [
      reportedVersion = 0,
      reportedAt,
      desiredVersion = 0,
      desiredAt,
      presenceSeq = 0,
      presenceAt,
      ttlMs,
    ] = packed;
    return {
      deviceId: id,
      deviceType: validText(id, 'the type', values[type]) ?? null,
      ...livenessOf(ttl),
      lastSeen: decodeInstant(dialect, values[lastSeen]),
      registeredAt: decodeInstant(dialect, values[registered]),
      reportedJson: validText(id, 'the report', values[reported]) || '{}',
      desiredJson: validText(id, 'the desired state', values[desired]) || '{}',
      metadataJson: validText(id, 'the metadata', values[metadata]) || '{}',
      reportedVersion,
      reportedAt: reportedAt || null,
      desiredVersion,
      desiredAt: desiredAt || null,
      presenceSeq,
      presenceAt: presenceAt || null,
      heartbeatTtl: ttlMs || null,
    };
  };
}
