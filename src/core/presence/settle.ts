/** The one verdict on whether devices are there, used by detectors, audits and explicit checks. */

import type { DevstateError } from '../model/errors.js';
import type { PresenceEvent } from '../model/presence-event.js';
import type { Partition } from '../store/partition.js';
import { runInChunks } from '../store/script-chunks.js';
import { SETTLE } from '../store/scripts.js';

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
  /** Of some of them it stood otherwise than devstate leaves it: another program's hand. */
  bypassed: boolean;
}

/**
 * Passes the verdict on these devices, whoever wrote them, and announces what nobody has
 * announced. `stray`: no registered record. `held`: lapsed during a hold, not judged.
 */
export async function settle(
  partition: Partition,
  ids: readonly string[],
  { detector = false, honourHold = true }: SettleOptions = {},
): Promise<Settlement> {
  const { longestTtl } = await partition.settings();
  const args = { longestTtl, detector: detector ? 1 : 0, honourHold: honourHold ? 1 : 0 };
  const settlement: Settlement = { holdUntil: 0, verdicts: [], events: [], bypassed: false };
  const judge = async (chunk: readonly string[]): Promise<string[][]> => {
    const [hold, ...replies] = await partition.run(
      SETTLE,
      args,
      chunk.map((id) => ({ id })),
    );
    settlement.holdUntil = Number(hold);
    return replies as string[][];
  };
  const replies = ids.length === 0 ? await judge([]) : await runInChunks(ids, judge);
  for (const [i, [status = '', mark, ...announced]] of replies.entries()) {
    const id = ids[i] as string;
    settlement.bypassed ||= mark === '1';
    settlement.verdicts.push(await asVerdict(partition, id, status));
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

async function asVerdict(partition: Partition, id: string, reply: string): Promise<Verdict> {
  const known = reply === 'online' || reply === 'offline' || reply === 'held' || reply === 'stray';
  return known ? reply : partition.itemError(SETTLE, { id }, reply);
}
