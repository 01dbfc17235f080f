/** The classes of outages and fleets that are simulated, and what is measured of each. */
import { randomNumbers } from '../random.mjs';
import type { FleetKind } from './simulated-fleet.js';
import { type Fault, simulate } from './simulation.js';

type Range = readonly [least: number, most: number];

export interface SimulatedClass {
  readonly name: string;
  readonly fault: Fault;
  /** How long the outage lasts, in TTLs. */
  readonly outageTtls?: Range;
  readonly fleet?: FleetKind;
  readonly perTtl?: Range;
  readonly devices?: Range;
  readonly foreignPart?: number;
  readonly warmUpTtls?: number;
  readonly isOnce?: boolean;
  /**
   * The part of the devices that came back after their time had run out, but had been announced offline, %, that was
   * measured when the rules of the hold were chosen; of two measurements the larger. Undefined: the class has no outage.
   */
  readonly falsePercent?: number;
}

const SHORT: Range = [0.1, 0.95];
const LONG: Range = [1, 2];
const ANY: Range = [0.1, 2];
const cutOff = 'devices cut off';

export const CLASSES: readonly SimulatedClass[] = [
  { name: 'Redis stopped up to a TTL', fault: 'Redis stopped', outageTtls: SHORT, falsePercent: 0 },
  { name: 'Redis stopped 1 to 2 TTLs', fault: 'Redis stopped', outageTtls: LONG, falsePercent: 0 },
  {
    name: 'Redis stopped, lockstep',
    fault: 'Redis stopped',
    fleet: 'lockstep',
    outageTtls: ANY,
    falsePercent: 0,
  },
  {
    name: 'Redis stopped, first minutes',
    fault: 'Redis stopped',
    outageTtls: ANY,
    warmUpTtls: 0.8,
    falsePercent: 0,
  },
  { name: 'restart', fault: 'restart', outageTtls: SHORT, falsePercent: 0 },
  { name: 'restart after 1 to 2 TTLs', fault: 'restart', outageTtls: LONG, falsePercent: 2.1 },
  { name: 'restart from a snapshot', fault: 'restart from a snapshot', outageTtls: SHORT, falsePercent: 0 },
  { name: 'pulse lost', fault: 'pulse lost', outageTtls: ANY, falsePercent: 0 },
  { name: 'clock +1 h', fault: 'clock +1 h', falsePercent: 0 },
  { name: 'devices cut off up to a TTL', fault: cutOff, outageTtls: SHORT, falsePercent: 0 },
  { name: 'devices cut off 1 to 2 TTLs', fault: cutOff, outageTtls: LONG, falsePercent: 11 },
  { name: 'rare heartbeats', fault: cutOff, outageTtls: SHORT, perTtl: [1.5, 2], falsePercent: 3 },
  { name: 'lockstep', fault: cutOff, fleet: 'lockstep', outageTtls: SHORT, falsePercent: 12 },
  { name: 'shrinking', fault: cutOff, fleet: 'shrinking', outageTtls: SHORT, falsePercent: 0.3 },
  { name: 'growing', fault: cutOff, fleet: 'growing', outageTtls: SHORT, falsePercent: 0.3 },
  { name: 'detector cut off first', fault: 'detector cut off first', outageTtls: SHORT, falsePercent: 0.3 },
  { name: 'detector cut off last', fault: 'detector cut off last', outageTtls: SHORT, falsePercent: 0.3 },
  { name: '--once each minute', fault: cutOff, isOnce: true, outageTtls: SHORT, falsePercent: 0.3 },
  {
    name: 'one chatty, many sparse',
    fault: cutOff,
    fleet: 'one chatty',
    devices: [3, 50],
    outageTtls: SHORT,
    falsePercent: 9,
  },
  {
    name: 'mixed TTLs',
    fault: cutOff,
    fleet: 'mixed TTLs',
    devices: [10, 50],
    outageTtls: ANY,
    falsePercent: 55,
  },
  { name: 'half foreign', fault: cutOff, foreignPart: 0.5, outageTtls: SHORT, falsePercent: 0.1 },
  { name: 'nearly all foreign', fault: cutOff, foreignPart: 0.999, outageTtls: SHORT, falsePercent: 43 },
  { name: 'three flaps', fault: 'three flaps', outageTtls: [0.5, 2], falsePercent: 23 },
  { name: 'three devices', fault: cutOff, devices: [1, 3], outageTtls: SHORT, falsePercent: 81 },
  { name: 'no outage', fault: 'none' },
  { name: 'no outage, lockstep', fault: 'none', fleet: 'lockstep' },
  { name: 'no outage, mixed TTLs', fault: 'none', fleet: 'mixed TTLs' },
  { name: 'no outage, three devices', fault: 'none', devices: [1, 3] },
  { name: 'short stalls', fault: 'short stalls' },
  { name: 'all die', fault: 'all die' },
];

/** What was measured of the outages of a class. */
export interface Measured {
  /** Devices that came back after their time had run out, and those of them that had been announced offline. */
  readonly returned: number;
  readonly false: number;
  /** Outages after which devices came back so. */
  readonly samples: number;
  readonly lateMs: readonly number[];
  readonly lateTtls: readonly number[];
}

const TTLS_MS = [1000, 2000, 5000, 60_000];
const LEAST_OUTAGE_MS = 500;
const LEAST_DEVICES = 10;
const USUAL_PER_TTL: Range = [1.5, 6];
const OWN_CADENCE_PART = 0.3;
const WARM_UP_TTLS = 5;

/** @param most of the devices in a fleet, unless the class has its own number */
export function measure(each: SimulatedClass, outages: number, most: number, seed: number): Measured {
  const random = randomNumbers(seed);
  const between = ([from, to]: Range) => from + (to - from) * random();
  const [fewest, devicesAtMost] = each.devices ?? [LEAST_DEVICES, most];
  const outcomes = Array.from({ length: outages }, (_, i) => {
    const ttlMs = TTLS_MS[i % TTLS_MS.length] as number;
    const { fault, fleet = 'steady', foreignPart = 0, warmUpTtls = WARM_UP_TTLS, isOnce = false } = each;
    const outageTtls = each.outageTtls ? Math.max(between(each.outageTtls), LEAST_OUTAGE_MS / ttlMs) : 0;
    const hasOwnCadence = random() < OWN_CADENCE_PART && !each.perTtl;
    return simulate({
      fault,
      fleet,
      foreignPart,
      warmUpTtls,
      isOnce,
      ttlMs,
      outageTtls,
      devices: Math.round(fewest * (devicesAtMost / fewest) ** random()),
      perTtl: hasOwnCadence ? undefined : between(each.perTtl ?? USUAL_PER_TTL),
      seed: Math.floor(random() * 2 ** 31),
    });
  });
  const sum = (count: (outcome: (typeof outcomes)[number]) => number) =>
    outcomes.reduce((total, outcome) => total + count(outcome), 0);
  return {
    returned: sum(({ returned }) => returned),
    false: sum((outcome) => outcome.false),
    samples: sum(({ returned }) => (returned > 0 ? 1 : 0)),
    lateMs: outcomes.flatMap(({ lateMs }) => lateMs),
    lateTtls: outcomes.flatMap(({ lateTtls }) => lateTtls),
  };
}
