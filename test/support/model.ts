/**
 * The data model in memory: how each operation of devstate and of the article's programs changes the devices, the
 * presence log and the pulse. Tests run the same operations on Redis and compare. The model has its own clock:
 * tests pass `now` to the scripts, and `pinKeys` sets the heartbeat keys to expire by it.
 */

import { parse, stringify } from 'lossless-json';
import type { DeviceRecord, Status } from '../../src/core/model/device.js';
import { parseJson } from '../../src/core/model/json.js';
import { jsonEqual } from '../../src/core/model/json-equality.js';
import type { PresenceReason } from '../../src/core/model/presence-event.js';
import type { SingleFleet } from './fleet.js';
import {
  addBeat,
  addSeen,
  type Caller,
  type ComputedPulse,
  computePulse,
  holdEnd,
  type Pulse,
} from './hold/pulse.js';

const DEFAULT_TTL = 60_000;
/** The tolerance of `near`, ms: scores that come from PTTL follow the real clock, which advances while a test waits. */
const TOLERANCE_MS = 25_000;

/** A presence event in the log and in the history. */
export interface ModelEvent {
  status: Status;
  at: number;
  reason: PresenceReason;
  seq: number;
}

/** A version of a report or of a desired state in the history. */
export interface ModelDocument {
  at: number;
  version: number;
  text: string;
}

/**
 * All data of an id. `record`: its hash exists; `known`: the hash has the id field, so the device is registered. The
 * article's programs can write a hash without that field.
 */
export interface ModelDevice {
  record: boolean;
  known: boolean;
  type: string;
  status: Status | '';
  lastSeen: number;
  registeredAt: number;
  reported: string;
  desired: string;
  ownTtl: number;
  seq: number;
  presenceAt: number;
  /** When the heartbeat key expires; null: there is no key. */
  key: number | null;
  registered: boolean;
  online: boolean;
  score: number | null;
  history: { reported: ModelDocument[]; desired: ModelDocument[]; presence: ModelEvent[] };
}

function noDevice(): ModelDevice {
  return {
    record: false,
    known: false,
    type: '',
    status: '',
    lastSeen: 0,
    registeredAt: 0,
    reported: '',
    desired: '',
    ownTtl: 0,
    seq: 0,
    presenceAt: 0,
    key: null,
    registered: false,
    online: false,
    score: null,
    history: { reported: [], desired: [], presence: [] },
  };
}

export class Model {
  now: number;
  readonly devices = new Map<string, ModelDevice>();
  /** All events of each device. After a registration, seq starts at 1 again. */
  readonly log = new Map<string, ModelEvent[]>();
  pulse: Pulse | undefined;
  longestTtl = DEFAULT_TTL;

  constructor(now: number) {
    this.now = now;
  }

  of(id: string): ModelDevice {
    const device = this.devices.get(id) ?? noDevice();
    this.devices.set(id, device);
    return device;
  }

  get ids(): string[] {
    return [...this.devices.keys()];
  }

  /** Advances the clock; heartbeat keys that are due expire. */
  pass(ms: number): void {
    this.now += ms;
    for (const device of this.devices.values())
      if (device.key !== null && device.key <= this.now) device.key = null;
  }

  register(id: string, type: string, ttl?: number, onlyIfNew = false): 'created' | 'updated' | 'conflict' {
    const device = this.of(id);
    if (device.known && onlyIfNew) return 'conflict';
    this.#noteTtl(ttl);
    const created = !device.known;
    device.registeredAt ||= this.now;
    device.status ||= 'offline';
    device.reported ||= '{}';
    device.desired ||= '{}';
    Object.assign(device, { record: true, known: true, registered: true, type });
    device.score ??= 0;
    device.ownTtl = ttl ?? device.ownTtl;
    return created ? 'created' : 'updated';
  }

  /** Returns for each device whether it had no heartbeat key; null: it is not registered. */
  heartbeats(beats: readonly { id: string; ttl?: number; reported?: string }[]): (boolean | null)[] {
    const pulse = this.#computePulse('beat');
    // A script for devices that stay online is sent first, then one for those with a report, then one for the others.
    const rank = ({ id, reported }: { id: string; reported?: string }) =>
      reported !== undefined ? 1 : this.of(id).key !== null && this.of(id).seq % 2 === 1 ? 0 : 2;
    const inOrder = beats.map((beat) => ({ ...beat, rank: rank(beat) })).sort((a, b) => a.rank - b.rank);
    const replies = beats.map(({ id, ttl, reported }) => this.#beat(id, ttl, reported, pulse));
    for (const { id, ttl } of inOrder)
      if (this.of(id).known) addBeat(pulse, id, this.#ttlOf(id, ttl), this.now);
    if (replies.some((reply) => reply !== null)) this.#stampPulse(pulse);
    for (const [i, { ttl }] of beats.entries()) if (replies[i] !== null) this.#noteTtl(ttl);
    return replies;
  }

  #beat(
    id: string,
    ttl: number | undefined,
    reported: string | undefined,
    pulse: ComputedPulse,
  ): boolean | null {
    const device = this.of(id);
    if (!device.known) return null;
    const isHeld = this.#heldUntil(device, pulse) !== undefined;
    const wasOffline = device.key === null && !isHeld;
    const lapsed = device.seq % 2 === 1 && wasOffline;
    if (lapsed) this.#transition(id, 'offline', this.#lapsedAt(device), 'timeout');
    if (device.seq % 2 === 0) this.#transition(id, 'online', this.now, 'heartbeat');
    if (reported !== undefined && !isEqual(reported, device.reported)) {
      device.reported = reported;
      this.#remember(device.history.reported, reported);
    }
    const deadline = this.now + this.#ttlOf(id, ttl);
    Object.assign(device, { key: deadline, score: deadline, online: true });
    Object.assign(device, { status: 'online', lastSeen: this.now });
    return wasOffline;
  }

  #ttlOf(id: string, ttl: number | undefined): number {
    return ttl ?? (this.of(id).ownTtl || DEFAULT_TTL);
  }

