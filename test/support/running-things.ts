/**
 * What runs on until it is stopped: the long-running commands, and the library. Each can be started, and asked to do or
 * notice something after a fault, so that a test can tell when it works again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisOptions } from 'ioredis';
import { expect, onTestFinished } from 'vitest';
import type { PresenceEvent } from '../../src/core/model/presence-event.js';
import { heartbeat } from '../../src/core/presence/heartbeats.js';
import { register } from '../../src/core/registry/register.js';
import type { Fleet } from '../../src/core/store/fleet.js';
import { DeviceStateManager, OfflineDetector } from '../../src/index.js';
import { parseTarget } from '../../src/redis/target-url.js';
import { cli, type Running } from './cli.js';
import { fleetAt, until } from './fleet.js';

/** The request timeout T of all of them, ms. */
export const TIMEOUT_MS = 1000;
/** What a busy machine may add to a measured time, ms. */
export const MARGIN_MS = 1000;
/** The time between two reads of logs, indexes and records, ms. */
const POLL_MS = 1000;
const BEAT_MS = 200;
const TTL_MS = 100;
const PUBLISH_MS = 50;

/** Something that runs on, and works. */
export interface Subject {
  /**
   * Makes something happen that it must do or notice, and resolves when it has.
   * @param later the fleet on a connection that was made after the cut
   */
  succeeds(later: Fleet): Promise<unknown>;
  /** Resolves when it has told the loss and the return. Not given: it is a call, whose outcome tells all. */
  tells?(): Promise<unknown>;
}

/** How a server is reached. */
export interface Place {
  readonly url: string;
  /** Further options of a command line, such as `--ca FILE`. */
  readonly argv?: string;
  /** Further options of ioredis for the library. */
  readonly options?: RedisOptions;
}

/** Starts it with a device of its own, and resolves when it works. */
type Start = (place: Place, id: string) => Promise<Subject>;

/** What runs on, with the longest time until the next thing is due, ms. */
export type Row = [name: string, dueMs: number, start: Start];

async function command(place: Place, argv: string): Promise<Running> {
  const { url, argv: more = '' } = place;
  const running = cli(url).start(`${argv} --request-timeout ${TIMEOUT_MS}ms ${more}`.trim());
  onTestFinished(async () => void (await running.stop()));
  return running;
}

async function tells(running: Running): Promise<void> {
  await running.says('stderr', '; retrying\n');
  await running.says('stderr', 'reconnected\n');
}

/** Publishes, as a program without devstate does, until `noticed` resolves. */
async function publish(fleet: Fleet, deviceId: string, noticed: Promise<unknown>): Promise<void> {
  const message = JSON.stringify({ type: 'presence', deviceId, status: 'offline', timestamp: 1 });
  let isNoticed = false;
  const done = noticed.then(() => {
    isNoticed = true;
  });
  while (!isNoticed) {
    await fleet.send(() => fleet.redis.publish(fleet.keys.presenceChannel, message));
    await Promise.race([done, sleep(PUBLISH_MS)]);
  }
}

const expire = (fleet: Fleet, id: string) => heartbeat(fleet, { id, registerAs: 'lamp', ttl: TTL_MS });

const detect = (strategy: string): Row => [
  `detect --strategy ${strategy}`,
  POLL_MS + TTL_MS,
  async (place, id) => {
    const running = await command(place, `detect --no-hold --strategy ${strategy} -o name`);
    await running.says('stderr', 'detecting');
    return {
      async succeeds(later) {
        await expire(later, id);
        await running.says('stdout', `${id}\n`);
      },
      tells: () => tells(running),
    };
  },
];

const watch = (
  what: string,
  dueMs: number,
  happen: (later: Fleet, id: string, seen: Promise<unknown>) => unknown,
): Row => [
  `watch-presence, ${what}`,
  dueMs,
  async (place, id) => {
    const running = await command(place, 'watch-presence -o name');
    await running.says('stderr', 'watching');
    return {
      async succeeds(later) {
        const seen = running.says('stdout', `${id}\n`);
        await happen(later, id, seen);
        await seen;
      },
      tells: () => tells(running),
    };
  },
];

