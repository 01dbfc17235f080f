/**
 * What a device is: its identity, its state as one value, and the presence event.
 * All times are milliseconds since the epoch, on the Redis server's clock.
 */
import { quote, usageError } from './errors.js';

export type Status = 'online' | 'offline';
export type Dialect = 'node' | 'python';

/**
 * The state of one device with its documents as the exact JSON text that Redis holds.
 * `null` is what is absent or never happened.
 */
export interface DeviceRecord {
  deviceId: string;
  deviceType: string | null;
  /** Online if and only if the heartbeat key exists. */
  status: Status;
  lastSeen: number | null;
  registeredAt: number | null;
  /** When the heartbeat key expires; null: offline, or online without a TTL. */
  expiresAt: number | null;
  reportedJson: string;
  desiredJson: string;
  metadataJson: string;
  /** Versions count changes from 1; 0: none. */
  reportedVersion: number;
  reportedAt: number | null;
  desiredVersion: number;
  desiredAt: number | null;
  /** Transitions announced for this registration; odd: last announced online. */
  presenceSeq: number;
  presenceAt: number | null;
  /** The device's own heartbeat TTL in ms; null: the default. */
  heartbeatTtl: number | null;
}

export type PresenceReason = 'heartbeat' | 'timeout' | 'disconnect' | 'unregister' | 'observed';

/** One transition of one device. */
export interface PresenceEvent {
  /** Position in the log; null: another program's event, which was only published. */
  id: string | null;
  type: 'presence';
  deviceId: string;
  deviceType: string | null;
  status: Status;
  /** When it happened, ms; of a timeout: the deadline that passed. */
  timestamp: number;
  /** Rises by one with each of a registration's transitions. */
  seq: number | null;
  reason: PresenceReason | null;
  /** When the transition before it happened, ms; null: not known. */
  previousAt: number | null;
}

/** How long a heartbeat holds where neither the call nor the device says otherwise: the article's 60 s. */
export const DEFAULT_TTL_MS = 60_000;

/** A TTL in whole ms, at least 1. @throws DevstateError USAGE */
export function validTtl(ms: number): number {
  const whole = Math.round(ms);
  if (!Number.isSafeInteger(whole) || whole < 1) throw usageError(`a TTL must be at least 1 ms, not ${ms}`);
  return whole;
}

const MAX_NAME_BYTES = 256;
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * A device id: 1 to 256 bytes of UTF-8, no control characters, no white space at either end.
 * @throws DevstateError USAGE
 */
export function validId(id: string): string {
  if (id === '-') throw usageError('"-" is not a device id', 'it stands for standard input');
  return validName(id, 'device id');
}

/** A device type: as an id. */
export function validType(type: string): string {
  return validName(type, 'device type');
}

function validName(name: unknown, what: string): string {
  if (typeof name !== 'string') throw usageError(`a ${what} must be a string`);
  if (name === '') throw usageError(`a ${what} must not be empty`);
  if (CONTROL.test(name)) throw usageError(`a ${what} must not hold control characters: ${quote(name)}`);
  if (LONE_SURROGATE.test(name)) throw usageError(`a ${what} must be valid UTF-8: ${quote(name)}`);
  if (name !== name.trim()) {
    throw usageError(`a ${what} must not begin or end with white space: ${quote(name)}`);
  }
  if (Buffer.byteLength(name) > MAX_NAME_BYTES)
    throw usageError(`a ${what} must not exceed ${MAX_NAME_BYTES} bytes`);
  return name;
}
