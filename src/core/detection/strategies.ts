/**
 * Where a detector hears of devices beside the index: other programs' heartbeats, and the
 * article's two ways, its polling loop and its keyspace notifications. They only name
 * suspects; the verdict is the settle script's. What an ear misses is in the index, so its
 * losses are told.
 */
import type { Redis } from 'ioredis';
import { decodePresenceMessage, isOwnMessage } from '../model/presence-event.js';
import {
  type Subscription,
  type SubscriptionListener,
  subscribe,
  subscribeEverywhere,
} from '../pubsub/subscribe.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import { isTransient, toDevstateError } from '../store/redis-errors.js';
import { MAX_DEVICES_PER_SCRIPT } from '../store/scripts.js';
import { ScanCursor } from '../store/set-scan.js';

/** Goes round the devices of a partition, some at a time. */
export interface Poller {
  /** Those to settle now. */
  next(): Promise<string[]>;
  /** Until there will be any, ms. */
  pause(): number;
}

/** What a strategy looks at beside the index. */
export interface SuspectSource extends Subscription {
  /** The index' due devices are settled too. */
  readonly sweeps: boolean;
  rounds(partition: Partition): readonly Poller[];
}

/** Who is told what the ears of a detector hear. */
export interface SuspectListener extends Pick<SubscriptionListener, 'onLost' | 'onBack'> {
  suspect(id: string): void;
}

/** Nothing but the index. */
export const INDEX_ONLY: SuspectSource = {
  sweeps: true,
  ready: Promise.resolve(),
  lost: undefined,
  rounds: () => [],
  close() {},
};

/** Names devices of which another program said something on the presence channel. */
export function watchForeignPresence(fleet: Fleet, { suspect, ...told }: SuspectListener): Subscription {
  return subscribe(fleet, fleet.keys.presenceChannel, {
    ...told,
    onMessage(message) {
      const event = isOwnMessage(message) ? null : decodePresenceMessage(message);
      if (event) suspect(event.deviceId);
    },
  });
}

/** The article's polling loop, in chunks: every `interval` ms all that is in the online set. */
export function pollOnlineSet(interval: number): SuspectSource {
  return { ...INDEX_ONLY, sweeps: false, rounds: (partition) => [onlineRounds(partition, interval)] };
}

function onlineRounds(partition: Partition, interval: number): Poller {
  const cursor = new ScanCursor(partition, 'sscan', partition.keys.online);
  const start = performance.now();
  let due = start;
  return {
    async next() {
      if (performance.now() < due) return [];
      const { found, last } = await cursor.next(MAX_DEVICES_PER_SCRIPT);
      if (last) due = start + Math.ceil((performance.now() - start) / interval) * interval;
      return found;
    },
    pause: () => Math.max(0, due - performance.now()),
  };
}

/**
 * The article's keyspace notifications, of every server of the fleet. Adds the flags it needs
 * to those that are set, and again after each loss, for a server that was restarted, or has
 * become a master, does not know of it. Where they are missing and CONFIG is refused it hears
 * nothing, and the index is all there is.
 */
export function watchKeyspaceEvents(
  fleet: Fleet,
  partitions: readonly Partition[],
  { suspect, onLost, onBack }: SuspectListener,
  notice: (message: string) => void,
): SuspectSource {
  const db = fleet.redis.options.db ?? 0;
  const prefixes = partitions.map(({ keys }) => keys.heartbeat(''));
  let ear: Subscription | undefined;
  let enabled = false;
  let refused = false;
  let closed = false;
  const enable = async () => {
    try {
      await Promise.all(fleet.servers().map((server) => fleet.send(() => enableExpirations(server))));
      enabled = true;
    } catch (error) {
      enabled = false;
      if (isTransient(error)) return; // a loss is told by the ear, and mended when it is back
      refused = true;
      notice(`keyspace events cannot be had (${toDevstateError(error).message}); working by deadline alone`);
    }
  };
  // Until the flags were set again, nothing was said.
  const again = () => void (ear && enable().then(onBack));
  const begin = async () => {
    await enable();
    if (closed || refused) return;
    ear = subscribeEverywhere(fleet, `__keyevent@${db}__:expired`, {
      onMessage(key) {
        const prefix = prefixes.find((each) => key.startsWith(each));
        if (prefix !== undefined) suspect(key.slice(prefix.length));
      },
      onLost,
      onBack: again,
    });
    await ear.ready;
  };
  fleet.redis.on('ready', again); // it may be back after the ear, and was needed to set them
  const ready = begin();
  ready.catch(() => {}); // told to who waits for it, and that may be later
  return {
    ...INDEX_ONLY,
    get sweeps() {
      return !enabled;
    },
    ready,
    get lost() {
      return ear?.lost;
    },
    close() {
      closed = true;
      fleet.redis.off('ready', again);
      ear?.close();
    },
  };
}

async function enableExpirations(redis: Redis): Promise<void> {
  const [, flags = ''] = (await redis.config('GET', 'notify-keyspace-events')) as string[];
  const missing = ['E', 'x'].filter(
    (flag) => !flags.includes(flag) && !(flag === 'x' && flags.includes('A')),
  );
  if (missing.length > 0) await redis.config('SET', 'notify-keyspace-events', flags + missing.join(''));
}
