/**
 * Heartbeats. A device is online as long as its heartbeat key exists; each heartbeat sets the key again.
 * This file splits many heartbeats into scripts, merges patches into stored reports, and registers an unknown device
 * if its heartbeat asks for that. Each heartbeat succeeds or fails alone.
 */
import { type ItemResult, splitAtRepeats, unwrapOne } from '../async/item-results.js';
import { sendBatches, sendEach, sendUnfinished, sendValidItems } from '../async/send-batches.js';
import { DevstateError } from '../model/errors.js';
import type { Heartbeat, HeartbeatResult } from '../model/heartbeat.js';
import { DEFAULT_TTL_MS, validTtl } from '../model/heartbeat.js';
import { validId, validType } from '../model/identifiers.js';
import { readDevicesIn } from '../query/read-devices.js';
import { registerAllIn } from '../registry/register.js';
import { mapItemsByPartition } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import { retryUntilDone } from '../store/retry.js';
import { runInChunks } from '../store/script-chunks.js';
import { isStoredReport, runHeartbeats, type StoredReport } from './run-heartbeats.js';

/**
 * Sends one heartbeat of a device, which makes the device online until the TTL has passed.
 * @param defaultTtl the TTL of a device without a TTL of its own, ms
 * @throws DevstateError NOT_FOUND, USAGE, BAD_RECORD, CONFLICT, CONNECTION
 */
export async function heartbeat(
  fleet: Fleet,
  beat: Heartbeat,
  defaultTtl: number = DEFAULT_TTL_MS,
): Promise<HeartbeatResult> {
  return unwrapOne(await heartbeats(fleet, [beat], defaultTtl));
}

/**
 * Sends many heartbeats. The results are in the order of the heartbeats; each heartbeat succeeds or fails alone.
 * Heartbeats of the same device are applied in order. A heartbeat that failed with CONNECTION may have been applied if
 * the outcome of the error is `unknown`.
 * @param defaultTtl the TTL of devices without a TTL of their own, ms
 * @throws DevstateError CONNECTION: no heartbeat was answered
 */
export async function heartbeats(
  fleet: Fleet,
  beats: readonly Heartbeat[],
  defaultTtl: number = DEFAULT_TTL_MS,
): Promise<ItemResult<HeartbeatResult>[]> {
  return sendValidItems(beats, validBeat, (valid) =>
    mapItemsByPartition(fleet, valid, (partition, group) => beatAll(partition, group, defaultTtl)),
  );
}

/**
 * Sends many heartbeats of devices of one partition. The results are in the order of the heartbeats; each heartbeat
 * succeeds or fails alone, and those of the same device are applied in order.
 * @throws DevstateError CONNECTION: no heartbeat was answered
 */
export async function heartbeatsIn(
  partition: Partition,
  beats: readonly Heartbeat[],
  defaultTtl: number,
): Promise<ItemResult<HeartbeatResult>[]> {
  return sendValidItems(beats, validBeat, (valid) => beatAll(partition, valid, defaultTtl));
}

async function beatAll(
  partition: Partition,
  beats: readonly Heartbeat[],
  defaultTtl: number,
): Promise<ItemResult<HeartbeatResult>[]> {
  if (partition.isDeviceRole) {
    const { plainHeartbeat } = await import('./plain-heartbeat.js'); // loads ioredis, which `--help` must not
    return sendEach(beats, (beat) => plainHeartbeat(partition, beat, defaultTtl), 1);
  }
  const run = (chunk: readonly Heartbeat[]) => beatAndRegister(partition, chunk, defaultTtl);
  // Any heartbeat may have to be sent a second time: because its report must be merged or compared again, its device must
  // first be registered, or the fast script (for heartbeats without a report) skips it.
  const parts = splitAtRepeats(beats);
  return sendBatches(parts, (part) => runInChunks(part, run, estimatedBytes), 1);
}

/**
 * The assumed size of a merged report, bytes, by which heartbeats are cut into chunks: the real size is known only
 * after the stored report was read.
 */
const MERGE_BYTES = 32 * 1024;

