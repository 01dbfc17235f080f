/** Heartbeats of many devices by each method: the time that they take; their answers are checked. */
import { StageError } from '../../scripts/stage.js';
import { expect, TTL_MS } from './fleet.js';
import { chunk, encode } from './raw.js';
import { inFlight, timed } from './rounds.js';

const IN_FLIGHT = 256;
const BATCH = 10_000;
/** How many raw heartbeats have the same time, as those of one script do. */
const SAME_TIME = 100;
const RAW_CHUNK = 1000;
const SAMPLE = 1000;

/** Sends heartbeats with the library, a batch per call. @param report returns a device's report; without it there is none */
export async function bulkBeats(manager, ids, report) {
  const beats = ids.map((deviceId) => ({ deviceId, ...(report && { reportedState: report(deviceId) }) }));
  const results = [];
  const ms = await timed(async () => {
    for (let from = 0; from < beats.length; from += BATCH)
      results.push(...(await manager.deviceHeartbeats(beats.slice(from, from + BATCH))));
  });
  checkResults(ids, results);
  return ms;
}

/** Sends heartbeats with the library, a device per call. */
export async function singleBeats(manager, ids) {
  const results = [];
  const ms = await timed(() =>
    inFlight(IN_FLIGHT, ids.entries(), async ([i, id]) => {
      results[i] = await manager.deviceHeartbeat(id);
    }),
  );
  checkResults(ids, results);
  return ms;
}

/** Sends heartbeats by the article's design, a device per call. */
export async function articleBeats(article, ids, report) {
  let online = 0;
  const ms = await timed(() =>
    inFlight(IN_FLIGHT, ids.values(), async (id) => {
      const { wasOffline } = await article.heartbeat(id, report?.(id));
      if (!wasOffline) online += 1;
    }),
  );
  expect("the article's devices that were online", online, ids.length);
  return ms;
}

/** Sends the same writes as raw commands. They are encoded before the time is taken. */
export async function rawBeats(raw, ids) {
  const now = Date.now();
  const chunks = [];
  for (let from = 0; from < ids.length; from += RAW_CHUNK) {
    const beats = ids.slice(from, from + RAW_CHUNK).flatMap((id, i) => {
      const at = now + Math.floor((from + i) / SAME_TIME);
      return [
        encode('SET', `device:heartbeat:${id}`, '1', 'PX', TTL_MS),
        encode('SADD', 'devices:online', id),
        encode('ZADD', 'devices:activity', at + TTL_MS, id),
        encode('HSET', `device:state:${id}`, 'lastSeen', at),
      ];
    });
    chunks.push(chunk(beats));
  }
  return timed(() => raw.send(chunks));
}

function checkResults(ids, results) {
  expect('how many heartbeats were answered', results.length, ids.length);
  for (const [i, result] of results.entries()) {
    if (result instanceof Error) throw result;
    const { deviceId, status, wasOffline, lastSeen, expiresAt } = result;
    const expected = [ids[i], 'online', false, TTL_MS];
    expect(`the heartbeat of ${ids[i]}`, [deviceId, status, wasOffline, expiresAt - lastSeen], expected);
  }
}

/**
 * Checks a sample of these devices: each has sent a heartbeat since `sinceMs`.
 * @param options `indexToleranceMs`: how far the deadline in the index may be from the heartbeat key's; undefined:
 * there is no index
 */
export async function checkBeaten(redis, ids, { sinceMs, indexToleranceMs, report }) {
  const step = Math.max(1, Math.floor(ids.length / SAMPLE));
  const sample = ids.filter((_, i) => i % step === 0);
  const reads = redis.pipeline();
  for (const id of sample) {
    reads.hmget(`device:state:${id}`, 'status', 'lastSeen', 'reportedState');
    reads.call('pexpiretime', `device:heartbeat:${id}`);
    reads.sismember('devices:online', id);
    reads.zscore('devices:activity', id);
  }
  const replies = (await reads.exec()).map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
  for (const [i, id] of sample.entries()) {
    const [[status, lastSeen, reported], deadline, online, score] = replies.slice(4 * i, 4 * i + 4);
    const apartMs = Math.abs(Number(score) - deadline);
    const wrong =
      status !== 'online' ||
      online !== 1 ||
      !(Number(lastSeen) >= sinceMs) ||
      !(deadline >= sinceMs + TTL_MS) ||
      (indexToleranceMs !== undefined && !(apartMs <= indexToleranceMs)) ||
      (report && reported !== JSON.stringify(report(id)));
    if (wrong)
      throw new StageError(
        `the heartbeat of ${id} is missing: ${JSON.stringify(replies.slice(4 * i, 4 * i + 4))}`,
      );
  }
}
