/**
 * Where a detector hears of devices beside the index: other programs' heartbeats, and the
 * article's two ways, its polling loop and its keyspace notifications. They only name
 * suspects; the verdict is the settle script's.
 */
import type { Source } from './detector.js';
import { decodePresenceMessage, isOwnMessage } from './dialect.js';
import type { Fleet } from './fleet.js';
import { fromRedis } from './redis-errors.js';
import { MAX_DEVICES_PER_SCRIPT } from './scripts.js';
import { type Ear, subscribe } from './subscribe.js';

/** Names devices of which another program said something on the presence channel. */
export function hearForeign(fleet: Fleet, suspect: (id: string) => void): Ear {
  return subscribe(fleet, fleet.keys.presenceChannel, (message) => {
    const event = isOwnMessage(message) ? null : decodePresenceMessage(message);
    if (event) suspect(event.deviceId);
  });
}

/** The article's polling loop, in chunks: every `interval` ms all that is in the online set. */
export function pollOnline(fleet: Fleet, interval: number): Source {
  const start = performance.now();
  let cursor = '0';
  let due = start;
  return {
    sweeps: false,
    ready: Promise.resolve(),
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
    close() {},
  };
}

/**
 * The article's keyspace notifications. Adds the flags it needs to those that are set, and
 * again after each loss, for a server that was restarted has forgotten them; null where
 * they are missing and CONFIG is refused.
 */
export async function hearExpirations(
  fleet: Fleet,
  suspect: (id: string) => void,
  notice: (message: string) => void,
): Promise<Source | null> {
  if (!(await enableExpirations(fleet, notice))) return null;
  const db = fleet.redis.options.db ?? 0;
  const prefix = fleet.keys.heartbeat('');
  const ear = subscribe(fleet, `__keyevent@${db}__:expired`, (key) => {
    if (key.startsWith(prefix)) suspect(key.slice(prefix.length));
  });
  const again = () => void enableExpirations(fleet, () => {});
  fleet.redis.on('ready', again);
  return {
    sweeps: false,
    ready: ear.ready,
    next: async () => [],
    pause: () => Number.POSITIVE_INFINITY,
    close() {
      fleet.redis.off('ready', again);
      ear.close();
    },
  };
}

async function enableExpirations({ redis }: Fleet, notice: (message: string) => void): Promise<boolean> {
  try {
    const [, flags = ''] = (await redis.config('GET', 'notify-keyspace-events')) as string[];
    const missing = ['E', 'x'].filter(
      (flag) => !flags.includes(flag) && !(flag === 'x' && flags.includes('A')),
    );
    if (missing.length > 0) await redis.config('SET', 'notify-keyspace-events', flags + missing.join(''));
    return true;
  } catch (error) {
    const { message } = fromRedis(error);
    notice(`keyspace events cannot be had (${message}); working by deadline alone`);
    return false;
  }
}