  /** Returns the TTL that a settle takes for that of a device which another program writes. */
  #seenTtl({ key, lastSeen }: ModelDevice): number {
    return Math.min(Math.max(key ?? 0, this.now + 1) - lastSeen, this.longestTtl);
  }

  /** Returns whether the device had a heartbeat key; null: it is not registered. */
  disconnect(id: string): boolean | null {
    const device = this.of(id);
    if (!device.known) return null;
    const wasOnline = device.key !== null;
    const pulse = this.#computePulse('beat');
    const before = device.seq;
    this.#judge(id, this.#heldUntil(device, pulse) !== undefined);
    if (device.seq % 2 === 1) this.#transition(id, 'offline', this.now, 'disconnect');
    if (device.seq > before) {
      addBeat(pulse, id, 0, this.now);
      this.#stampPulse(pulse);
    }
    Object.assign(device, { key: null, online: false, score: -device.lastSeen, status: 'offline' });
    return wasOnline;
  }

  /** Returns false if there was nothing to remove. */
  unregister(id: string): boolean {
    const device = this.of(id);
    if (device.known && device.seq % 2 === 1) {
      const held = this.#heldUntil(device, this.#computePulse('settle'));
      if (device.key !== null || held !== undefined) this.#transition(id, 'offline', this.now, 'unregister');
      else this.#transition(id, 'offline', this.#lapsedAt(device), 'timeout');
    }
    this.devices.set(id, noDevice());
    return device.record || device.registered;
  }

  /**
   * Merges a patch without nested objects. Returns whether the document has changed; null: the device is not
   * registered.
   */
  setDesired(id: string, patch: Patch): boolean | null {
    const device = this.of(id);
    if (!device.known) return null;
    const text = merged(device.desired, patch);
    if (isEqual(text, device.desired || '{}')) return false;
    device.desired = text;
    this.#remember(device.history.desired, text);
    return true;
  }

  settle(ids: readonly string[], { detector = false, honourHold = true } = {}): string[] {
    if (ids.length === 0) return [];
    const pulse = this.#computePulse(detector ? 'step' : 'settle');
    const isSeen = ({ key, score, known }: ModelDevice) =>
      known && key !== null && score !== null && score > 0 && score < this.now;
    const seen = ids
      .filter((id) => isSeen(this.of(id)))
      .map((id) => ({ id, at: this.of(id).lastSeen, ttl: this.#seenTtl(this.of(id)) }));
    seen.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
    const verdicts = ids.map((id) => this.#verdict(id, pulse, honourHold));
    for (const { id, at, ttl } of seen) addSeen(pulse, id, ttl, at, this.longestTtl);
    this.#stampPulse(pulse);
    return verdicts;
  }

  #verdict(id: string, pulse: ComputedPulse, honourHold: boolean): string {
    const device = this.of(id);
    if (!device.known) {
      if (device.key === null) device.online = false;
      device.score = null;
      return 'stray';
    }
    const held = this.#heldUntil(device, pulse) !== undefined;
    const status = this.#judge(id, honourHold && held);
    if (status === 'held') {
      if (device.score === null || device.score <= 0) device.score = this.#deadline(device);
      return status;
    }
    device.online = status === 'online';
    device.status = status;
    device.score = device.key ?? -device.lastSeen;
    return status;
  }

  /** Settles the devices whose deadline in the index has passed. */
  sweep(): void {
    const due = this.ids.filter((id) => (this.of(id).score ?? 0) > 0 && (this.of(id).score ?? 0) < this.now);
    this.settle(due);
  }

  /** The operations of the article's programs, which change neither index nor log. `text`: the JSON that they write. */
  readonly article = {
    register: (id: string, type: string): void => {
      const device = this.of(id);
      Object.assign(device, { record: true, known: true, registered: true, type, status: 'offline' });
      Object.assign(device, { lastSeen: 0, reported: '{}', desired: '{}', registeredAt: this.now });
    },
    heartbeat: (id: string, reported?: string): void => {
      const device = this.of(id);
      Object.assign(device, { record: true, status: 'online', lastSeen: this.now, online: true });
      device.key = this.now + DEFAULT_TTL;
      device.reported = reported ?? device.reported;
    },
    setDesired: (id: string, text: string): void => {
      Object.assign(this.of(id), { record: true, desired: text });
    },
    /** Writes the status field. `isDevice`: the program takes the record for a device. */
    get: (id: string, isDevice: boolean): void => {
      if (isDevice) this.of(id).status = this.of(id).key === null ? 'offline' : 'online';
    },
    markOffline: (id: string): void => {
      Object.assign(this.of(id), { record: true, status: 'offline', online: false });
    },
    poll: (): void => {
      for (const id of this.ids) {
        const { online, key } = this.of(id);
        if (online && key === null) this.article.markOffline(id);
      }
    },
  };

  #judge(id: string, held: boolean): Status | 'held' {
    const device = this.of(id);
    const announced = device.seq % 2 === 1;
    if (device.key !== null) {
      if (!announced) this.#transition(id, 'online', this.now, 'observed');
      return 'online';
    }
    if (announced && held) return 'held';
    if (announced) this.#transition(id, 'offline', this.#lapsedAt(device), 'timeout');
    return 'offline';
  }

  #lapsedAt({ score, lastSeen, presenceAt }: ModelDevice): number {
    return Math.min(Math.max(score ?? 0, lastSeen, presenceAt), this.now);
  }

  #transition(id: string, status: Status, at: number, reason: PresenceReason): void {
    const device = this.of(id);
    device.seq += 1;
    device.presenceAt = at;
    const event = { status, at, reason, seq: device.seq };
    device.history.presence.push(event);
    this.log.set(id, [...(this.log.get(id) ?? []), event]);
  }

  #remember(list: ModelDocument[], text: string): void {
    list.push({ at: this.now, version: list.length + 1, text });
  }

  /** Raises the longest TTL, which limits a hold. Commands that fail do not call it. */
  #noteTtl(ttl = 0): void {
    this.longestTtl = Math.max(this.longestTtl, ttl);
  }

  #computePulse(caller: Caller): ComputedPulse {
    return computePulse(this.pulse, caller, this.now, this.longestTtl);
  }

  #stampPulse(pulse: ComputedPulse): void {
    if (pulse.mustWrite) this.pulse = pulse;
  }

  #deadline({ score, lastSeen, ownTtl }: ModelDevice): number {
    return score !== null && score > lastSeen ? score : lastSeen + (ownTtl || DEFAULT_TTL);
  }

  /** Returns until when a device is held that timed out; undefined: it did not, that was announced, or it is not held. */
  #heldUntil(device: ModelDevice, pulse: ComputedPulse): number | undefined {
    if (device.key !== null || device.seq % 2 === 0) return undefined;
    const isMany = this.ids.filter((id) => (this.of(id).score ?? 0) > 0).length >= 5;
    const deadline = this.#deadline(device);
    return holdEnd(pulse, device.lastSeen, deadline, this.now, this.longestTtl, isMany ? 2 : 1);
  }
}

