/**
 * Presence as devices and detectors make it: heartbeats, goodbyes, verdicts. A device is
 * online if and only if its heartbeat key exists; each script announces by parity, so
 * that any number of writers tell each transition once.
 */
import { inChunks } from './chunks.js';
import { DEFAULT_TTL_MS, type PresenceEvent, validId, validTtl } from './device.js';
import { DevstateError, notFound, quote } from './errors.js';
import type { Fleet } from './fleet.js';
import { type JsonObject, toJson } from './json.js';
import { parseStored, readDevice } from './records.js';
import { fromRedis } from './redis-errors.js';
import { register } from './registry.js';
import { untilSettled } from './retry.js';
import { DISCONNECT, HEARTBEAT, SETTLE } from './scripts.js';
import { mergePatch } from './shadow.js';

export interface Heartbeat {
  id: string;
  /** JSON object text; replaces the report, as in the article. */
  reportedJson?: string;
  /** How long this beat holds, ms; else the device's own TTL, else the default. */
  ttl?: number;
}

export interface HeartbeatResult {
  deviceId: string;
  status: 'online';
  /** The heartbeat key was absent. */
  wasOffline: boolean;
  lastSeen: number;
  expiresAt: number;
  /** So that a device learns with each beat whether its desired state changed. */
  desiredVersion: number;
}

export interface HeartbeatOptions {
  /** Merged into the report (RFC 7396) instead of replacing it. */
  patch?: JsonObject;
  /** Registers an unknown device as of this type on the fly. */
  registerAs?: string;
  /** The TTL of devices that have none of their own, ms. */
  defaultTtl?: number;
}

interface Expectation {
  expectedVersion: number | '';
  expectedText: string;
}
type Outcome = HeartbeatResult | DevstateError | Expectation;

/**
 * Heartbeats of many devices; each succeeds or fails alone. Those of one device apply in
 * order. @throws DevstateError CONNECTION when the server is lost: what was not answered
 * may or may not have been done
 */
export async function heartbeats(
  fleet: Fleet,
  beats: readonly Heartbeat[],
  defaultTtl: number = DEFAULT_TTL_MS,
): Promise<(HeartbeatResult | DevstateError)[]> {
  const refused = beats.map(refusal);
  const sendable = beats.filter((_, i) => refused[i] === undefined);
  const sent = (await inChunks(sendable, (chunk) => send(fleet, chunk, defaultTtl))) as (
    | HeartbeatResult
    | DevstateError
  )[];
  const answers = sent.values();
  return refused.map((error) => error ?? (answers.next().value as HeartbeatResult | DevstateError));
}

/** Why a beat cannot be sent at all. */
function refusal({ id, ttl }: Heartbeat): DevstateError | undefined {
  try {
    validId(id);
    if (ttl !== undefined) validTtl(ttl);
    return undefined;
  } catch (error) {
    return error as DevstateError;
  }
}

/** One heartbeat. @throws DevstateError NOT_FOUND, USAGE, BAD_RECORD, CONFLICT, CONNECTION */
export async function heartbeat(
  fleet: Fleet,
  beat: Heartbeat,
  { patch, registerAs, defaultTtl = DEFAULT_TTL_MS }: HeartbeatOptions = {},
): Promise<HeartbeatResult> {
  const attempt = () =>
    patch ? mergingHeartbeat(fleet, beat, patch, defaultTtl) : plainHeartbeat(fleet, beat, defaultTtl);
  try {
    return await attempt();
  } catch (error) {
    const unknown = error instanceof DevstateError && error.code === 'NOT_FOUND';
    if (!unknown || registerAs === undefined) throw error;
    await register(fleet, beat.id, registerAs);
    return attempt();
  }
}

async function plainHeartbeat(fleet: Fleet, beat: Heartbeat, defaultTtl: number): Promise<HeartbeatResult> {
  const [result] = await heartbeats(fleet, [beat], defaultTtl);
  if (result instanceof DevstateError) throw result;
  return result as HeartbeatResult;
}

/** Read, merge, beat if the report still is what was read; else with what it is by now. */
async function mergingHeartbeat(
  fleet: Fleet,
  beat: Heartbeat,
  patch: JsonObject,
  defaultTtl: number,
): Promise<HeartbeatResult> {
  const record = await readDevice(fleet, beat.id);
  let expected: Expectation = { expectedVersion: record.reportedVersion, expectedText: record.reportedJson };
  return untilSettled(fleet.requestTimeout, async () => {
    const base = parseStored(beat.id, 'the report', expected.expectedText || '{}');
    const merged = { ...beat, reportedJson: toJson(mergePatch(base, patch)) };
    const [outcome] = await send(fleet, [merged], defaultTtl, expected);
    if (outcome instanceof DevstateError) throw outcome;
    if (outcome && 'deviceId' in outcome) return outcome;
    expected = outcome as Expectation;
    return undefined;
  });
}

