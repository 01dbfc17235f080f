/**
 * A scene: fleets of one TTL on a server of their own, each with another cadence of heartbeats, and one outage. Then
 * every device that beats on must be online, and every device that died must have been announced in time.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { closeConnection } from '../../../src/core/store/close-connection.js';
import { connect } from '../../../src/redis/client.js';
import { startServer } from '../../../src/redis/private-server.js';
import { parseTarget } from '../../../src/redis/target-url.js';
import { loggedAt } from '../chaos/times.js';
import { FaultProxy } from '../faults/fault-proxy.js';
import { randomNumbers } from '../random.mjs';
import { type Absence, makeAbsence } from './absences.js';
import { BeatingFleet, type DeviceStory, type Links } from './beating-fleet.js';

export interface Scene {
  readonly absence: Absence;
  readonly ttlMs: number;
  readonly outageMs: number;
  readonly seed: number;
}

/** The result of one fleet: counts, and a text for each device that was announced wrongly. */
export interface Cell extends Pick<Scene, 'absence' | 'ttlMs'> {
  readonly title: string;
  readonly devices: number;
  readonly deaths: number;
  /** The longest time in which no heartbeat was answered, ms: the outage and what a busy machine adds. */
  readonly silentMs: number;
  /** Devices that beat on and were announced offline. */
  readonly false: string[];
  /** Deaths with a time before the deadline, or logged before it, by more than 2 ms. */
  readonly early: string[];
  /** Deaths that were not announced, more than once, or over a second after deadline and hold. */
  readonly late: string[];
  /** How long after deadline and hold the deaths were logged, ms. */
  readonly delaysMs: number[];
}

interface Cadence {
  readonly name: string;
  readonly perTtl: number;
  readonly isLockstep: boolean;
}

const CADENCES: readonly Cadence[] = [
  { name: 'TTL/6', perTtl: 6, isLockstep: false },
  { name: 'TTL/3', perTtl: 3, isLockstep: false },
  { name: 'lockstep', perTtl: 3, isLockstep: true },
];
/** The request timeout of devices and detector, ms. */
const REQUEST_TIMEOUT_MS = 1000;
/** The request timeout of the connection by which the test sees what happens, ms. */
const PATIENT_MS = 15_000;
const EXACT_MS = 2;
const LATE_MS = 1000;
/** Fewer devices than this cannot be told from their network. */
const LEAST_DEVICES = 5;
const MORE_DEVICES = 16;
const MOST_DEATHS = 3;
/** How long fleets beat before the outage, in TTLs. */
const WARM_UP_TTLS = 3;
/** How long the outage is observed after its end, in TTLs: a hold, a TTL and a second at least. */
const AFTER_TTLS = 3;