export type Patch = Record<string, unknown>;

function isEqual(text: string, stored: string): boolean {
  return stored !== '' && jsonEqual(parseJson(text), parseJson(stored));
}

/** Merges a patch into a document by RFC 7396, top level only. Numbers keep their digits. */
export function merged(document: string, patch: Patch): string {
  const all = Object.entries({ ...(parse(document || '{}') as Patch), ...patch });
  return stringify(Object.fromEntries(all.filter(([, value]) => value !== null))) as string;
}

/** Sets the expiry of heartbeat keys in Redis to the time that they have left by the model's clock. */
export async function pinKeys({ redis, keys }: SingleFleet, model: Model, ids = model.ids): Promise<void> {
  const pipeline = redis.pipeline();
  for (const id of ids) {
    const { key } = model.of(id);
    if (key === null) pipeline.del(keys.heartbeat(id));
    else pipeline.pexpire(keys.heartbeat(id), key - model.now);
  }
  await pipeline.exec();
}

/** Whether two times agree, if one of them may come from PTTL. */
export function near(a: number, b: number): boolean {
  return Math.abs(a - b) <= TOLERANCE_MS;
}

/** The fields of a device that `get` shows, as far as the model has them. */
export function shownOf(device: ModelDevice): Partial<DeviceRecord> {
  return {
    deviceType: device.type,
    status: device.key === null ? 'offline' : 'online',
    lastSeen: device.lastSeen || null,
    reportedJson: device.reported || '{}',
    desiredJson: device.desired || '{}',
    reportedVersion: device.history.reported.length,
    desiredVersion: device.history.desired.length,
    presenceSeq: device.seq,
  };
}
