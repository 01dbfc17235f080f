/** The library: what `import … from 'devstate'` gives. */

export type { Strategy } from './core/detector.js';
export type { DeviceRecord, Dialect, PresenceEvent, PresenceReason, Status } from './core/device.js';
export { DevstateError, type ErrorCode } from './core/errors.js';
export type { HeartbeatResult } from './core/heartbeats.js';
export { type DeviceState, DeviceStateManager, type Document, type ManagerOptions } from './core/manager.js';
export {
  OfflineDetector,
  type OfflineDetectorEvents,
  type OfflineDetectorOptions,
} from './core/offline-detector.js';
export type { FeedOptions } from './core/presence.js';
export type { Gap, Since } from './core/presence-log.js';
export type { Registration } from './core/registry.js';
export type { DesiredOptions } from './core/shadows.js';
