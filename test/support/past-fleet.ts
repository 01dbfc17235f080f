/** A fleet that is written at times in the past, for the tests of `history` and of `get --at`. */
import { beforeEach } from 'vitest';
import { parseJsonObject } from '../../src/core/model/json.js';
import { disconnect } from '../../src/core/presence/disconnect.js';
import { heartbeat } from '../../src/core/presence/heartbeats.js';
import { register } from '../../src/core/registry/register.js';
import { setDesired } from '../../src/core/shadow/desired.js';
import { ODD_NUMBERS, openFleet, type SingleFleet } from './fleet.js';
import type { TestRedis } from './redis.js';

/** The device that these tests write. */
export const ID = 'aa:bb:cc:dd:ee:ff';
export const NOON = Date.parse('2025-01-01T12:00:00Z');

export interface PastFleet {
  /** Opened anew for each test. */
  readonly fleet: SingleFleet;
  /** The time of the next write, in epoch ms. It is noon at the start of each test, and only the test changes it. */
  now: number;
}

/** Opens a fleet for each test, whose scripts take `now` as the time. */
export function usePastFleet(redis: TestRedis): PastFleet {
  let fleet: SingleFleet;
  const past = {
    now: NOON,
    get fleet() {
      return fleet;
    },
  };
  beforeEach(async () => {
    past.now = NOON;
    fleet = await openFleet(redis, { clock: () => past.now });
  });
  return past;
}

/** Reports a state of the device, one second after the last write. */
export function report(past: PastFleet, reportedJson: string) {
  past.now += 1000;
  return heartbeat(past.fleet, { id: ID, reportedJson });
}

/** Merges a document into the device's desired state, one second after the last write. */
export function desire(past: PastFleet, document: string) {
  past.now += 1000;
  return setDesired(past.fleet, ID, parseJsonObject(document));
}

/** Registers the device, and writes two reports, two desired states and a disconnect, one second apart. */
export async function writeSomeHistory(past: PastFleet): Promise<void> {
  await register(past.fleet, ID, 'lamp');
  await report(past, ODD_NUMBERS);
  await desire(past, '{"net":{"a.b":0.10,"x":[1]},"on":true}');
  await report(past, '{"big":12345678901234567891,"money":0.1}');
  await desire(past, '{"net":{"a.b":null,"x":[1,2]},"on":false}');
  past.now += 1000;
  await disconnect(past.fleet, ID);
}
