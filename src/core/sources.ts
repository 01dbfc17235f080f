/**
 * Where a detector hears of devices beside the index: other programs' heartbeats, and the
 * article's two ways, its polling loop and its keyspace notifications. They only name
 * suspects; the verdict is the settle script's. What an ear misses is in the index, so its
 * losses are told.
 */
import { decodePresenceMessage, isOwnMessage } from './dialect.js';
import type { DevstateError } from './errors.js';
import type { Fleet } from './fleet.js';
import { fromRedis, mayPass } from './redis-errors.js';
import { MAX_DEVICES_PER_SCRIPT } from './scripts.js';
import { type Ear, type Hearer, subscribe } from './subscribe.js';

/** What a strategy looks at beside the index. */
export interface Source {
  /** The index' due devices are settled too. */
  readonly sweeps: boolean;
  /** It hears all from now on. */
  readonly ready: Promise<void>;
  /** Why it hears nothing at present. */
  readonly lost: DevstateError | undefined;
  /** Further devices to settle now. */
  next(): Promise<string[]>;
  /** When to ask again, ms. */
  pause(): number;
  close(): void;
}

/** Who is told what the ears of a detector hear. */
export interface SuspectListener extends Pick<Hearer, 'onLost' | 'onBack'> {
  suspect(id: string): void;
}

/** Nothing but the index. */
export const INDEX_ALONE: Source = {
  sweeps: true,
  ready: Promise.resolve(),
  lost: undefined,
  next: async () => [],
  pause: () => Number.POSITIVE_INFINITY,
  close() {},
};

/** Names devices of which another program said something on the presence channel. */
export function hearForeign(fleet: Fleet, { suspect, ...told }: SuspectListener): Ear {
  return subscribe(fleet, fleet.keys.presenceChannel, {
    ...told,
    hear(message) {
      const event = isOwnMessage(message) ? null : decodePresenceMessage(message);
      if (event) suspect(event.deviceId);
    },
  });
}

/** The article's polling loop, in chunks: every `interval` ms all that is in the online set. */
export function pollOnline(fleet: Fleet, interval: number): Source {
  const start = performance.now();
  let cursor = '0';
  let due = start;
  return {
    ...INDEX_ALONE,
    sweeps: false,
    async next() {
      if (performance.now() < due) return [];
      const [next, ids] = await fleet.send(() =>
        fleet.redis.sscan(fleet.keys.online, cursor, 'COUNT', MAX_DEVICES_PER_SCRIPT),
      );
      cursor = next;
      if (cursor === '0') due = start + Math.ceil((performance.now() - start) / interval) * interval;
      return ids;
    },
    pause: () => Math.max(0, due - performance.now()),
  };
}

/**
 * The article's keyspace notifications. Adds the flags it needs to those that are set, and
 * again after each loss, for a server that was restarted has forgotten them. Where they
 * are missing and CONFIG is refused it hears nothing, and the index is all there is.
 */
export function hearExpirations(
  fleet: Fleet,
  { suspect, ...told }: SuspectListener,
  notice: (message: string) => void,
): Source {
  const db = fleet.redis.options.db ?? 0;
  const prefix = fleet.keys.heartbeat('');
  let ear: Ear | undefined;
  let enabled = false;
  let closed = false;
  const enable = async () => {
    try {
      await enableExpirations(fleet);
      enabled = true;
    } catch (error) {
      const reason = fromRedis(error);
      enabled = false;
      // Another loss of the connection is told as such, and mended when it is back.
      if (!ear || !mayPass(reason))
        notice(`keyspace events cannot be had (${reason.message}); working by deadline alone`);
    }
  };
  const begin = async () => {
    await enable();
    if (closed || !enabled) return;
    ear = subscribe(fleet, `__keyevent@${db}__:expired`, {
      ...told,
      hear(key) {
        if (key.startsWith(prefix)) suspect(key.slice(prefix.length));
      },
    });
    await ear.ready;
  };
  // Until the flags were set again, nothing was said.
  const again = () => void (ear && enable().then(told.onBack));
  fleet.redis.on('ready', again);
  const ready = begin();
  ready.catch(() => {}); // told to who waits for it, and that may be later
  return {
    get sweeps() {
      return !enabled;
    },
    ready,
    get lost() {
      return ear?.lost;
    },
    next: async () => [],
    pause: () => Number.POSITIVE_INFINITY,
    close() {
      closed = true;
      fleet.redis.off('ready', again);
      ear?.close();
    },
  };
}

async function enableExpirations({ redis }: Fleet): Promise<void> {
  const [, flags = ''] = (await redis.config('GET', 'notify-keyspace-events')) as string[];
  const missing = ['E', 'x'].filter(
    (flag) => !flags.includes(flag) && !(flag === 'x' && flags.includes('A')),
  );
  if (missing.length > 0) await redis.config('SET', 'notify-keyspace-events', flags + missing.join(''));
}
