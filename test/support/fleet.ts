/**
 * What the contract tests share: a fleet on the test's server, what was announced and written there, and a
 * feed whose events can be awaited.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis, RedisOptions } from 'ioredis';
import { onTestFinished } from 'vitest';
import { decodeEntry, type HistoryEntry } from '../../src/core/history/history-entry.js';
import type { DeviceRecord, Dialect } from '../../src/core/model/device.js';
import { DevstateError } from '../../src/core/model/errors.js';
import type { Keyspace } from '../../src/core/model/keyspace.js';
import { DEFAULT_REQUEST_TIMEOUT_MS } from '../../src/core/model/numeric-options.js';
import type { PresenceEvent } from '../../src/core/model/presence-event.js';
import { decodeLogEntry } from '../../src/core/model/presence-event.js';
import { type FeedOptions, presenceFeed } from '../../src/core/presence/feed.js';
import { heartbeats } from '../../src/core/presence/heartbeats.js';
import { registerAll } from '../../src/core/registry/register.js';
import { closeConnection } from '../../src/core/store/close-connection.js';
import { Fleet, type FleetOptions } from '../../src/core/store/fleet.js';
import type { Link } from '../../src/core/store/link.js';
import type { Partition } from '../../src/core/store/partition.js';
import { libraryLink } from '../../src/library/own-client.js';
import { connect } from '../../src/redis/client.js';
import { ServerLink } from '../../src/redis/server-link.js';
import { parseTarget } from '../../src/redis/target-url.js';
import { pulseText } from './hold/pulse.js';
import type { TestBackend } from './redis.js';

export const DIALECTS: readonly Dialect[] = ['node', 'python'];

/** Ids that fail in code which splits keys at colons, uses them as globs, or takes bytes for characters. */
export const ODD_IDS = ['aa:bb:cc:dd:ee:ff', 'urn:dev:ops:32473-X', 'a/b', '{x}', '温度-1'] as const;

/** Numbers that a conversion to a double would change to 12345678901234567000, Infinity and 0.1. */
export const ODD_NUMBERS = '{"big":12345678901234567890,"huge":1e400,"money":0.10}';

export interface TestFleetOptions extends FleetOptions {
  /** The time that scripts take, ms, instead of the server's. */
  clock?: () => number;
}

/** A fleet for tests. While it is not partitioned, its keys are those of its only partition. */
export class SingleFleet extends Fleet {
  readonly only: Partition;

  constructor(connection: Redis | Link, { clock, ...options }: TestFleetOptions = {}) {
    super('whenOpen' in connection ? connection : linkOf(connection, clock), options, clock);
    this.only = this.layOutPartitions(1)[0] as Partition;
  }

  override async partitions(): Promise<readonly Partition[]> {
    const { partitions } = await this.declared();
    return partitions === 1 ? [this.only] : super.partitions();
  }

  override get keys(): Keyspace {
    return this.only.keys;
  }
}

/**
 * The link to a client. Fleets that share a client share its link, so that the client gets each listener once. A fleet with
 * a clock of its own gets a link of its own, because the link takes the time in replies for the server's.
 */
function linkOf(client: Redis, clock: TestFleetOptions['clock']): Link {
  return clock ? new ServerLink(client) : libraryLink(client, DEFAULT_REQUEST_TIMEOUT_MS).link;
}

/** The keys of a partition, or of a fleet with only one. */
type WithKeys = Pick<Partition, 'redis' | 'keys'>;

export async function openFleet(
  redis: TestBackend,
  options: TestFleetOptions = {},
  connection: RedisOptions = {},
): Promise<SingleFleet> {
  const client = await redis.client(connection);
  client.on('error', () => {}); // commands say what is wrong
  return new SingleFleet(client, options);
}

/** Opens the fleet at a URL on a connection of its own, which is closed when the test has finished. */
export async function fleetAt(url: string): Promise<Fleet> {
  const link = await connect(parseTarget(url), { timeoutMs: 5000, signal: new AbortController().signal });
  onTestFinished(() => closeConnection(link.client));
  return new Fleet(link);
}

/** Returns the ids d0, d1, … */
export function numberedIds(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `d${index}`);
}

/** Registers devices, and sends a heartbeat of each with the TTL for its index, in ms. */
export async function bringOnline(
  fleet: Fleet,
  ids: readonly string[],
  ttl: (index: number) => number,
): Promise<void> {
  await registerAll(
    fleet,
    ids.map((id) => ({ id, type: 'lamp' })),
  );
  await heartbeats(
    fleet,
    ids.map((id, index) => ({ id, ttl: ttl(index) })),
  );
}

/** Returns the DevstateError with which a promise must reject. */
export async function failure(promise: Promise<unknown>): Promise<DevstateError> {
  const outcome = await promise.catch((error: unknown) => error);
  if (outcome instanceof DevstateError) return outcome;
  throw new Error(`no DevstateError, but ${String(outcome)}`, { cause: outcome });
}

/** Returns the DevstateErrors with which promises must all reject. */
export function failures(...promises: Promise<unknown>[]): Promise<DevstateError[]> {
  return Promise.all(promises.map(failure));
}

/** Waits up to 15 s until a condition holds that another process brings about. */
export async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = Date.now() + 15_000; !(await condition()); await sleep(2)) {
    if (Date.now() > end) throw new Error('the condition did not become true within 15 s');
  }
}

/** Removes heartbeat keys before they expire, and the usual gap from the pulse, so that the devices are not held. */
export async function cut({ redis, keys }: WithKeys, ...ids: string[]): Promise<void> {
  await redis.set(keys.pulse, pulseText({}));
  await redis.del(ids.map((id) => keys.heartbeat(id)));
}

