/**
 * Presence as devices make it: heartbeats and goodbyes. A device is online if and only if
 * its heartbeat key exists; each script announces by parity, so that any number of writers
 * tell each transition once.
 */

import {
  type ItemResult,
  itemFailure,
  sendValidItems,
  settleAll,
  splitAtRepeats,
  unwrapOne,
} from '../async/item-results.js';
import { DEFAULT_TTL_MS, validId, validTtl, validType } from '../model/device.js';
import { documentText } from '../model/document-limits.js';
import { DevstateError, notFoundError } from '../model/errors.js';
import type { JsonObject } from '../model/json.js';
import { parseStored, readDevices } from '../query/read-devices.js';
import { registerAll } from '../registry/register.js';
import { mergePatch } from '../shadow/merge-patch.js';
import { mapItemsByPartition } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import { isTransient } from '../store/redis-errors.js';
import { retryUntilSettled } from '../store/retry.js';
import { runInChunks } from '../store/script-chunks.js';
import { DISCONNECT, HEARTBEAT, HEARTBEAT_FAST } from '../store/scripts.js';

export interface Heartbeat {
  id: string;
  /** JSON object text; replaces the report, as in the article. */
  reportedJson?: string;
  /** Merged into the report (RFC 7396) instead of replacing it. */
  patch?: JsonObject;
  /** How long this beat holds, ms; else the device's own TTL, else the default. */
  ttl?: number;
  /** Registers an unknown device as of this type on the fly. */
  registerAs?: string;
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

/** One heartbeat. @throws DevstateError NOT_FOUND, USAGE, BAD_RECORD, CONFLICT, CONNECTION */
export async function heartbeat(
  fleet: Fleet,
  beat: Heartbeat,
  defaultTtl: number = DEFAULT_TTL_MS,
): Promise<HeartbeatResult> {
  return unwrapOne(await heartbeats(fleet, [beat], defaultTtl));
}

/**
 * Heartbeats of many devices; each succeeds or fails alone. Those of one device apply in
 * order. One that was not answered (CONNECTION) may or may not have been done.
 * @throws DevstateError CONNECTION when all are of one partition and it is lost
 */
export async function heartbeats(
  fleet: Fleet,
  beats: readonly Heartbeat[],
  defaultTtl: number = DEFAULT_TTL_MS,
): Promise<ItemResult<HeartbeatResult>[]> {
  const beatAll = async (partition: Fleet, all: readonly Heartbeat[]) => {
    const results: ItemResult<HeartbeatResult>[] = [];
    for (const run of splitAtRepeats(all, mayComeAgain)) {
      results.push(
        ...(await runInChunks(run, (chunk) => beatAndRegister(partition, chunk, defaultTtl), weigh)),
      );
    }
    return results;
  };
  return sendValidItems(beats, validBeat, (all) => mapItemsByPartition(fleet, all, beatAll));
}

/** Only a report is done with the first script that it is sent with. */
function mayComeAgain({ patch, registerAs, reportedJson }: Heartbeat): boolean {
  return patch !== undefined || registerAs !== undefined || reportedJson === undefined;
}

/** What a merge will come to is not known before it is read. */
const MERGE_BYTES = 32 * 1024;

function weigh({ reportedJson = '', patch }: Heartbeat): number {
  return patch ? MERGE_BYTES : reportedJson.length;
}

function validBeat(beat: Heartbeat): Heartbeat {
  validId(beat.id);
  if (beat.ttl !== undefined) validTtl(beat.ttl);
  if (beat.registerAs !== undefined) validType(beat.registerAs);
  return beat;
}

/** Registers those that turn out to be unknown, where that is asked, and lets them beat again. */
async function beatAndRegister(
  fleet: Fleet,
  beats: readonly Heartbeat[],
  defaultTtl: number,
): Promise<ItemResult<HeartbeatResult>[]> {
  const results = await beatOrMerge(fleet, beats, defaultTtl);
  const unknown = beats.flatMap((beat, place) => {
    const result = results[place];
    const missing = result instanceof DevstateError && result.code === 'NOT_FOUND';
    return missing && beat.registerAs !== undefined ? [{ beat, type: beat.registerAs, place }] : [];
  });
  if (unknown.length === 0) return results;
  const registered = await registerAll(
    fleet,
    unknown.map(({ beat: { id }, type }) => ({ id, type })),
    true, // else who registered it meanwhile would lose
  );
  const again = await beatOrMerge(
    fleet,
    unknown.map(({ beat }) => beat),
    defaultTtl,
  );
  for (const [i, { place }] of unknown.entries()) {
    const refused = registered[i];
    const failed = refused instanceof DevstateError && refused.code !== 'CONFLICT';
    results[place] = failed ? refused : (again[i] as ItemResult<HeartbeatResult>);
  }
  return results;
}

/** What a report is merged into: the beat is refused if it is another one by now. */
interface Base {
  version: number;
  text: string;
}

/** Reads what is to be merged into, for all at once; those whose report changed meanwhile come again alone. */
async function beatOrMerge(
  fleet: Fleet,
  beats: readonly Heartbeat[],
  defaultTtl: number,
): Promise<ItemResult<HeartbeatResult>[]> {
  const merging = beats.filter(({ patch }) => patch !== undefined).map(({ id }) => id);
  const bases = new Map<string, Base>();
  for (const { id, device } of await readDevices(fleet, merging, ['reported', 'devstate'], 'unread')) {
    if (device) bases.set(id, { version: device.reportedVersion, text: device.reportedJson });
  }
  const outcomes = await send(fleet, beats, bases, defaultTtl);
  return settleAll(
    outcomes.map((outcome, i) =>
      isBase(outcome) ? itemFailure(mergeAgain(fleet, beats[i] as Heartbeat, outcome, defaultTtl)) : outcome,
    ),
  );
}

async function mergeAgain(
  fleet: Fleet,
  beat: Heartbeat,
  found: Base,
  defaultTtl: number,
): Promise<HeartbeatResult> {
  let base = found;
  return retryUntilSettled(fleet.requestTimeout, async () => {
    const [outcome] = await send(fleet, [beat], new Map([[beat.id, base]]), defaultTtl);
    if (outcome instanceof DevstateError) throw outcome;
    if (!isBase(outcome)) return outcome;
    base = outcome;
    return undefined;
  });
}

type Outcome = ItemResult<HeartbeatResult> | Base;

function isBase(outcome: Outcome | undefined): outcome is Base {
  return outcome !== undefined && 'version' in outcome;
}

/** A report that cannot be merged into is its device's failure, and is not sent. */
async function send(
  fleet: Fleet,
  beats: readonly Heartbeat[],
  bases: ReadonlyMap<string, Base>,
  defaultTtl: number,
): Promise<Outcome[]> {
  const otherwise = validTtl(defaultTtl);
  const { longestTtl, exclusive } = await fleet.settings();
  const args = { defaultTtl: otherwise, longestTtl, exclusive: exclusive ? 1 : 0 };
  const prepared = beats.map((beat) => prepare(beat, bases.get(beat.id)));
  const sent = prepared.flatMap((each) => (each instanceof DevstateError ? [] : [each]));
  const replies = await runEach(fleet, args, sent);
  const held = sent.map(({ ttl }, i) => (replies[i]?.[0] === 1 ? Number(ttl || otherwise) : 0));
  await noteHeld(
    fleet,
    held.reduce((most, ttl) => Math.max(most, ttl), 0),
  );
  const answers = replies.values();
  return Promise.all(
    prepared.map((each) =>
      each instanceof DevstateError ? each : outcomeOf(fleet, each.id, answers.next().value as Reply),
    ),
  );
}

type Settings = Record<'defaultTtl' | 'longestTtl' | 'exclusive', number>;

/** The beats are done: what cannot be noted for now is with the next. */
async function noteHeld(fleet: Fleet, ttl: number): Promise<void> {
  try {
    await fleet.noteTtl(ttl);
  } catch (error) {
    if (!isTransient(error)) throw error;
  }
}

/** Apart, for a server that is out of memory refuses reports, and lets bare beats pass. */
async function runEach(fleet: Fleet, settings: Settings, beats: readonly Arguments[]): Promise<Reply[]> {
  const [bare = [], others = []] = await settleAll([
    runBare(fleet, settings, beats.filter(isBare)),
    runAll(
      fleet,
      settings,
      beats.filter((beat) => !isBare(beat)),
    ),
  ]);
  const replies = { bare: bare.values(), others: others.values() };
  return beats.map((beat) => replies[isBare(beat) ? 'bare' : 'others'].next().value as Reply);
}

/** Nothing comes with it, and most often nothing changes but the time. */
function isBare({ reported }: Arguments): boolean {
  return reported === '';
}

async function runAll(fleet: Fleet, settings: Settings, beats: readonly Arguments[]): Promise<Reply[]> {
  return beats.length === 0 ? [] : ((await fleet.run(HEARTBEAT, settings, beats)) as Reply[]);
}

/** By the leaner script first. */
async function runBare(fleet: Fleet, settings: Settings, beats: readonly Arguments[]): Promise<Reply[]> {
  if (beats.length === 0) return [];
  const replies = (await fleet.run(HEARTBEAT_FAST, settings, beats)) as Reply[];
  const others = beats.filter((_, i) => replies[i]?.[0] === 0);
  const answers = (await runAll(fleet, settings, others)).values();
  return replies.map((reply) => (reply[0] === 0 ? (answers.next().value as Reply) : reply));
}

type Arguments = { id: string } & Record<
  'ttl' | 'reported' | 'expectedVersion' | 'expectedText',
  string | number
>;

/** The script's arguments for a beat. */
function prepare(
  { id, ttl, reportedJson = '', patch }: Heartbeat,
  base: Base | undefined,
): ItemResult<Arguments> {
  const held = ttl === undefined ? '' : validTtl(ttl);
  if (!patch) return { id, ttl: held, reported: reportedJson, expectedVersion: '', expectedText: '' };
  const { version, text } = base ?? { version: 0, text: '' };
  try {
    const report = parseStored(id, 'the report', text || '{}');
    const merged = documentText(mergePatch(report, patch));
    return { id, ttl: held, reported: merged, expectedVersion: version, expectedText: text };
  } catch (error) {
    if (error instanceof DevstateError) return error;
    throw error;
  }
}

type Reply = [code: number, ...detail: (number | string)[]];

async function outcomeOf(fleet: Fleet, id: string, [code, ...detail]: Reply): Promise<Outcome> {
  if (code === 0) return notFoundError(id);
  if (code === 2) return { version: Number(detail[0]), text: String(detail[1]) };
  if (code !== 1) return fleet.itemError(HEARTBEAT, { id }, String(detail[0]));
  const [wasOffline, lastSeen = 0, expiresAt = 0, desiredVersion = 0] = detail.map(Number);
  return {
    ...{ deviceId: id, status: 'online', wasOffline: wasOffline === 1 },
    ...{ lastSeen, expiresAt, desiredVersion },
  };
}

/** The device said goodbye: offline at once. Gives whether it was online. @throws NOT_FOUND */
export async function disconnect(fleet: Fleet, id: string): Promise<boolean> {
  return unwrapOne(await disconnectAll(fleet, [id]));
}

/**
 * The same of many devices, each of which succeeds or fails alone.
 * @throws DevstateError CONNECTION when all are of one partition and it is lost
 */
export async function disconnectAll(fleet: Fleet, ids: readonly string[]): Promise<ItemResult<boolean>[]> {
  const goodbye = async (partition: Fleet, id: string) => {
    const { longestTtl } = await fleet.settings();
    const [code, wasOnline] = await partition.run(DISCONNECT, { longestTtl }, [{ id }]);
    if (code === 0) throw notFoundError(id);
    return wasOnline === 1;
  };
  return sendValidItems(ids, validId, (all) =>
    mapItemsByPartition(fleet, all, (partition, group) =>
      runInChunks(group, (chunk) => settleAll(chunk.map((id) => itemFailure(goodbye(partition, id))))),
    ),
  );
}