function estimatedBytes({ reportedJson = '', patch }: Heartbeat): number {
  return patch ? MERGE_BYTES : reportedJson.length;
}

function validBeat(beat: Heartbeat): Heartbeat {
  validId(beat.id);
  if (beat.ttl !== undefined) validTtl(beat.ttl);
  if (beat.registerAs !== undefined) validType(beat.registerAs);
  return beat;
}

/**
 * Sends heartbeats. Then registers the devices that are not registered and whose heartbeat has `registerAs`, and sends
 * the heartbeats of these devices again.
 */
async function beatAndRegister(
  partition: Partition,
  beats: readonly Heartbeat[],
  defaultTtl: number,
): Promise<ItemResult<HeartbeatResult>[]> {
  const results = await beatAndMerge(partition, beats, defaultTtl);
  return sendUnfinished(beats, results, mustRegister, (unknown) =>
    registerAndBeat(partition, unknown, defaultTtl),
  );
}

function mustRegister(
  result: ItemResult<HeartbeatResult>,
  { registerAs }: Heartbeat,
): result is DevstateError {
  return registerAs !== undefined && result instanceof DevstateError && result.code === 'NOT_FOUND';
}

async function registerAndBeat(
  partition: Partition,
  beats: readonly Heartbeat[],
  defaultTtl: number,
): Promise<ItemResult<HeartbeatResult>[]> {
  const registrants = beats.map(({ id, registerAs = '' }) => ({ id, type: registerAs }));
  // With `onlyIfNew` true, a device that another client registered after the first attempt keeps that client's type.
  // The registration then fails with CONFLICT, which is ignored, because the heartbeat can be sent.
  const registered = await registerAllIn(partition, registrants, true);
  const results = await beatAndMerge(partition, beats, defaultTtl);
  return results.map((result, i) => {
    const registration = registered[i];
    const failed = registration instanceof DevstateError && registration.code !== 'CONFLICT';
    return failed ? registration : result;
  });
}

/**
 * Sends heartbeats. The stored reports that patches are to be merged into are read first, in one round trip. If a
 * stored report changes between that read and the script, its heartbeat is merged and sent again. A heartbeat whose
 * report the script could not distinguish from the stored one is compared and sent again.
 */
async function beatAndMerge(
  partition: Partition,
  beats: readonly Heartbeat[],
  defaultTtl: number,
): Promise<ItemResult<HeartbeatResult>[]> {
  const merging = beats.filter(({ patch }) => patch !== undefined).map(({ id }) => id);
  const stored = new Map<string, StoredReport>();
  for (const { id, device } of await readDevicesIn(partition, merging, ['reported', 'devstate'], 'unread')) {
    if (device) stored.set(id, { version: device.reportedVersion, text: device.reportedJson });
  }
  const run = (some: readonly Heartbeat[], withStored: ReadonlyMap<string, StoredReport>) =>
    runHeartbeats(partition, some, withStored, defaultTtl);
  const outcomes = await run(beats, stored);
  return sendUnfinished(beats, outcomes, isStoredReport, async (refused, found) => {
    const byId = new Map(refused.map(({ id }, i) => [id, found[i] as StoredReport]));
    return sendUnfinished(refused, await run(refused, byId), isStoredReport, (changing, current) =>
      sendEach(changing, (beat, i) =>
        beatUntilAccepted(partition, beat, current[i] as StoredReport, defaultTtl),
      ),
    );
  });
}

/** Sends the heartbeat of a device that other clients keep changing. */
async function beatUntilAccepted(
  partition: Partition,
  beat: Heartbeat,
  found: StoredReport,
  defaultTtl: number,
): Promise<HeartbeatResult> {
  let stored = found;
  return retryUntilDone(partition.requestTimeoutMs, async () => {
    const [outcome] = await runHeartbeats(partition, [beat], new Map([[beat.id, stored]]), defaultTtl);
    if (outcome instanceof DevstateError) throw outcome;
    if (!isStoredReport(outcome)) return outcome;
    stored = outcome;
    return undefined;
  });
}