async function send(
  fleet: Fleet,
  beats: readonly Heartbeat[],
  defaultTtl: number,
  expected: Expectation = { expectedVersion: '', expectedText: '' },
): Promise<Outcome[]> {
  const devices = beats.map(({ id, ttl, reportedJson = '' }) => ({
    id,
    ttl: ttl === undefined ? '' : validTtl(ttl),
    reported: reportedJson,
    ...expected,
  }));
  const otherwise = validTtl(defaultTtl);
  const { longestTtl } = await fleet.settings();
  const replies = (await fleet.run(HEARTBEAT, { defaultTtl: otherwise, longestTtl }, devices)) as unknown[][];
  const held = devices.filter((_, i) => replies[i]?.[0] === 1).map(({ ttl }) => Number(ttl || otherwise));
  await fleet.noteTtl(Math.max(0, ...held));
  return Promise.all(
    replies.map(async ([code, ...detail], i): Promise<Outcome> => {
      const { id } = beats[i] as Heartbeat;
      switch (code) {
        case 0:
          return notFound(id);
        case 1: {
          const [wasOffline, lastSeen, expiresAt, desiredVersion] = detail.map(Number) as [
            number,
            number,
            number,
            number,
          ];
          return {
            deviceId: id,
            status: 'online',
            wasOffline: wasOffline === 1,
            lastSeen,
            expiresAt,
            desiredVersion,
          };
        }
        case 2:
          return { expectedVersion: Number(detail[0]), expectedText: String(detail[1]) };
        default:
          return itemError(fleet, HEARTBEAT, id, String(detail[0]));
      }
    }),
  );
}

/** The device said goodbye: offline at once. Gives whether it was online. @throws NOT_FOUND */
export async function disconnect(fleet: Fleet, id: string): Promise<boolean> {
  validId(id);
  const { longestTtl } = await fleet.settings();
  const [code, wasOnline] = await fleet.run(DISCONNECT, { longestTtl }, [{ id }]);
  if (code === 0) throw notFound(id);
  return wasOnline === 1;
}

export type Verdict = 'online' | 'offline' | 'held' | 'stray' | DevstateError;
export interface SettleOptions {
  /** This is a detector's step: it stamps the pulse and may open a hold. */
  detector?: boolean;
  /** False: pass verdicts even during a hold. */
  honourHold?: boolean;
}

/** What settling did: the verdicts in the order of the ids, and what it had to announce. */
export interface Settlement {
  /** Until when no verdict is passed, ms; 0: never was. */
  holdUntil: number;
  verdicts: Verdict[];
  events: PresenceEvent[];
}

/**
 * Passes the verdict on these devices, whoever wrote them, and announces what nobody has
 * announced. `stray`: no registered record. `held`: lapsed during a hold, not judged.
 */
export async function settle(
  fleet: Fleet,
  ids: readonly string[],
  { detector = false, honourHold = true }: SettleOptions = {},
): Promise<Settlement> {
  const { longestTtl } = await fleet.settings();
  const args = { longestTtl, detector: detector ? 1 : 0, honourHold: honourHold ? 1 : 0 };
  const settlement: Settlement = { holdUntil: 0, verdicts: [], events: [] };
  const judge = async (chunk: readonly string[]): Promise<string[][]> => {
    const [hold, ...replies] = await fleet.run(
      SETTLE,
      args,
      chunk.map((id) => ({ id })),
    );
    settlement.holdUntil = Number(hold);
    return replies as string[][];
  };
  const replies = ids.length === 0 ? await judge([]) : await inChunks(ids, judge);
  for (const [i, [status = '', ...announced]] of replies.entries()) {
    const id = ids[i] as string;
    settlement.verdicts.push(await asVerdict(fleet, id, status));
    if (announced.length > 0) settlement.events.push(settledEvent(id, status, announced));
  }
  return settlement;
}

function settledEvent(id: string, status: string, announced: readonly string[]): PresenceEvent {
  const [logId = null, seq, timestamp, type, previous] = announced;
  return {
    id: logId,
    type: 'presence',
    deviceId: id,
    deviceType: type || null,
    status: status === 'online' ? 'online' : 'offline',
    timestamp: Number(timestamp),
    seq: Number(seq),
    reason: status === 'online' ? 'observed' : 'timeout',
    previousAt: Number(previous) || null,
  };
}

async function asVerdict(fleet: Fleet, id: string, reply: string): Promise<Verdict> {
  const known = reply === 'online' || reply === 'offline' || reply === 'held' || reply === 'stray';
  return known ? reply : itemError(fleet, SETTLE, id, reply);
}

/** Why one device of a batch failed; its keys are looked at where one is of another type. */
async function itemError(
  fleet: Fleet,
  script: typeof HEARTBEAT | typeof SETTLE,
  id: string,
  raised: string,
): Promise<DevstateError> {
  if (/\bWRONGTYPE\b/.test(raised)) return fleet.wrongType(script, [{ id }]);
  const translated = fromRedis(new Error(raised));
  return new DevstateError(translated.code, `device ${quote(id)}: ${translated.message}`, {
    cause: translated,
  });
}
