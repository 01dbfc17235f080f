import type { Redis } from 'ioredis';

export type ArticleDialect = 'node' | 'python';
export type ArticleStatus = 'online' | 'offline';
export type JsonObject = Record<string, unknown>;

/** A device as a program reads it. `lastSeen` is in the dialect's unit: ms for Node, seconds for Python. */
export interface ArticleDevice {
  deviceId: string;
  status: ArticleStatus;
  lastSeen: number;
  reportedState: JsonObject;
  desiredState: JsonObject;
  metadata: JsonObject;
}

export interface ArticleOptions {
  /** The heartbeat key's TTL; 60 as in the article if not given. */
  ttlSeconds?: number;
  /** The program's clock, in ms; the machine's if not given. */
  now?: () => number;
  /** The client that sends PUBLISH; the program's `redis` if not given. */
  publisher?: Redis;
}

/** Each `next()` is one Redis step, and yields the commands that were sent. */
export type ArticleSteps<T> = AsyncGenerator<string, T, void>;

type Answer<T> = { whole: Promise<T>; steps: ArticleSteps<T> };

interface Operations<How extends 'whole' | 'steps'> {
  register(id: string, type: string, metadata?: JsonObject): Answer<true>[How];
  heartbeat(id: string, report?: JsonObject | null): Answer<{ deviceId: string; wasOffline: boolean }>[How];
  get(id: string): Answer<ArticleDevice | null>[How];
  setDesired(id: string, patch: JsonObject): Answer<{ deviceId: string; desiredState: JsonObject }>[How];
  delta(id: string): Answer<{ deviceId: string; inSync: boolean; delta: JsonObject }>[How];
  markOffline(id: string): Answer<void>[How];
  pollDetector(): Answer<string[]>[How];
  keyspaceDetector(key: string): Answer<string | null>[How];
  online(): Answer<string[]>[How];
  offline(): Answer<string[]>[How];
  byStatus(status: ArticleStatus): Answer<string[]>[How];
  byType(type: string): Answer<string[]>[How];
  byTypeWithState(
    type: string,
  ): Answer<Pick<ArticleDevice, 'deviceId' | 'status' | 'lastSeen' | 'reportedState'>[]>[How];
  stale(
    maxAgeSeconds?: number,
    chunk?: number,
  ): Answer<{ deviceId: string; lastSeen: number; ageSeconds: number }[]>[How];
}

export interface ArticleProgram extends Operations<'whole'> {
  dialect: ArticleDialect;
  steps: Operations<'steps'>;
}

export function articleProgram(
  redis: Redis,
  dialect: ArticleDialect,
  options?: ArticleOptions,
): ArticleProgram;

/** How a program of that dialect reads what another client has written. Writes nothing. */
interface ArticleReader {
  /** Returns what `get` returns, but does not write the status field. */
  device(id: string): Promise<ArticleDevice | null>;
  /** Returns the fields of a presence event or a state update that such a program knows, in camel case. */
  message(json: string): Record<'type' | 'deviceId' | 'status' | 'desiredState' | 'timestamp', unknown>;
}

export function articleReader(redis: Redis, dialect: ArticleDialect): ArticleReader;
