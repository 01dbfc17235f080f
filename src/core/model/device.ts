/**
 * A device: its identity and its state as one value. A device is online if and only if its heartbeat key
 * exists; no stored field decides that. All times are milliseconds since the epoch, by the Redis server's clock.
 */

export type Status = 'online' | 'offline';

/** Which of the article's programs wrote the records: they differ in field names and in the unit of time. */
export type Dialect = 'node' | 'python';

/**
 * The state of one device. The documents are the exact JSON text that Redis holds. The value null means that the record
 * lacks it, or that it has not happened.
 */
export interface DeviceRecord {
  deviceId: string;
  deviceType: string | null;
  /** Online if and only if the heartbeat key exists. */
  status: Status;
  /** When the last heartbeat was recorded, ms. */
  lastSeen: number | null;
  /** ms */
  registeredAt: number | null;
  /** When the heartbeat key expires, ms; null: offline, or online without a TTL. */
  expiresAt: number | null;
  reportedJson: string;
  desiredJson: string;
  metadataJson: string;
  /** The number of changes of the reported document; 0: never changed. */
  reportedVersion: number;
  /** When the reported document last changed, ms. */
  reportedAt: number | null;
  /** The number of changes of the desired document; 0: never changed. */
  desiredVersion: number;
  /** When the desired document last changed, ms. */
  desiredAt: number | null;
  /** The number of presence events since the registration; odd: the last one was "online". */
  presenceSeq: number;
  /** The time of the last presence event, ms. */
  presenceAt: number | null;
  /** The device's own heartbeat TTL, ms; null: the caller's default applies. */
  heartbeatTtl: number | null;
}
