/**
 * `heartbeat` and `disconnect` of a device with a login of its own, whose user may run no script. Plain commands write
 * the heartbeat key, the record and the history of reports (`store/fenced-write.ts`). The device may not write the
 * index or the log, or publish messages: a detector does that when it finds that the heartbeat key exists or is gone.
 */
import type { Dialect } from '../model/device.js';
import { decodePacked, encodePacked } from '../model/device-decoder.js';
import { decodeInstant, encodeInstant, fieldName } from '../model/dialect.js';
import { deviceRoleError, notFoundError } from '../model/errors.js';
import { type Heartbeat, type HeartbeatResult, validTtl } from '../model/heartbeat.js';
import type { ReadText } from '../model/stored-document.js';
import { writeFenced } from '../store/fenced-write.js';
import type { Partition } from '../store/partition.js';
import type { RedisRequest } from '../store/replies.js';
import { parseServerTime } from '../store/server-time.js';
import { trimHistory } from '../store/trim-history.js';
import { newReport } from './new-report.js';

/** The fields that a heartbeat without a report reads, and one with a report. */
const PRESENCE_FIELDS = ['id', 'devstate', 'registered'] as const;
const REPORT_FIELDS = [...PRESENCE_FIELDS, 'reported'] as const;
const DIALECTS: readonly Dialect[] = ['node', 'python'];

/** What was read of a device before its heartbeat is written. */
interface Found {
  dialect: Dialect;
  /** The server's time, epoch ms. */
  now: number;
  /** The numbers of the field `devstate`. */
  packed: readonly number[];
  /** When the device was registered, epoch ms; 0: not known. */
  registeredAt: number;
  reported: ReadText;
}

/** What changes with a report: fields of the record, and commands for the history. */
interface ReportWrite {
  fields: readonly string[];
  commands: readonly RedisRequest[];
}

const NO_REPORT: ReportWrite = { fields: [], commands: [] };

/**
 * Sends one heartbeat with plain commands.
 * @param defaultTtl the TTL of a device without a TTL of its own, ms
 * @throws DevstateError NOT_FOUND, BAD_RECORD, CONFLICT; CONNECTION: with the outcome `unknown` if a report may have
 *   been written; USAGE also if the heartbeat has `registerAs`
 */
export async function plainHeartbeat(
  partition: Partition,
  beat: Heartbeat,
  defaultTtl: number,
): Promise<HeartbeatResult> {
  const { id } = beat;
  partition.assertNotReadOnly('heartbeat');
  if (beat.registerAs !== undefined) throw deviceRoleError('register');
  const { reported: historyCap } = (await partition.settings()).historyCaps;
  const fallbackTtl = validTtl(defaultTtl);
  const { keys } = partition;
  const hasReport = beat.patch !== undefined || beat.reportedJson !== undefined;
  return writeFenced(partition, {
    ...readsOf(partition, id, hasReport ? REPORT_FIELDS : PRESENCE_FIELDS),
    repeat: hasReport ? 'once' : 'repeatable',
    plan(replies) {
      const found = decode(id, replies);
      const { dialect, now, packed } = found;
      const [, , desiredVersion = 0, , , , ownTtl = 0] = packed;
      const deadline = now + (beat.ttl === undefined ? ownTtl || fallbackTtl : validTtl(beat.ttl));
      const report = hasReport
        ? reportWrite(beat, found, keys.history('reported', id), historyCap)
        : NO_REPORT;
      return {
        writes: [
          ['set', keys.heartbeat(id), '1', 'PXAT', deadline, 'GET'],
          ['hset', keys.state(id), ...presenceFields(dialect, 'online', now), ...report.fields],
          ...report.commands,
        ],
        toResult: ([before], isRepeated) => ({
          deviceId: id,
          status: 'online',
          wasOffline: isRepeated ? null : before === null,
          lastSeen: now,
          expiresAt: deadline,
          desiredVersion,
        }),
      };
    },
  });
}

/**
 * Takes the device offline with plain commands: its heartbeat key is set with an expiry in the past, which deletes it.
 * @returns whether the device was online
 * @throws DevstateError NOT_FOUND, BAD_RECORD, CONFLICT, USAGE; CONNECTION: with the outcome `unknown` if it may have
 *   been taken offline
 */
export async function plainDisconnect(partition: Partition, id: string): Promise<boolean> {
  partition.assertNotReadOnly('disconnect');
  const { keys } = partition;
  return writeFenced(partition, {
    ...readsOf(partition, id, ['id']),
    repeat: 'once',
    plan(replies) {
      const { dialect } = decode(id, replies);
      return {
        writes: [
          ['set', keys.heartbeat(id), '1', 'PXAT', 1, 'GET'],
          ['hset', keys.state(id), fieldName(dialect, 'status'), 'offline'],
        ],
        toResult: ([before]) => before !== null,
      };
    },
  });
}

/** The record is read in both dialects, because another program may have registered the device in the other one. */
function readsOf({ keys }: Partition, id: string, fields: readonly (typeof REPORT_FIELDS)[number][]) {
  const state = keys.state(id);
  const records = DIALECTS.map(
    (dialect): RedisRequest => ['hmget', state, ...fields.map((field) => fieldName(dialect, field))],
  );
  return { fence: keys.fence(id), keys: [state], reads: [['time'] as const, ...records] };
}

/** @throws DevstateError NOT_FOUND: the record has no id field in either dialect */
function decode(id: string, [time, ...records]: readonly unknown[]): Found {
  for (const [i, dialect] of DIALECTS.entries()) {
    const [deviceId, devstate, registered, reported] = records[i] as (ReadText | null)[];
    if (deviceId === null) continue;
    return {
      dialect,
      now: parseServerTime(time),
      packed: decodePacked(devstate),
      registeredAt: decodeInstant(dialect, registered) ?? 0,
      reported: reported ?? '',
    };
  }
  throw notFoundError(id);
}

function presenceFields(dialect: Dialect, status: 'online' | 'offline', now: number): string[] {
  return [fieldName(dialect, 'lastSeen'), encodeInstant(dialect, now), fieldName(dialect, 'status'), status];
}

/**
 * Returns what a report writes: nothing if the stored report is equal to it.
 * @throws DevstateError BAD_RECORD: the patch cannot be merged into the stored report; USAGE: the result is too large
 */
function reportWrite(beat: Heartbeat, found: Found, historyKey: string, historyCap: number): ReportWrite {
  const { dialect, now, packed, reported } = found;
  const text = newReport(beat, reported);
  if (text === reported) return NO_REPORT;
  const [version = 0, , ...others] = packed;
  const note = historyNote(found);
  const entry =
    note === ''
      ? `${now} ${version + 1} ${text}`
      : `{"at":${now},"version":${version + 1}${note},"value":${text}}`;
  const trim = trimHistory(historyKey, historyCap);
  return {
    fields: ['devstate', encodePacked([version + 1, now, ...others]), fieldName(dialect, 'reported'), text],
    commands: historyCap > 0 ? [['rpush', historyKey, entry], trim] : [trim],
  };
}

/**
 * Returns the fields of a history entry about the time before it, as include/history.lua does: `first`: the report was
 * empty as registered; `unknown`: from when to when it is not known. The newest entry is not compared with the stored
 * report, because the user may not read the history.
 */
function historyNote({ packed: [version = 0, since = 0], registeredAt, reported, now }: Found): string {
  if (version === 0) return reported === '' || reported === '{}' ? ',"first":true' : '';
  return registeredAt > since ? `,"unknown":[${since},${now}]` : '';
}
