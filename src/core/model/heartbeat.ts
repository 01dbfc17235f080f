/** A heartbeat as it is sent, and its result. */
import type { JsonObject } from './json.js';

export interface Heartbeat {
  id: string;
  /** JSON object text that replaces the report, as in the article. */
  reportedJson?: string;
  /** Merged into the report (RFC 7396) instead of replacing it. */
  patch?: JsonObject;
  /** How long this beat lasts, ms; not given: the device's own TTL, else the default. */
  ttl?: number;
  /** The type to register the device with, if it is unknown. */
  registerAs?: string;
}

export interface HeartbeatResult {
  deviceId: string;
  status: 'online';
  /** The heartbeat key did not exist. */
  wasOffline: boolean;
  /** When the beat was recorded, by the server's clock, ms. */
  lastSeen: number;
  /** When the heartbeat key expires, ms. */
  expiresAt: number;
  /** The version of the desired state: the device can see from it whether that changed. */
  desiredVersion: number;
}
