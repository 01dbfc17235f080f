/** Heartbeats of many devices in each way, timed and their answers checked. */
import { StageError } from '../../scripts/stage.js';
import { expect, TTL_MS } from './fleet.js';
import { chunk, encode } from './raw.js';
import { inFlight, timed } from './rounds.js';

const IN_FLIGHT = 256;
const BATCH = 10_000;
/** So many raw heartbeats share a moment, as those of one script do. */
const MOMENT = 100;
const RAW_CHUNK = 1000;
const SAMPLE = 1000;

/** The library's, a batch a call. `report` gives a device's report; without it there is none. */
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

/** The library's, a device a call. */
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

/** The article's, a device a call. */
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

/** The same writes as bare commands. What is sent is encoded before the time begins. */
export async function rawBeats(raw, ids) {
  const now = Date.now();
  const chunks = [];
  for (let from = 0; from < ids.length; from += RAW_CHUNK) {
    const beats = ids.slice(from, from + RAW_CHUNK).flatMap((id, i) => {
      const moment = now + Math.floor((from + i) / MOMENT);
      return [
        encode('SET', `device:heartbeat:${id}`, '1', 'PX', TTL_MS),
        encode('SADD', 'devices:online', id),
        encode('ZADD', 'devices:activity', moment + TTL_MS, id),
        encode('HSET', `device:state:${id}`, 'lastSeen', moment),
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
    const due = [ids[i], 'online', false, TTL_MS];
    expect(`the heartbeat of ${ids[i]}`, [deviceId, status, wasOffline, expiresAt - lastSeen], due);
  }
}

/**
 * Whether these devices' heartbeats since then are all there, by a sample.
 * @param index how far the deadline in the index may be from the heartbeat key's, ms; undefined: there is none
 */
export async function checkBeaten(redis, ids, { since, index, report }) {
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
    const apart = Math.abs(Number(score) - deadline);
    const wrong =
      status !== 'online' ||
      online !== 1 ||
      !(Number(lastSeen) >= since) ||
      !(deadline >= since + TTL_MS) ||
      (index !== undefined && !(apart <= index)) ||
      (report && reported !== JSON.stringify(report(id)));
    if (wrong) throw new StageError(`${id} did not beat: ${JSON.stringify(replies.slice(4 * i, 4 * i + 4))}`);
  }
}
