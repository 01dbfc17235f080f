/**
 * Runs the heartbeat scripts for devices of one partition. A heartbeat is first sent to a fast script, one for heartbeats
 * without a report and one for those with a report, which handles only devices that stay online and skips all others;
 * the full script then handles the skipped ones.
 */
import type { ItemResult } from '../async/item-results.js';
import { sendBatches, sendUnfinished } from '../async/send-batches.js';
import { DevstateError, notFoundError } from '../model/errors.js';
import type { Heartbeat, HeartbeatResult } from '../model/heartbeat.js';
import { validTtl } from '../model/heartbeat.js';
import { isUnchanged, notUtf8Error, type StoredText } from '../model/stored-document.js';
import { isolateDenials } from '../store/isolate-denials.js';
import type { Partition } from '../store/partition.js';
import { isTransient } from '../store/redis-errors.js';
import type { Evaluation } from '../store/requests.js';
import { HEARTBEAT, HEARTBEAT_FAST, REPORT_FAST } from '../store/scripts.js';
import { newReport } from './new-report.js';
import { reportDigest } from './report-digest.js';

/**
 * The stored report that a patch was merged into, or that a new report was compared with. If Redis holds another report
 * when the script runs, the script refuses the heartbeat, so that the change of the other client is not lost.
 */
export type StoredReport = StoredText;

/**
 * The result of a heartbeat; or, if the script refused it, the report that is stored now: it is not the one that the
 * patch was merged into, or it may be equal to the new one. The caller sends the heartbeat again with it.
 */
export type BeatOutcome = ItemResult<HeartbeatResult> | StoredReport;

export function isStoredReport(outcome: BeatOutcome | undefined): outcome is StoredReport {
  return outcome !== undefined && 'version' in outcome;
}

type FleetArguments = Record<'defaultTtl' | 'longestTtl' | 'exclusive' | 'holdTtls', number>;
type BeatArguments = { id: string } & Record<
  'ttl' | 'reported' | 'digest' | 'expectedVersion' | 'expectedText',
  string | number
>;
type BeatScript = typeof HEARTBEAT | typeof HEARTBEAT_FAST | typeof REPORT_FAST;
/** What the full script replies for a device. */
type Reply = [code: number, ...detail: (number | string)[]];
/** What a fast script replies for a device: the desired version, and the deadline if the device has a TTL of its own. */
type FastReply = typeof SKIPPED | number | [desiredVersion: number, deadline: number];
const SKIPPED = -1;
/** What a script replied for one device, and the server's time. */
interface Answer {
  now: number;
  reply: Reply;
}
type AnswerResult = ItemResult<Answer>;

/**
 * Sends heartbeats of devices of one partition. The outcomes are in the order of the heartbeats.
 * @param stored the stored reports, by device id; without its own, a new report is compared in the script
 * @param defaultTtl the TTL of devices without a TTL of their own, ms
 * @throws DevstateError CONNECTION
 */
export async function runHeartbeats(
  partition: Partition,
  beats: readonly Heartbeat[],
  stored: ReadonlyMap<string, StoredReport>,
  defaultTtl: number,
): Promise<BeatOutcome[]> {
  const fallbackTtl = validTtl(defaultTtl);
  const { longestTtl, exclusive, hold } = await partition.settings();
  const fleetArguments = {
    defaultTtl: fallbackTtl,
    longestTtl,
    exclusive: exclusive ? 1 : 0,
    holdTtls: hold,
  };
  const prepared = beats.map((beat) => prepareBeat(beat, stored.get(beat.id), exclusive));
  const sent = prepared.flatMap((each) => (each instanceof DevstateError ? [] : [each]));
  const replies = await runByKind(partition, fleetArguments, sent);
  const ttls = sent.map(({ ttl }, i) => (hasCode(replies[i], 1) ? Number(ttl || fallbackTtl) : 0));
  await raiseLongestTtl(
    partition,
    ttls.reduce((longest, ttl) => Math.max(longest, ttl), 0),
  );
  const answers = replies.values();
  return Promise.all(
    prepared.map((each) =>
      each instanceof DevstateError
        ? each
        : toOutcome(partition, each.id, answers.next().value as AnswerResult, stored.get(each.id)),
    ),
  );
}

/**
 * Raises the longest TTL in the fleet's settings to that of heartbeats that were applied. A lost connection is
 * ignored, because the heartbeats have succeeded; a later heartbeat raises the TTL.
 */
async function raiseLongestTtl(partition: Partition, ttl: number): Promise<void> {
  try {
    await partition.raiseLongestTtl(ttl);
  } catch (error) {
    if (!isTransient(error)) throw error;
  }
}

/**
 * Sends heartbeats without a report in a script call of their own: a server at `maxmemory`, which refuses heartbeats
 * with a report, still accepts those of devices that stay online.
 */
async function runByKind(
  partition: Partition,
  fleetArguments: FleetArguments,
  beats: readonly BeatArguments[],
): Promise<AnswerResult[]> {
  const withoutReport = beats.filter(hasNoReport);
  const withReport = beats.filter((beat) => !hasNoReport(beat));
  const kinds = [withoutReport, withReport].filter((kind) => kind.length > 0);
  const replies = await sendBatches(
    kinds,
    (kind) => (kind === withReport ? runWithReports : runFastFirst)(partition, fleetArguments, kind),
    kinds.length,
  );
  const nextFast = replies.slice(0, withoutReport.length).values();
  const nextWithReport = replies.slice(withoutReport.length).values();
  return beats.map((beat) => (hasNoReport(beat) ? nextFast : nextWithReport).next().value as AnswerResult);
}