/**
 * Makes devices due that are held: their TTL, in ms, ran out in an outage that ended just now.
 * @returns when the hold ends, epoch ms
 */
export async function hold({ redis, keys }: WithKeys, ids: readonly string[], ttl: number): Promise<number> {
  const now = await serverNow(redis);
  for (const id of ids) {
    await redis.hset(keys.state(id), 'lastSeen', now - ttl - 10);
    await redis.zadd(keys.activity, now - 10, id);
    await redis.del(keys.heartbeat(id));
  }
  await redis.set(keys.pulse, pulseText({ from: now - ttl, to: now, last: now, step: now }));
  return now + ttl;
}

/** Waits until a heartbeat key has expired. */
export async function expired({ redis, keys }: WithKeys, id: string): Promise<void> {
  await until(async () => (await redis.exists(keys.heartbeat(id))) === 0);
}

/** The server's time, ms. */
export async function serverNow(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
}

/** The events in the log, all or those of one device. */
export async function logOf({ redis, keys }: WithKeys, id?: string): Promise<PresenceEvent[]> {
  const events = (await redis.xrange(keys.log, '-', '+')).map(([at, flat]) => decodeLogEntry(at, flat));
  return events.filter(({ deviceId }) => id === undefined || deviceId === id);
}

/** The events of a device as text: `1 online heartbeat`, `2 offline timeout`. */
export async function storyOf(fleet: WithKeys, id: string): Promise<string[]> {
  return (await logOf(fleet, id)).map(({ seq, status, reason }) => `${seq} ${status} ${reason}`);
}

export async function historyOf(
  { redis, keys }: WithKeys,
  kind: 'reported' | 'desired' | 'presence',
  id: string,
) {
  return redis.lrange(keys.history(kind, id), 0, -1);
}

interface StoredEntry extends Partial<Pick<HistoryEntry, 'at' | 'status' | 'reason' | 'first' | 'unknown'>> {
  version?: number;
  seq?: number;
  value?: { readonly [name: string]: unknown };
}

/** The entries of a history, whatever their stored form, as the JSON form has them. */
export async function entriesOf(
  fleet: WithKeys,
  kind: 'reported' | 'desired' | 'presence',
  id: string,
): Promise<StoredEntry[]> {
  const texts = await historyOf(fleet, kind, id);
  return texts.map((text) => {
    const { at, number, valueJson, status, reason, first, unknown } = decodeEntry(id, kind, text);
    const change =
      kind === 'presence'
        ? { seq: number, status, reason }
        : { version: number, ...(first && { first }), value: JSON.parse(valueJson ?? 'null') };
    return { at, ...change, ...(unknown && { unknown }) };
  });
}

/** The score of a device in the activity index: its deadline, or minus its last heartbeat. */
export async function scoreOf({ redis, keys }: WithKeys, id: string): Promise<number | null> {
  const score = await redis.zscore(keys.activity, id);
  return score === null ? null : Number(score);
}

/** Every key with its expiry and its exact value. */
export async function snapshot(redis: Redis): Promise<Record<string, string>> {
  const all: Record<string, string> = {};
  for (const key of (await redis.keys('*')).sort()) {
    all[key] = `${await redis.call('PEXPIRETIME', key)} ${(await redis.dumpBuffer(key))?.toString('hex')}`;
  }
  return all;
}

/** Records every message that is published from now on. */
export async function listen(redis: TestBackend): Promise<{
  heard: [channel: string, message: string][];
  /** Resolves when every message that was published before the call is in `heard`. */
  settled: () => Promise<void>;
}> {
  const subscriber = await redis.client();
  const heard: [string, string][] = [];
  subscriber.on('pmessage', (_pattern, channel, message) => {
    heard.push([channel, message]);
  });
  await subscriber.psubscribe('*');
  return { heard, settled: async () => void (await subscriber.ping()) };
}

export interface OpenFeed {
  readonly events: PresenceEvent[];
  /** The first `count` events, when they are there. */
  first(count: number): Promise<PresenceEvent[]>;
  /** Aborts it, and waits for its end. */
  stop(): Promise<void>;
}

/** A feed that has subscribed. */
export async function openFeed(fleet: Fleet, options: FeedOptions = {}): Promise<OpenFeed> {
  const abort = new AbortController();
  const events: PresenceEvent[] = [];
  let ended: Promise<void> = Promise.resolve();
  const ready = new Promise<void>((onReady, reject) => {
    ended = (async () => {
      for await (const event of presenceFeed(fleet, { ...options, signal: abort.signal, onReady })) {
        events.push(event);
      }
    })();
    ended.catch(reject);
  });
  await ready;
  return {
    events,
    async first(count) {
      await until(() => events.length >= count);
      return events.slice(0, count);
    },
    async stop() {
      abort.abort();
      await ended;
    },
  };
}

/** All items of an iterable. */
export async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Sorted ids, for lists without an order. */
export async function idsOf(devices: AsyncIterable<DeviceRecord>): Promise<string[]> {
  const ids: string[] = [];
  for await (const { deviceId } of devices) ids.push(deviceId);
  return ids.sort();
}

/** Writes the pulse of a running detector, so that commands do not warn that there is none. */
export async function pretendDetector({ redis, keys }: WithKeys): Promise<void> {
  const now = await serverNow(redis);
  await redis.set(keys.pulse, pulseText({ last: now, step: now }));
}
