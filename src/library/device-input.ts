/** What callers of the library pass about a device, and its conversion to what the functions in `core/` take. */
import type { Heartbeat } from '../core/model/heartbeat.js';
import type { Registrant } from '../core/registry/registration.js';
import { textOf, toDocument } from './documents.js';

/** A device to register, or to update if it is registered already. */
export interface DeviceRegistration {
  /** 1 to 256 bytes of UTF-8, not "-", without control characters, and without white space at either end. */
  deviceId: string;
  /** 1 to 256 bytes of UTF-8, without control characters, and without white space at either end. */
  deviceType: string;
  /** A JSON object that replaces the metadata. Not given: the metadata is unchanged; empty for a new device. */
  metadata?: object;
  /** The device's own heartbeat TTL, ms. Not given: it is unchanged; a new device uses the default TTL. */
  ttl?: number;
}

/** A heartbeat to send for a device, with the options that apply to this heartbeat alone. */
export interface DeviceHeartbeat {
  deviceId: string;
  /** A JSON object that replaces the reported state. Not given: the reported state is unchanged. */
  reportedState?: object;
  /**
   * True: `reportedState` is merged into the reported state as a JSON merge patch
   * (RFC 7396, https://www.rfc-editor.org/rfc/rfc7396). False (default): `reportedState` replaces the reported state.
   */
  merge?: boolean;
  /** The TTL of this heartbeat, ms. Not given: the device's own TTL, else the default TTL. */
  ttl?: number;
  /** If the device is not registered, it is first registered with this type. Not given: the heartbeat fails then. */
  registerAs?: string;
}

/**
 * Converts a device to register, as a caller of the library gives it, into the `Registrant` that `registerAll` takes:
 * the metadata object becomes JSON text.
 * @throws DevstateError USAGE: `metadata` is not a valid document
 */
export function toRegistrant({ deviceId, deviceType, metadata, ttl }: DeviceRegistration): Registrant {
  return {
    id: deviceId,
    type: deviceType,
    ...(isGiven(metadata) && { metadataJson: textOf(metadata) }),
    ...(ttl !== undefined && { ttl }),
  };
}

/**
 * Converts a heartbeat, as a caller of the library gives it, into the `Heartbeat` that the functions in `core/` take:
 * `reportedState` becomes a merge patch if `merge` is true, else JSON text.
 * @throws DevstateError USAGE: `reportedState` is not a valid document
 */
export function toHeartbeat({
  deviceId,
  reportedState,
  merge = false,
  ttl,
  registerAs,
}: DeviceHeartbeat): Heartbeat {
  return {
    id: deviceId,
    ...(isGiven(reportedState) && merge && { patch: toDocument(reportedState) }),
    ...(isGiven(reportedState) && !merge && { reportedJson: textOf(reportedState) }),
    ...(ttl !== undefined && { ttl }),
    ...(registerAs !== undefined && { registerAs }),
  };
}

/** Whether a document was given. If it is no object, as NaN from a caller without types, it is refused later. */
function isGiven(document: object | null | undefined): document is object {
  return document !== undefined && document !== null;
}
