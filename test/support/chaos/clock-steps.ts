/**
 * Steps of the servers' clocks in a chaos run, and what they do to times. Each is by a whole number of hours and a run
 * is much shorter, so a time of a server minus the whole hours is the real time by this machine's clock.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PresenceEvent } from '../../../src/core/model/presence-event.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { partitionNumber } from '../../../src/core/store/partition-number.js';
import { parseServerTime } from '../../../src/core/store/server-time.js';
import type { PrivateServer } from '../../../src/redis/private-server.js';
import { shiftClock } from '../faults/shifted-clock.js';
import { until } from '../fleet.js';
import { parsePulse } from '../hold/pulse.js';
import { type ClockStep, loggedAt, type RealEvent } from './times.js';
import type { Topology } from './topologies.js';

const HOUR_MS = 3_600_000;
/** No time of a run is earlier than this before its start, ms. */
const BEFORE_MS = 60_000;

/** A detector steps once a second. Its last step must be at most 2 s old at the last heartbeat before the clock is set. */
const DETECTOR_STEP_MS = 1500;

/** The shortest and the longest time for which a clock is wrong, ms. */
const OFF_MS = [500, 3500] as const;

/**
 * Sets the clock of all servers, or of one, off by some hours, and right again after a while.
 * @throws Error: another server became a master meanwhile
 */
export async function stepClocks(
  topology: Topology,
  fleet: Fleet,
  random: () => number,
  hours: number,
): Promise<ClockStep[]> {
  await topology.settled();
  const { servers } = topology;
  const one = servers[Math.floor(random() * servers.length)] as PrivateServer;
  const stepped = random() < 0.5 ? servers : [one];
  const partitions = await topology.servedBy(stepped, fleet);
  const step = async (to: number, byMs: number): Promise<ClockStep> => {
    await detectorsWork(fleet, partitions);
    const from = Date.now();
    for (const server of stepped) await shiftClock(server, to);
    return { partitions, byMs, at: [from, Date.now()] };
  };
  const ms = hours * HOUR_MS;
  const off = await step(ms, ms);
  await sleep(OFF_MS[0] + random() * (OFF_MS[1] - OFF_MS[0]));
  const right = await step(0, -ms);
  await topology.settled();
  const after = await topology.servedBy(stepped, fleet);
  if ([...after].join() !== [...partitions].join()) throw new Error('a step of a clock caused a failover');
  return [off, right];
}

/**
 * Waits until a detector has stepped in each partition just now. Without one, a step forward looks like the silence of a
 * fleet that died.
 */
async function detectorsWork(fleet: Fleet, partitions: ReadonlySet<number>): Promise<void> {
  for (const [number, partition] of (await fleet.partitions()).entries()) {
    if (!partitions.has(number)) continue;
    await until(async () => {
      const [time, pulse] = await partition.pipeline([['time'], ['get', partition.keys.pulse]]);
      return parseServerTime(time) - (parsePulse(String(pulse))?.step ?? 0) < DETECTOR_STEP_MS;
    });
  }
}

/** Returns a function that turns a time of a server into real time. @param startedAt the start of the run, epoch ms */
export function realTime(startedAt: number): (ms: number) => number {
  const base = startedAt - BEFORE_MS;
  return (ms) => base + ((((ms - base) % HOUR_MS) + HOUR_MS) % HOUR_MS);
}

/**
 * Returns the events with real times, in the same order. The ids of log entries never go back: after a step back they
 * tell only that an event was logged later than the one before it. Then the times of other events tell more: those of all
 * events but timeouts are the times at which they were logged.
 * @param log of all partitions; of each partition in order
 */
export function withRealTimes(
  log: readonly PresenceEvent[],
  partitions: number,
  steps: readonly ClockStep[],
  real: (ms: number) => number,
): RealEvent[] {
  const found = new Map<string, RealEvent>();
  for (let number = 0; number < partitions; number++) {
    const events = log.filter(({ deviceId }) => partitionNumber(deviceId, partitions) === number);
    const affecting = steps.filter((step) => step.partitions.has(number));
    for (const event of realTimesOf(events, affecting, real)) found.set(event.id as string, event);
  }
  return log.map(({ id }) => found.get(id as string) as RealEvent);
}

/** @param log of one partition */
function realTimesOf(
  log: readonly PresenceEvent[],
  steps: readonly ClockStep[],
  real: (ms: number) => number,
): RealEvent[] {
  const exact = log.map(({ reason, timestamp }) => (reason === 'timeout' ? undefined : real(timestamp)));
  const until: number[] = [];
  for (let i = log.length - 1, next = Number.POSITIVE_INFINITY; i >= 0; i--) {
    next = Math.min(next, exact[i] ?? next);
    until[i] = next;
  }
  let since = 0;
  return log.map((event, i) => {
    const byId = real(loggedAt(event));
    const isIdFixed = steps.some(
      ({ byMs, at }) => byMs < 0 && at[1] >= byId && at[0] <= (until[i] as number),
    );
    since = Math.max(since, isIdFixed ? (exact[i] ?? 0) : byId);
    const { timestamp, previousAt } = event;
    return {
      ...event,
      timestamp: real(timestamp),
      previousAt: previousAt == null ? previousAt : real(previousAt),
      logged: isIdFixed ? [since, until[i] as number] : [byId, byId],
    };
  });
}
