/**
 * One outage in virtual time: a fleet whose devices send heartbeats and now and then die, a server, and a detector. It
 * counts who was announced offline wrongly, and how late the dead were announced.
 */
import { randomNumbers } from '../random.mjs';
import { type FleetKind, planFleet, type SimulatedDevice } from './simulated-fleet.js';
import { SimulatedServer, type Timeout } from './simulated-server.js';
import { Timeline } from './timeline.js';

export type Fault =
  | 'none'
  | 'Redis stopped'
  | 'devices cut off'
  | 'detector cut off first'
  | 'detector cut off last'
  | 'restart'
  | 'restart from a snapshot'
  | 'pulse lost'
  | 'clock +1 h'
  | 'three flaps'
  | 'short stalls'
  | 'all die';

export interface Circumstances {
  readonly fault: Fault;
  readonly fleet: FleetKind;
  readonly devices: number;
  /** Of the devices, unless the kind of fleet has TTLs of its own, ms. */
  readonly ttlMs: number;
  /** How long the outage lasts, in TTLs. */
  readonly outageTtls: number;
  /** Heartbeats in a TTL; undefined: each device has its own. */
  readonly perTtl: number | undefined;
  /** The part of the devices whose heartbeats another program writes. */
  readonly foreignPart: number;
  /** How long the fleet runs before the outage, in TTLs. */
  readonly warmUpTtls: number;
  /** Whether a detector makes one step a minute (`--once`), not one a second. */
  readonly isOnce: boolean;
  readonly seed: number;
}

export interface Outcome {
  /** Devices that sent a heartbeat again after their time had run out. */
  returned: number;
  /** Those of them that had been announced offline. */
  false: number;
  /** How long after their deadlines the dead were announced, ms: not for those who died around the outage. */
  readonly lateMs: number[];
  /** The same of a fleet that died as a whole, in TTLs. */
  readonly lateTtls: number[];
}

interface Span {
  readonly from: number;
  readonly to: number;
}

interface Outages {
  readonly redis: readonly Span[];
  readonly devices: readonly Span[];
  readonly detector: readonly Span[];
}

/** Time starts here, so that 0 and 1 are long ago, ms. */
const EPOCH = 1e9;
const HOUR_MS = 3_600_000;
const STEP_MS = 1000;
const ONCE_MS = 60_000;
const LEAST_LONGEST_TTL_MS = 60_000;
const AFTER_TTLS = 6;
/** How long the longest pause of a device is before it connects again, ms and in TTLs. */
const [LONGEST_BACKOFF_MS, LONGEST_BACKOFF_TTLS] = [2000, 0.2];

export function simulate(circumstances: Circumstances): Outcome {
  const { fault, outageTtls, warmUpTtls, isOnce, seed } = circumstances;
  const random = randomNumbers(seed);
  const between = (from: number, to: number) => from + (to - from) * random();
  const pick = <T>(...values: T[]) => values[Math.floor(random() * values.length)] as T;
  const { devices, longestTtl, outageUnit } = planFleet(circumstances, random);

  const hasOutage = !['none', 'clock +1 h', 'short stalls', 'all die'].includes(fault);
  const from = Math.round((warmUpTtls + random()) * longestTtl);
  const to = hasOutage ? from + Math.round(outageTtls * outageUnit) : from;
  const end = to + AFTER_TTLS * longestTtl + 3000;
  const outages = planOutages(fault, { from, to }, longestTtl, end, random);
  planLives(circumstances, devices, { from, to, warmUpEnd: warmUpTtls * longestTtl, longestTtl }, random);

  const timeline = new Timeline();
  const server = new SimulatedServer(devices, Math.max(longestTtl, LEAST_LONGEST_TTL_MS));
  const serverNow = () =>
    EPOCH + timeline.now + (fault === 'clock +1 h' && timeline.now >= from ? HOUR_MS : 0);
  const outcome: Outcome = { returned: 0, false: 0, lateMs: [], lateTtls: [] };
  const wronged = new Set<string>();
  const lossOfBeats = pick('lost', 'sent on return', 'sent later');
  const isResumed = pick(true, false);
  const stepPlace = pick(0, 1, 0.5);

  function beat(device: SimulatedDevice): void {
    const now = serverNow();
    const hadTimedOut = device.lastSeen > 0 && now > device.expiresAt;
    let isTold = wronged.delete(device.id);
    if (device.isForeign) server.plainHeartbeat(device, now);
    else if (server.heartbeat(device, now)) isTold = true;
    if (!hadTimedOut) return;
    outcome.returned++;
    if (isTold) outcome.false++;
  }

  function send(device: SimulatedDevice): void {
    const { now } = timeline;
    if (now >= device.diesAt) return;
    const pause = device.everyMs * (1 + device.jitter * between(-1, 1));
    let next = device.isLockstep ? nextInGrid(device, now) : now + pause;
    const cut = spanAt(outages.devices, now);
    const stop = spanAt(outages.redis, now);
    if (cut) {
      const backoff = between(0, Math.min(LONGEST_BACKOFF_MS, device.ttl * LONGEST_BACKOFF_TTLS));
      if (lossOfBeats === 'sent on return') next = cut.to + backoff;
      if (lossOfBeats === 'sent later') next = cut.to + Math.min(backoff + pause, 0.95 * device.ttl);
    } else if (stop) {
      timeline.at(stop.to, () => beat(device), random());
      if (isResumed) next = Math.max(next, stop.to + pause * random());
    } else beat(device);
    timeline.at(next, () => send(device), random());
  }

  function announce({ device, deadline }: Timeout): void {
    const { diesAt, ttl } = device as SimulatedDevice;
    if (timeline.now < diesAt) {
      wronged.add(device.id);
      return;
    }
    const late = serverNow() - deadline;
    const diedAt = deadline - EPOCH;
    if (fault === 'all die') outcome.lateTtls.push(late / ttl);
    else if (!isOnce && (!hasOutage || diedAt < from - 5000 || diedAt > to + ttl + 3000))
      outcome.lateMs.push(late);
  }

  function step(): void {
    const { now } = timeline;
    const cut = spanAt(outages.detector, now);
    const stop = spanAt(outages.redis, now);
    if (cut) timeline.at(Math.min(cut.to, now + STEP_MS), step, stepPlace);
    else if (stop) timeline.at(stop.to, step, stepPlace);
    else {
      for (const timeout of server.step(serverNow(), isOnce)) announce(timeout);
      const pause = Math.min(STEP_MS, Math.max(1, server.nextDueAt - serverNow() + 1));
      timeline.at(now + (isOnce ? ONCE_MS : pause), step, random());
    }
  }

  for (const device of devices) timeline.at(device.bornAt, () => send(device), random());
  timeline.at(isOnce ? between(0, ONCE_MS) : 10, step);
  if (fault === 'restart from a snapshot') {
    timeline.at(from - between(0, 0.7) * longestTtl, () => timeline.at(to, server.takeSnapshot(), -1));
  }
  if (fault === 'pulse lost') timeline.at(to, () => server.losePulse(), -1);
  timeline.runUntil(end);
  return outcome;
}