function hasCode(answer: AnswerResult | undefined, code: number): boolean {
  return answer !== undefined && !(answer instanceof DevstateError) && answer.reply[0] === code;
}

function hasNoReport({ reported }: BeatArguments): boolean {
  return reported === '';
}

/**
 * Sends heartbeats with a report, each of which may be sent once only. One that is compared with a stored report that the
 * caller read goes to the full script at once.
 */
async function runWithReports(
  partition: Partition,
  fleetArguments: FleetArguments,
  beats: readonly BeatArguments[],
): Promise<AnswerResult[]> {
  const run = (script: BeatScript, some: readonly BeatArguments[]) =>
    isolateDenials(some, async (part) =>
      answersOf(script, await partition.run(script, fleetArguments, part), part, fleetArguments),
    );
  if (beats.some(({ expectedVersion }) => expectedVersion !== '')) return run(HEARTBEAT, beats);
  return sendUnfinished(beats, await run(REPORT_FAST, beats), isSkipped, (skipped) =>
    run(HEARTBEAT, skipped),
  );
}

/**
 * Sends heartbeats that may be sent again after a lost connection. If they were, their replies have '' in place of
 * whether the device was offline: an earlier attempt, be it of the fast script, may have brought it online.
 */
async function runFastFirst(
  partition: Partition,
  fleetArguments: FleetArguments,
  beats: readonly BeatArguments[],
): Promise<AnswerResult[]> {
  let isRepeated = false;
  const run = (script: BeatScript, some: readonly BeatArguments[]) =>
    isolateDenials(some, async (part) => {
      const evaluation = await partition.runRepeatably(script, fleetArguments, part, isRepeated);
      isRepeated ||= evaluation.isRepeated;
      const answers = answersOf(script, evaluation, part, fleetArguments);
      return isRepeated ? answers.map(withoutWasOffline) : answers;
    });
  const answers = await run(HEARTBEAT_FAST, beats);
  return sendUnfinished(beats, answers, isSkipped, (skipped) => run(HEARTBEAT, skipped));
}

function isSkipped(answer: AnswerResult): answer is Answer {
  return hasCode(answer, 0);
}

function answersOf(
  script: BeatScript,
  { now, reply }: Evaluation,
  beats: readonly BeatArguments[],
  { defaultTtl }: FleetArguments,
): Answer[] {
  if (script === HEARTBEAT) return (reply as Reply[]).map((each) => ({ now, reply: each }));
  return (reply as FastReply[]).map((each, i) => {
    if (each === SKIPPED) return { now, reply: [0] };
    const [desiredVersion, deadline] =
      typeof each === 'number' ? [each, now + Number(beats[i]?.ttl || defaultTtl)] : each;
    return { now, reply: [1, 0, deadline, desiredVersion] };
  });
}

function withoutWasOffline(answer: Answer): Answer {
  const { now, reply } = answer;
  return reply[0] === 1 ? { now, reply: [1, '', ...reply.slice(2)] } : answer;
}

/** Returns the script's arguments for a heartbeat, or an error if its patch cannot be merged into the stored report. */
function prepareBeat(
  beat: Heartbeat,
  stored: StoredReport | undefined,
  exclusive: boolean,
): ItemResult<BeatArguments> {
  const { id, ttl, reportedJson = '', patch } = beat;
  const beatArguments = (reported: string, expectedVersion: number | string, expectedText: string) => ({
    id,
    ttl: ttl === undefined ? '' : validTtl(ttl),
    reported,
    digest: reported === '' ? '' : reportDigest(reported, exclusive),
    expectedVersion,
    expectedText,
  });
  if (!patch && !stored) return beatArguments(reportedJson, '', '');
  const { version, text } = stored ?? { version: 0, text: '' };
  try {
    const reported = newReport(beat, text);
    // Whatever is stored meanwhile, a new report replaces it.
    if (!patch && reported !== text) return beatArguments(reported, 'any', '');
    return beatArguments(reported, version, text);
  } catch (error) {
    if (error instanceof DevstateError) return error;
    throw error;
  }
}

/** @param expected the stored report that was sent with the heartbeat */
async function toOutcome(
  partition: Partition,
  id: string,
  answer: AnswerResult,
  expected: StoredReport | undefined,
): Promise<BeatOutcome> {
  if (answer instanceof DevstateError) return answer;
  const [code, ...detail] = answer.reply;
  if (code === 0) return notFoundError(id);
  if (code === 2) {
    const found = { version: Number(detail[0]), text: String(detail[1]) };
    return isUnchanged(expected, found) ? notUtf8Error(id, 'the report') : found;
  }
  if (code !== 1) return partition.itemError(HEARTBEAT, { id }, String(detail[0]));
  const [, expiresAt = 0, desiredVersion = 0] = detail.map(Number);
  return {
    deviceId: id,
    status: 'online',
    wasOffline: detail[0] === '' ? null : detail[0] === 1,
    lastSeen: answer.now,
    expiresAt,
    desiredVersion,
  };
}
