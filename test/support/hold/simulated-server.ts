/**
 * What scripts do with heartbeat keys, the index and the pulse, in virtual time and without Redis. Which devices are held
 * is decided by `pulse.ts`.
 */
import { addBeat, addSeen, type ComputedPulse, computePulse, holdEnd, type Pulse } from './pulse.js';

/** A device as the server knows it. Times are ms. */
export interface ServerDevice {
  readonly id: string;
  readonly ttl: number;
  /** 0: it was never seen. */
  lastSeen: number;
  /** When its heartbeat key expires. */
  expiresAt: number;
  /** Its deadline in the index, which heartbeats of other programs do not move. */
  deadline: number;
  /** When a detector settles it, if it is held; 0: when its deadline has passed. */
  settleAgainAt: number;
  /** Whether it is announced online. */
  isOnline: boolean;
}

export interface Timeout {
  readonly device: ServerDevice;
  readonly deadline: number;
}

const MANY_DEVICES = 5;
/** How long devices are held while no device sends heartbeats, in TTLs: in a fleet of many devices, and of few. */
const [SILENT_TTLS, SILENT_TTLS_OF_FEW] = [2, 1];
const LONGEST_PAUSE_MS = 1000;

export class SimulatedServer {
  readonly devices: ServerDevice[];
  readonly #longestTtl: number;
  #pulse: Pulse | undefined;
  #online = 0;

  constructor(devices: ServerDevice[], longestTtl: number) {
    this.devices = devices;
    this.#longestTtl = longestTtl;
  }

  /** @returns whether the heartbeat announces that the device had timed out */
  heartbeat(device: ServerDevice, now: number): boolean {
    const pulse = computePulse(this.#pulse, 'beat', now, this.#longestTtl);
    const isTimeout = device.isOnline && now > device.expiresAt && !this.#holdEnd(device, pulse, now);
    this.plainHeartbeat(device, now);
    this.#arm(device, device.expiresAt);
    addBeat(pulse, device.id, device.ttl, now);
    this.#write(pulse);
    return isTimeout;
  }

  /** A heartbeat of another program: the server sees neither deadline nor pulse. A device that was offline is found soon. */
  plainHeartbeat(device: ServerDevice, now: number): void {
    device.lastSeen = now;
    device.expiresAt = now + device.ttl;
    if (device.isOnline) return;
    device.isOnline = true;
    this.#online++;
    this.#arm(device, device.expiresAt);
  }

  /**
   * A step of a detector.
   * @param isLast whether the detector ends with this step, so that the time after it is not an outage
   */
  step(now: number, isLast: boolean): Timeout[] {
    const pulse = computePulse(this.#pulse, 'step', now, this.#longestTtl);
    const timeouts: Timeout[] = [];
    const seen: ServerDevice[] = [];
    for (const device of this.devices) {
      if (!device.isOnline || dueAt(device) >= now) continue;
      const ends = now > device.expiresAt && this.#holdEnd(device, pulse, now);
      if (ends === false) {
        this.#arm(device, device.expiresAt);
        seen.push(device);
      } else if (ends !== undefined) {
        device.settleAgainAt = Math.min(ends, now + LONGEST_PAUSE_MS);
      } else {
        timeouts.push({ device, deadline: deadlineOf(device) });
        device.isOnline = false;
        this.#online--;
      }
    }
    seen.sort((a, b) => a.lastSeen - b.lastSeen);
    for (const { id, ttl, lastSeen } of seen) addSeen(pulse, id, ttl, lastSeen, this.#longestTtl);
    if (isLast) pulse.step = 0;
    this.#write(pulse);
    return timeouts;
  }

  /** When a device is due next, or infinity. */
  get nextDueAt(): number {
    return this.devices.reduce(
      (next, device) => (device.isOnline ? Math.min(next, dueAt(device)) : next),
      Number.POSITIVE_INFINITY,
    );
  }

  losePulse(): void {
    this.#pulse = undefined;
  }

  /** @returns a function that makes everything on the server as it is now */
  takeSnapshot(): () => void {
    const devices = this.devices.map((device) => ({ ...device }));
    const [pulse, online] = [this.#pulse, this.#online];
    return () => {
      for (const [i, device] of devices.entries()) Object.assign(this.devices[i] as ServerDevice, device);
      this.#pulse = pulse;
      this.#online = online;
    };
  }

  #arm(device: ServerDevice, deadline: number): void {
    device.deadline = deadline;
    device.settleAgainAt = 0;
  }

  #holdEnd(device: ServerDevice, pulse: ComputedPulse, now: number): number | undefined {
    const silentTtls = this.#online >= MANY_DEVICES ? SILENT_TTLS : SILENT_TTLS_OF_FEW;
    return holdEnd(pulse, device.lastSeen, deadlineOf(device), now, this.#longestTtl, silentTtls);
  }

  #write(pulse: ComputedPulse): void {
    if (pulse.mustWrite) this.#pulse = pulse;
  }
}

function dueAt({ deadline, settleAgainAt }: ServerDevice): number {
  return Math.max(deadline, settleAgainAt);
}

function deadlineOf({ deadline, lastSeen, ttl }: ServerDevice): number {
  return deadline > lastSeen ? deadline : lastSeen + ttl;
}
