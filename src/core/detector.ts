/**
 * Finds devices whose deadline has passed. The index says where to look, the settle script
 * passes the verdict, so any number of detectors announce each transition once.
 */
import type { Fleet } from './fleet.js';
import { settle, type Verdict } from './heartbeats.js';
import { serverTime } from './records.js';
import { MAX_DEVICES_PER_SCRIPT } from './scripts.js';

/** Settles every device whose deadline has passed; gives those found offline. */
export async function sweep(fleet: Fleet): Promise<string[]> {
  const offline: string[] = [];
  const now = serverTime(await fleet.send(() => fleet.redis.time()));
  for (;;) {
    const due = await fleet.send(() =>
      fleet.redis.zrange(fleet.keys.activity, '(0', `(${now}`, 'BYSCORE', 'LIMIT', 0, MAX_DEVICES_PER_SCRIPT),
    );
    const { verdicts } = await settle(fleet, due);
    offline.push(...due.filter((_, i) => verdicts[i] === 'offline'));
    const settled = verdicts.some(
      (verdict: Verdict) => verdict === 'offline' || verdict === 'online' || verdict === 'stray',
    );
    if (due.length < MAX_DEVICES_PER_SCRIPT || !settled) return offline;
  }
}
