/**
 * Decides for each device whether it is online, corrects its record and the index, and announces a transition
 * that has not been announced. Detectors, the audit and `declareFleet` all call `settle`, so their decisions agree.
 */

import type { ItemResult } from '../async/item-results.js';
import { DevstateError } from '../model/errors.js';
import type { PresenceEvent } from '../model/presence-event.js';
import { isolateDenials } from '../store/isolate-denials.js';
import type { Partition } from '../store/partition.js';
import { runInChunks } from '../store/script-chunks.js';
import { SETTLE } from '../store/scripts.js';

/**
 * What was found about a device that was settled. Besides online and offline:
 * - held: the device timed out, but is not announced offline yet, because its heartbeats could not arrive
 * - stray: the device is not registered; it was removed from the index
 * - DevstateError: the device could not be settled. BAD_RECORD: a key of it does not hold what devstate stores;
 *   CONNECTION: the server refused a write or a permission
 */
export type Verdict = 'online' | 'offline' | 'held' | 'stray' | DevstateError;

export interface SettleOptions {
  /** True (for a detector): writes the time to the key `devices:pulse`. False (default): does not. */
  detector?: boolean;
  /**
   * True: the detector itself was stopped before, so the time without a step is not an outage. False (default): it was
   * not.
   */
  isStalled?: boolean;
  /** True (default): a device whose heartbeats could not arrive is held. False: it is declared offline. */
  honourHold?: boolean;
  /**
   * True: the ids are those of registered devices. False (default): the script finds out; in a fleet whose devices have
   * logins of their own, only devices in the index count as registered.
   */
  areRegistered?: boolean;
}

/** The earliest and the latest end of the holds of some devices, epoch ms; 0: none of them is held. */
export interface HoldEnds {
  first: number;
  last: number;
}

export const NO_HOLD: HoldEnds = { first: 0, last: 0 };

export interface Settlement {
  holdEnds: HoldEnds;
  /** One for each device, in the order of the ids. */
  verdicts: Verdict[];
  /** The transitions that were announced, without those whose answer was lost. */
  events: PresenceEvent[];
  /** True: an answer was lost that may have had further events. They are in the log. */
  isAnswerLost: boolean;
  /**
   * True: another program changed at least one of the devices without updating the index or announcing it. False: no
   * such change was found.
   */
  bypassed: boolean;
  /** The longest TTL that one of the devices uses, or has of its own, ms; 0: none has any. */
  ttlInUse: number;
}

/**
 * Decides which of the given devices of one partition are online, and announces transitions that have not been
 * announced, also of devices that another program writes.
 * @throws DevstateError CONNECTION, BAD_RECORD (the settings of the fleet are not readable), USAGE (read-only)
 */
export async function settle(
  partition: Partition,
  ids: readonly string[],
  { detector = false, isStalled = false, honourHold = true, areRegistered = false }: SettleOptions = {},
): Promise<Settlement> {
  const { longestTtl, deviceLogins, hold } = await partition.settings();
  const args = {
    longestTtl,
    holdTtls: hold,
    caller: detector ? 'step' : 'settle',
    isStalled: isStalled ? 1 : 0,
    honourHold: honourHold ? 1 : 0,
    indexOnly: deviceLogins && !areRegistered ? 1 : 0,
  };
  const settlement: Settlement = {
    holdEnds: NO_HOLD,
    verdicts: [],
    events: [],
    isAnswerLost: false,
    bypassed: false,
    ttlInUse: 0,
  };
  const settleChunk = async (chunk: readonly string[]): Promise<string[][]> => {
    const devices = chunk.map((id) => ({ id }));
    const { reply, isRepeated } = await partition.runRepeatably(SETTLE, args, devices, false);
    const [first, last, ttlInUse, ...replies] = reply as [string, string, string, ...string[][]];
    settlement.holdEnds = joinHoldEnds(settlement.holdEnds, { first: Number(first), last: Number(last) });
    settlement.ttlInUse = Math.max(settlement.ttlInUse, Number(ttlInUse));
    settlement.isAnswerLost ||= isRepeated && replies.some(hasStatusWithoutEvent);
    return replies;
  };
  const replies: ItemResult<string[]>[] = await runInChunks(ids, (chunk) =>
    isolateDenials(chunk, settleChunk),
  );
  for (const [i, reply] of replies.entries()) {
    const id = ids[i] as string;
    if (reply instanceof DevstateError) {
      settlement.isAnswerLost ||= reply.outcome === 'unknown';
      settlement.verdicts.push(reply);
      continue;
    }
    const [status = '', mark, ...announced] = reply;
    settlement.bypassed ||= mark === '1';
    settlement.verdicts.push(await toVerdict(partition, id, String(status)));
    if (announced.length > 0) settlement.events.push(toEvent(id, status, announced));
  }
  return settlement;
}

/** Returns whether a reply says that a device is online or offline, and that this call did not announce it. */
function hasStatusWithoutEvent([status, _mark, ...announced]: string[]): boolean {
  return (status === 'online' || status === 'offline') && announced.length === 0;
}

/** Returns the earliest and the latest end of the holds of two groups of devices. */
export function joinHoldEnds(a: HoldEnds, b: HoldEnds): HoldEnds {
  if (a.first === 0 || b.first === 0) return a.first === 0 ? b : a;
  return { first: Math.min(a.first, b.first), last: Math.max(a.last, b.last) };
}

function toEvent(id: string, status: string, announced: readonly string[]): PresenceEvent {
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

async function toVerdict(partition: Partition, id: string, reply: string): Promise<Verdict> {
  const isKnown = reply === 'online' || reply === 'offline' || reply === 'held' || reply === 'stray';
  if (isKnown) return reply;
  return partition.itemError(SETTLE, { id }, reply);
}
