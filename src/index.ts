/** The library: all that `import … from 'devstate'` offers, including every type that a public signature uses. */

export type { Strategy } from './core/detection/detect-options.js';
export type { DeviceRecord, Dialect, Status } from './core/model/device.js';
export type { ErrorDetails, ErrorReason } from './core/model/error-reasons.js';
export {
  DevstateError,
  type DevstateErrorOptions,
  type ErrorCode,
  type Outcome,
} from './core/model/errors.js';
export type { HeartbeatResult } from './core/model/heartbeat.js';
export type { PresenceEvent, PresenceReason } from './core/model/presence-event.js';
export type { FeedOptions } from './core/presence/feed.js';
export type { Gap, Since } from './core/presence/log-reader.js';
export type { OutageListener } from './core/pubsub/outage-notice.js';
export type { Registration } from './core/registry/registration.js';
export type { DesiredOptions } from './core/shadow/desired.js';
export type { FleetOptions } from './core/store/fleet.js';
export type { ClientOptions, RedisClient } from './library/caller-client.js';
export type { DeviceHeartbeat, DeviceRegistration } from './library/device-input.js';
export type { DesiredStateResult, DeviceState, StateDelta } from './library/device-results.js';
export { DeviceStateManager, type ManagerOptions } from './library/device-state-manager.js';
export type { Document } from './library/documents.js';
export {
  OfflineDetector,
  type OfflineDetectorEvents,
  type OfflineDetectorOptions,
} from './library/offline-detector.js';