/** @param marginMs what a busy machine may add to the time until a death is announced */
export async function runScene(scene: Scene, marginMs: number): Promise<Cell[]> {
  const { absence, ttlMs, outageMs, seed } = scene;
  const random = randomNumbers(seed);
  // What was written survives the end of the server's process, though it was not synchronized with the disk.
  const server = await startServer({ args: ['--appendonly', 'yes', '--appendfsync', 'no'] });
  const [devices, detector] = await Promise.all([FaultProxy.start(server.url), FaultProxy.start(server.url)]);
  const stop = new AbortController();
  const open = (url: string, timeoutMs: number) =>
    connect(parseTarget(url), { timeoutMs, signal: stop.signal });
  const links: Links = {
    devices: await open(devices.url, REQUEST_TIMEOUT_MS),
    detector: await open(detector.url, REQUEST_TIMEOUT_MS),
    observer: await open(server.url, PATIENT_MS),
  };
  try {
    const fleets = await Promise.all(
      CADENCES.map(async (cadence, i) => {
        const everyMs = ttlMs / cadence.perTtl;
        const common = random() * everyMs;
        const plan = {
          namespace: `cell${i}`,
          ttlMs,
          everyMs,
          phaseMs: () => (cadence.isLockstep ? common : random() * everyMs),
          devices: LEAST_DEVICES + Math.floor(random() * MORE_DEVICES),
        };
        return { cadence, plan, fleet: await BeatingFleet.start(plan, links, REQUEST_TIMEOUT_MS) };
      }),
    );
    await sleep(WARM_UP_TTLS * ttlMs);
    const goneAt = Date.now();
    for (const { plan, fleet } of fleets) {
      const deaths = Math.min(MOST_DEATHS, plan.devices - LEAST_DEVICES);
      fleet.letDie(...Array.from({ length: deaths }, () => random() * (outageMs + ttlMs / 2)));
    }
    await makeAbsence(absence, { server, devices, detector }, outageMs);
    const backAt = Date.now();
    await sleep(AFTER_TTLS * ttlMs + LATE_MS);
    return await Promise.all(
      fleets.map(async ({ cadence, plan, fleet }) => {
        const stories = await fleet.end();
        const hold = holdOf(fleet.answeredAt, ttlMs, goneAt, backAt);
        return {
          absence,
          ttlMs,
          title: `${absence} for ${Math.round(outageMs)} ms, TTL ${ttlMs} ms, ${cadence.name}, seed ${seed}`,
          devices: plan.devices,
          deaths: stories.filter(({ isDead }) => isDead).length,
          silentMs: longestGap(fleet.answeredAt),
          ...judge(stories, ttlMs, hold, LATE_MS + marginMs),
        };
      }),
    );
  } finally {
    stop.abort();
    for (const { client } of Object.values(links)) closeConnection(client);
    await Promise.all([devices.close(), detector.close()]);
    await server.stop();
  }
}

interface Span {
  readonly from: number;
  readonly to: number;
}

function longestGap(answeredAt: readonly number[]): number {
  const sorted = answeredAt.toSorted((a, b) => a - b);
  return Math.max(...sorted.slice(1).map((at, i) => at - (sorted[i] as number)));
}

/** The time from the first absence to the latest end of a hold that it explains, ms. */
function holdOf(answeredAt: readonly number[], ttlMs: number, goneAt: number, backAt: number): Span {
  const last = Math.max(...answeredAt.filter((at) => at <= goneAt));
  const returned = Math.min(...answeredAt.filter((at) => at > backAt));
  const gapMs = returned - last;
  return { from: Math.min(last, goneAt), to: Math.max(returned, backAt) + Math.min(ttlMs, 4 * gapMs) };
}

function judge(
  stories: readonly DeviceStory[],
  ttlMs: number,
  hold: Span,
  lateMs: number,
): Pick<Cell, 'false' | 'early' | 'late' | 'delaysMs'> {
  const found = {
    false: [] as string[],
    early: [] as string[],
    late: [] as string[],
    delaysMs: [] as number[],
  };
  for (const { id, isDead, lastSeen, events } of stories) {
    const timeouts = events.filter(({ reason }) => reason === 'timeout');
    const text = () =>
      `${id}: last seen ${lastSeen - hold.from}, hold up to ${hold.to - hold.from}, ${events
        .map((event) => `${event.reason} ${event.timestamp - hold.from}@${loggedAt(event) - hold.from}`)
        .join(', ')}`;
    const [own, ...others] = isDead ? timeouts.toReversed() : [undefined, ...timeouts];
    if (others.length > 0) found.false.push(text());
    if (!isDead) continue;
    if (own === undefined) {
      found.late.push(text());
      continue;
    }
    const deadline = lastSeen + ttlMs;
    const due = deadline >= hold.from && deadline <= hold.to ? hold.to : deadline;
    const delayMs = loggedAt(own) - due;
    found.delaysMs.push(Math.max(0, delayMs));
    if (delayMs > lateMs) found.late.push(text());
    if (Math.abs(own.timestamp - deadline) > EXACT_MS || loggedAt(own) < deadline - EXACT_MS)
      found.early.push(text());
  }
  return found;
}
