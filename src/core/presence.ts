/**
 * The presence feed: every transition once, in order, across lost connections. Devstate's
 * own events come from the log only; a message on the channel that carries `seq` is a
 * doorbell (beside a look each second), one without is another program's, shown live.
 * What must hold: SUBSCRIBE before the position is taken, and the position moves only
 * with what was handed out.
 */
import type { Redis } from 'ioredis';
import type { PresenceEvent } from './device.js';
import { decodeLogEntry, decodePresenceMessage } from './dialect.js';
import { DevstateError } from './errors.js';
import type { Fleet } from './fleet.js';
import { readDevices } from './records.js';

export interface FeedOptions {
  /** Ends the feed. */
  signal?: AbortSignal;
  /** Subscribed: every later event will be handed out. */
  onReady?: () => void;
  /** The connection was lost; the feed goes on by itself. */
  onLost?: (error: DevstateError) => void;
  /** It is back, and goes on from where it was. */
  onResumed?: () => void;
}

const CHUNK = 1000;
const LOOK_EVERY_MS = 1000;

/** Events as they happen, until the signal aborts or the consumer stops. @throws DevstateError */
export async function* presenceFeed(fleet: Fleet, options: FeedOptions = {}): AsyncGenerator<PresenceEvent> {
  const doorbell = new Doorbell(options.signal);
  const subscriber = fleet.redis.duplicate();
  const foreign: PresenceEvent[] = [];
  try {
    const subscribed = subscribe(fleet, subscriber, (event) => {
      if (event.seq === null) foreign.push(event);
      doorbell.ring();
    });
    await doorbell.orStopped(subscribed);
    subscriber.on('ready', () => doorbell.ring());
    let position = (await doorbell.orStopped(lastPosition(fleet))) ?? '';
    if (!doorbell.stopped) options.onReady?.();
    let lost = false;
    while (!doorbell.stopped) {
      try {
        const events = (await doorbell.orStopped(logAfter(fleet, position))) ?? [];
        for (const event of events) {
          if (doorbell.stopped) return;
          yield event;
          position = event.id as string;
        }
        if (events.length === CHUNK) continue;
        if (lost && !doorbell.stopped) options.onResumed?.();
        lost = false;
      } catch (error) {
        if (!(error instanceof DevstateError && error.code === 'CONNECTION')) throw error;
        if (!lost) options.onLost?.(error);
        lost = true;
      }
      for (const event of (await doorbell.orStopped(withTypes(fleet, foreign.splice(0)))) ?? []) {
        if (doorbell.stopped) return;
        yield event;
      }
      await doorbell.wait(LOOK_EVERY_MS);
    }
  } finally {
    subscriber.disconnect();
    doorbell.close();
  }
}

async function subscribe(
  fleet: Fleet,
  subscriber: Redis,
  hear: (event: PresenceEvent) => void,
): Promise<void> {
  subscriber.on('error', () => {}); // commands report the loss; ioredis reconnects and subscribes again
  subscriber.on('message', (_channel: string, message: string) => {
    const event = decodePresenceMessage(message);
    if (event) hear(event);
  });
  await fleet.send(() => subscriber.subscribe(fleet.keys.presenceChannel));
}

/** The id of the newest log entry. */
async function lastPosition(fleet: Fleet): Promise<string> {
  const [newest] = await fleet.send(() => fleet.redis.xrevrange(fleet.keys.log, '+', '-', 'COUNT', 1));
  return newest?.[0] ?? '0-0';
}

/** The next entries; as many as CHUNK: there may be more. */
async function logAfter(fleet: Fleet, position: string): Promise<PresenceEvent[]> {
  const entries = await fleet.send(() =>
    fleet.redis.xrange(fleet.keys.log, `(${position}`, '+', 'COUNT', CHUNK),
  );
  return entries.map(([id, fields]) => decodeLogEntry(id, fields));
}

/** Other programs' events do not say the type; the record does. */
async function withTypes(fleet: Fleet, events: PresenceEvent[]): Promise<PresenceEvent[]> {
  if (events.length === 0) return events;
  try {
    const readings = await readDevices(
      fleet,
      events.map(({ deviceId }) => deviceId),
      ['type'],
    );
    return events.map((event, i) => ({
      ...event,
      deviceType: event.deviceType ?? readings[i]?.device?.deviceType ?? null,
    }));
  } catch (error) {
    if (error instanceof DevstateError && error.code === 'CONNECTION') return events;
    throw error;
  }
}

/** Wakes the feed: rung by messages, by time, by the end. A ring while nobody waits is kept. */
class Doorbell {
  stopped: boolean;
  #rung = false;
  #wake: (() => void) | undefined;
  #giveUp: (() => void) | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #stop = () => {
    this.stopped = true;
    this.ring();
    this.#giveUp?.();
  };

  constructor(signal: AbortSignal | undefined) {
    this.stopped = signal?.aborted ?? false;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#stop, { once: true });
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  async wait(ms: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = undefined;
    this.#rung = false;
  }

  /** What comes of it; undefined once stopped, though Redis may not have answered. */
  orStopped<T>(work: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#giveUp = () => resolve(undefined);
      work.then(resolve, reject);
      if (this.stopped) this.#giveUp();
    });
  }

  close(): void {
    this.#signal?.removeEventListener('abort', this.#stop);
  }
}
