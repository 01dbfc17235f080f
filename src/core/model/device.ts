/**
 * The type of a device as devstate returns it: its identity and its state. A device is online if and only if its
 * heartbeat key exists; no stored field decides that. All times are ms since the epoch, by the Redis server's clock.
 */

export type Status = 'online' | 'offline';

/**
 * How records are written: as by the Node or by the Python program of the article that devstate is compatible with. The
 * two differ in the names of the fields and in the unit of time.
 */
export type Dialect = 'node' | 'python';

/**
 * The state of one device. The documents (`…Json`) are the exact JSON text that Redis holds. A member is null if the
 * record lacks the value, or if the event whose time it would be has not happened.
 */
export interface DeviceRecord {
  deviceId: string;
  deviceType: string | null;
  /** Online if and only if the heartbeat key exists. */
  status: Status;
  /** When the last heartbeat was recorded, ms. */
  lastSeen: number | null;
  /** When the device was registered, ms. */
  registeredAt: number | null;
  /** When the heartbeat key expires, ms; null: the device is offline, or another program gave the key no TTL. */
  expiresAt: number | null;
  reportedJson: string;
  desiredJson: string;
  metadataJson: string;
  /** How many times the reported document has changed; 0: never. */
  reportedVersion: number;
  /** When the reported document last changed, ms. */
  reportedAt: number | null;
  /** How many times the desired document has changed; 0: never. */
  desiredVersion: number;
  /** When the desired document last changed, ms. */
  desiredAt: number | null;
  /**
   * How many presence events the device has had since its registration; if the number is odd, the last was "online".
   */
  presenceSeq: number;
  /** The time of the device's last presence event, ms. */
  presenceAt: number | null;
  /**
   * The heartbeat TTL that the device was registered with, ms; null: none, so the default TTL of the sender applies.
   */
  heartbeatTtl: number | null;
}
