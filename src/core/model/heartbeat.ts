/** The types of a heartbeat that a device sends and of its result, and the rules of its TTL. */
import { usageError } from './errors.js';
import type { JsonObject } from './json.js';
import { MAX_DURATION_MS } from './numeric-options.js';

/**
 * The TTL of a heartbeat if neither the call nor the device has one, ms. The programs of the article that
 * devstate is compatible with use the same TTL.
 */
export const DEFAULT_TTL_MS = 60_000;

/**
 * Returns a TTL, rounded to whole ms.
 * @throws DevstateError USAGE: it is less than 1 ms, more than 3650 days, or not a number
 */
export function validTtl(ms: number): number {
  const whole = Math.round(ms);
  if (Number.isNaN(whole) || whole < 1) throw usageError(`a TTL must be at least 1 ms, not ${ms}`);
  if (whole > MAX_DURATION_MS) throw usageError('a TTL must be at most 3650d');
  return whole;
}

export interface Heartbeat {
  id: string;
  /** The JSON text of an object that replaces the reported document. */
  reportedJson?: string;
  /** A JSON merge patch (RFC 7396) that is merged into the reported document, instead of replacing it. */
  patch?: JsonObject;
  /** The TTL of this heartbeat, ms; undefined: the TTL that the device is registered with, else the default TTL. */
  ttl?: number;
  /** The type with which the device is registered before the heartbeat, if it is not registered yet. */
  registerAs?: string;
}

export interface HeartbeatResult {
  deviceId: string;
  status: 'online';
  /**
   * True: the device was offline before this heartbeat (it had no heartbeat key). False: it was online already, or its
   * heartbeats could not arrive and it resumes without having been announced offline. A device with a login of its own
   * cannot know the latter: it gets true whenever it had no heartbeat key. Null: not known, because the connection was
   * lost before the answer and the heartbeat was sent again.
   */
  wasOffline: boolean | null;
  /** When the heartbeat was recorded, by the server's clock, epoch ms. */
  lastSeen: number;
  /** When the heartbeat key expires, by the server's clock, epoch ms. */
  expiresAt: number;
  /** The current version of the desired document. A device that knows an older one should read the document again. */
  desiredVersion: number;
}