function spanAt(spans: readonly Span[], time: number): Span | undefined {
  return spans.find(({ from, to }) => time >= from && time < to);
}

function nextInGrid({ everyMs, phase }: SimulatedDevice, now: number): number {
  const next = (Math.floor(now / everyMs) + 1) * everyMs + phase;
  return next - now < everyMs / 2 ? next + everyMs : next;
}

function planOutages(
  fault: Fault,
  span: Span,
  longestTtl: number,
  end: number,
  random: () => number,
): Outages {
  const { from, to } = span;
  const none: Outages = { redis: [], devices: [], detector: [] };
  const isEarly = random() < 0.5;
  switch (fault) {
    case 'Redis stopped':
      return { ...none, redis: [span] };
    case 'devices cut off':
      return { ...none, devices: [span] };
    case 'detector cut off first': {
      const back = to + (random() - 0.5) * Math.min(3000, to - from);
      return { ...none, devices: [span], detector: [{ from: from - 5000, to: back }] };
    }
    case 'detector cut off last': {
      const detector = { from: from + Math.min(3000, (to - from) / 2), to: to + (isEarly ? -200 : 3000) };
      return { ...none, devices: [span], detector: [detector] };
    }
    case 'restart':
    case 'restart from a snapshot':
    case 'pulse lost':
      return { ...none, devices: [span], detector: [{ from, to: to + (isEarly ? 0 : 1500 * random()) }] };
    case 'three flaps': {
      const flaps: Span[] = [];
      const length = (to - from) / 3;
      for (let at = from; flaps.length < 3; at += length + (0.02 + 0.28 * random()) * longestTtl)
        flaps.push({ from: at, to: at + length });
      return { ...none, devices: flaps, detector: isEarly ? flaps : [] };
    }
    case 'short stalls': {
      const stalls: Span[] = [];
      for (let at = 3 * longestTtl; at < end; at += 5000 + 35_000 * random())
        stalls.push({ from: at, to: at + 300 + 500 * random() });
      return { ...none, redis: stalls };
    }
    default:
      return none;
  }
}

/** Lets few devices die at any time. A shrinking fleet dies one after the other, a growing one begins so. */
function planLives(
  { fault, fleet }: Circumstances,
  devices: readonly SimulatedDevice[],
  times: Span & { warmUpEnd: number; longestTtl: number },
  random: () => number,
): void {
  const { from, to, warmUpEnd, longestTtl } = times;
  const part = devices.length < 10 ? 0.25 : 0.06;
  const firstToDie = Math.max(1, devices.length / 20);
  const start = 0.3 * warmUpEnd;
  for (const [i, device] of devices.entries()) {
    if (fault === 'all die') device.diesAt = from;
    else if (fleet === 'shrinking' && i >= firstToDie)
      device.diesAt = start + ((to + 3 * longestTtl - start) * i) / devices.length;
    else if (random() < part)
      device.diesAt = 0.5 * warmUpEnd + (to + 4 * longestTtl - 0.5 * warmUpEnd) * random();
    if (fleet === 'growing') device.bornAt += (to * i) / devices.length;
  }
  const [first] = devices;
  if (fleet === 'one chatty' && fault === 'none' && first) first.diesAt = from;
}
