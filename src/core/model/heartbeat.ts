/** A heartbeat as it is sent, its TTL, and its result. */
import { usageError } from './errors.js';
import type { JsonObject } from './json.js';

/** The TTL of a heartbeat if neither the call nor the device has one. It is the article's. */
export const DEFAULT_TTL_MS = 60_000;

/** Returns the TTL as a whole number of ms, at least 1. @throws DevstateError USAGE */
export function validTtl(ms: number): number {
  const whole = Math.round(ms);
  if (!Number.isSafeInteger(whole) || whole < 1) throw usageError(`a TTL must be at least 1 ms, not ${ms}`);
  return whole;
}

export interface Heartbeat {
  id: string;
  /** JSON text of an object that replaces the reported document, as in the article. */
  reportedJson?: string;
  /** Merged into the reported document (RFC 7396) instead of replacing it. */
  patch?: JsonObject;
  /** The TTL of this heartbeat, ms; undefined: the device's own TTL, else the caller's default. */
  ttl?: number;
  /** If the device is not registered, it is registered with this type first. */
  registerAs?: string;
}

export interface HeartbeatResult {
  deviceId: string;
  status: 'online';
  /** Whether the heartbeat key did not exist. */
  wasOffline: boolean;
  /** When the heartbeat was recorded, by the server's clock, ms. */
  lastSeen: number;
  /** When the heartbeat key expires, ms. */
  expiresAt: number;
  /** The version of the desired document: the device can see from it whether the document changed. */
  desiredVersion: number;
}
