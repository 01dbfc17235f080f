/** The devices of a simulated fleet, with the times of their heartbeats. */
import type { ServerDevice } from './simulated-server.js';

export type FleetKind = 'steady' | 'lockstep' | 'one chatty' | 'shrinking' | 'growing' | 'mixed TTLs';

export interface SimulatedDevice extends ServerDevice {
  /** The mean time between its heartbeats, ms. */
  readonly everyMs: number;
  /** The part of that by which each time is longer or shorter at most. */
  readonly jitter: number;
  /** Whether heartbeats are sent at the same times as those of the others, `phase` ms later. */
  readonly isLockstep: boolean;
  readonly phase: number;
  /** Whether another program writes its heartbeats. */
  readonly isForeign: boolean;
  bornAt: number;
  diesAt: number;
}

export interface FleetPlan {
  readonly fleet: FleetKind;
  readonly devices: number;
  readonly ttlMs: number;
  readonly perTtl: number | undefined;
  readonly foreignPart: number;
}

const TTLS_MS = [1000, 2000, 5000, 60_000];
const [CHATTY_TTL_MS, CHATTY_EVERY_MS, SPARSE_TTL_MS, SPARSE_MIN_MS, SPARSE_MAX_MS] = [
  5000, 200, 60_000, 15_000, 40_000,
];
const [LEAST_PER_TTL, MOST_PER_TTL] = [1.5, 6];
const MAX_LOCKSTEP_PHASE_MS = 1000;

/** @returns the devices, their longest TTL, and the TTL in which the length of an outage is counted, ms */
export function planFleet(
  plan: FleetPlan,
  random: () => number,
): { devices: SimulatedDevice[]; longestTtl: number; outageUnit: number } {
  const between = (from: number, to: number) => from + (to - from) * random();
  const anyTtl = () => TTLS_MS[Math.floor(random() * TTLS_MS.length)] as number;
  const isLockstep = plan.fleet === 'lockstep';
  const commonPerTtl = plan.perTtl ?? between(LEAST_PER_TTL, MOST_PER_TTL);
  const usualJitter = between(0, 0.1);
  const firstForeign = Math.max(1, plan.devices * (1 - plan.foreignPart));

  function cadenceOf(i: number): { ttl: number; everyMs: number } {
    if (plan.fleet === 'one chatty') {
      if (i === 0) return { ttl: CHATTY_TTL_MS, everyMs: CHATTY_EVERY_MS };
      return { ttl: SPARSE_TTL_MS, everyMs: between(SPARSE_MIN_MS, SPARSE_MAX_MS) };
    }
    const ttl = plan.fleet === 'mixed TTLs' ? anyTtl() : plan.ttlMs;
    const perTtl = isLockstep ? commonPerTtl : (plan.perTtl ?? between(LEAST_PER_TTL, MOST_PER_TTL));
    return { ttl, everyMs: ttl / perTtl };
  }

  const devices = Array.from({ length: plan.devices }, (_, i): SimulatedDevice => {
    const { ttl, everyMs } = cadenceOf(i);
    const phase = random() * (isLockstep ? Math.min(MAX_LOCKSTEP_PHASE_MS, 0.05 * everyMs) : everyMs);
    return {
      id: `d${i}`,
      ttl,
      everyMs,
      jitter: everyMs * (1 + usualJitter) > 0.95 * ttl ? 0.02 : usualJitter,
      isLockstep,
      phase,
      isForeign: plan.foreignPart > 0 && i >= firstForeign,
      bornAt: phase,
      diesAt: Number.POSITIVE_INFINITY,
      lastSeen: 0,
      expiresAt: 0,
      deadline: 0,
      settleAgainAt: 0,
      isOnline: false,
    };
  });
  const longestTtl = Math.max(...devices.map(({ ttl }) => ttl));
  const outageUnit =
    plan.fleet === 'one chatty' ? SPARSE_TTL_MS : plan.fleet === 'mixed TTLs' ? anyTtl() : plan.ttlMs;
  return { devices, longestTtl, outageUnit };
}
