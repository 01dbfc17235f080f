/** What can be interrupted for a while between devices, Redis and a detector, so that heartbeats are missed. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PrivateServer } from '../../../src/redis/private-server.js';
import type { FaultProxy } from '../faults/fault-proxy.js';

export interface Place {
  readonly server: PrivateServer;
  /** The proxy between the devices and the server. */
  readonly devices: FaultProxy;
  /** The proxy between the detector and the server. */
  readonly detector: FaultProxy;
}

export type Absence = keyof typeof ABSENCES;

/** How much earlier the detector loses its connection than the devices, ms. */
const DETECTOR_FIRST_MS = 5000;
/** How much later the detector has its connection again than the devices, ms. */
const DETECTOR_LAST_MS = 3000;

/** Each makes devices unable to beat for `ms`, and resolves when everything can be reached again. */
const ABSENCES = {
  async 'Redis stopped'({ server }: Place, ms: number) {
    process.kill(server.pid, 'SIGSTOP');
    await sleep(ms).finally(() => process.kill(server.pid, 'SIGCONT'));
  },
  async 'Redis killed'({ server }: Place, ms: number) {
    await server.kill();
    await sleep(ms);
    await server.restart();
  },
  async 'connections refused'({ devices, detector }: Place, ms: number) {
    await Promise.all([refuse(devices, 0, ms), refuse(detector, 0, ms)]);
  },
  "the devices' side": ({ devices }: Place, ms: number) => refuse(devices, 0, ms),
  async "the detector's side first"({ devices, detector }: Place, ms: number) {
    await Promise.all([
      refuse(detector, 0, DETECTOR_FIRST_MS + ms),
      refuse(devices, DETECTOR_FIRST_MS, DETECTOR_FIRST_MS + ms),
    ]);
  },
  async "the detector's side last"({ devices, detector }: Place, ms: number) {
    await Promise.all([refuse(devices, 0, ms), refuse(detector, ms / 2, ms + DETECTOR_LAST_MS)]);
  },
};

export const ALL_ABSENCES = Object.keys(ABSENCES) as Absence[];

/** Those in which the detector can tell that Redis works while no device beats. */
export const DEVICES_ALONE: readonly Absence[] = [
  "the devices' side",
  "the detector's side first",
  "the detector's side last",
];

export function makeAbsence(absence: Absence, place: Place, ms: number): Promise<void> {
  return ABSENCES[absence](place, ms);
}

/** Resets the connections, and refuses new ones, from `fromMs` to `toMs` after the call. */
async function refuse(proxy: FaultProxy, fromMs: number, toMs: number): Promise<void> {
  await sleep(fromMs);
  proxy.refuse();
  proxy.reset();
  await sleep(toMs - fromMs);
  await proxy.accept();
}