export const COMMANDS: Row[] = [
  detect('deadline'),
  detect('keyspace'),
  detect('poll --interval 1s'),
  watch('an event of devstate', POLL_MS, (later, id) => heartbeat(later, { id, registerAs: 'lamp' })),
  watch('an event of another program', PUBLISH_MS, publish),
  [
    'heartbeat --every',
    BEAT_MS,
    async (place, id) => {
      const running = await command(place, `heartbeat ${id} --every ${BEAT_MS}ms -o name`);
      await running.lines('stdout', 2);
      return { succeeds: () => running.lines('stdout', 3), tells: () => tells(running) };
    },
  ],
  [
    'stats --watch',
    2000,
    async (place) => {
      const running = await command(place, 'stats --watch -o name');
      await running.lines('stdout', 1);
      return { succeeds: () => running.lines('stdout', 2), tells: () => tells(running) };
    },
  ],
  [
    'history --follow',
    POLL_MS,
    async (place, id) => {
      const first = await command(place, `heartbeat ${id} --report n=0`);
      await first.done;
      const running = await command(place, `history ${id} --follow -o ndjson`);
      await running.lines('stdout', 1);
      return {
        async succeeds(later) {
          await heartbeat(later, { id, reportedJson: '{"n":1}' });
          await running.says('stdout', '"n":1');
        },
        tells: () => tells(running),
      };
    },
  ],
];

function clientOptions({ url, options }: Place): RedisOptions {
  return { ...parseTarget(url).options, ...options };
}

/** A manager whose client the library makes. */
function manager(place: Place): DeviceStateManager {
  const made = new DeviceStateManager(clientOptions(place), { requestTimeout: TIMEOUT_MS });
  onTestFinished(() => made.close());
  return made;
}

const calls = (name: string, call: (manager: DeviceStateManager, id: string) => Promise<unknown>): Row => [
  `library: ${name}`,
  0,
  async (place, id) => {
    const made = manager(place);
    await call(made, id);
    return {
      async succeeds() {
        for (;;) {
          const outcome = await call(made, id).catch((error: unknown) => error);
          if (!(outcome instanceof Error)) return;
          expect(outcome).toMatchObject({ code: 'CONNECTION' });
        }
      },
    };
  },
];

export const LIBRARY: Row[] = [
  calls('getDeviceState', (made, id) => made.getDeviceState(id)),
  calls('deviceHeartbeat', (made, id) => made.deviceHeartbeat(id)),
  calls('deviceHeartbeat with a report', (made, id) => made.deviceHeartbeat(id, { n: 1 })),
  calls('setDesiredState', (made, id) => made.setDesiredState(id, { n: Math.random() })),
  calls('getOnlineDevices', (made) => made.getOnlineDevices()),
  [
    'library: presence()',
    PUBLISH_MS,
    async (place, id) => {
      const told: string[] = [];
      const seen: string[] = [];
      const ready = new Promise<void>((onReady) => {
        const events = manager(place).presence({
          onReady,
          onLost: () => told.push('lost'),
          onResumed: () => told.push('resumed'),
        });
        void (async () => {
          for await (const { deviceId } of events) seen.push(deviceId);
        })();
      });
      await ready;
      return {
        succeeds: (later) =>
          publish(
            later,
            id,
            until(() => seen.includes(id)),
          ),
        tells: () => until(() => told.join() === 'lost,resumed'),
      };
    },
  ],
  [
    'library: OfflineDetector',
    POLL_MS + TTL_MS,
    async (place, id) => {
      const detector = new OfflineDetector(clientOptions(place), {
        requestTimeout: TIMEOUT_MS,
        honourHold: false,
      });
      onTestFinished(() => detector.stop());
      const told: string[] = [];
      const events: PresenceEvent[] = [];
      detector.on('lost', () => told.push('lost'));
      detector.on('resumed', () => told.push('resumed'));
      detector.on('offline', (event) => events.push(event));
      await detector.start();
      return {
        async succeeds(later) {
          await expire(later, id);
          await until(() => events.some(({ deviceId }) => deviceId === id));
        },
        tells: () => until(() => told.join() === 'lost,resumed'),
      };
    },
  ],
];

/** Returns the rows with these names. */
export function rowsNamed(...names: string[]): Row[] {
  return [...COMMANDS, ...LIBRARY].filter(([name]) => names.includes(name));
}

/** Returns the time within which it must work again: 2 T + 1 s after the next thing that is due, ms. */
export function limitOf([, dueMs]: Row): number {
  return dueMs + 2 * TIMEOUT_MS + 1000;
}

/**
 * Starts it, breaks its connections, and measures the time until it works again, ms.
 * @param near where the test itself reaches the server
 */
export async function recovery(
  [, , start]: Row,
  place: Place,
  near: { readonly url: string },
  cut: () => unknown,
): Promise<{ subject: Subject; tookMs: number }> {
  const id = 'd1';
  await register(await fleetAt(near.url), id, 'lamp');
  const subject = await start(place, id);
  await cut();
  const cutAt = performance.now();
  await subject.succeeds(await fleetAt(near.url));
  return { subject, tookMs: Math.round(performance.now() - cutAt) };
}
