/** Runs a detector in the test's process; tests can await its events and its notices. */
import { onTestFinished } from 'vitest';
import type { DetectOptions } from '../../src/core/detection/detect-options.js';
import { detect } from '../../src/core/detection/detector.js';
import type { PresenceEvent } from '../../src/core/model/presence-event.js';
import type { Fleet } from '../../src/core/store/fleet.js';
import { until } from './fleet.js';

export interface OpenDetector {
  /** The events that it has announced so far. */
  readonly events: PresenceEvent[];
  /** The callbacks that were called so far: `hold`, `hold over`, `lost`, `resumed`, or the text of a notice. */
  readonly said: string[];
  /** Waits until the detector has announced `count` events; returns the first `count`. */
  first(count: number): Promise<PresenceEvent[]>;
  /** Waits until an item of `said` contains the text. */
  says(text: string): Promise<void>;
  /** Aborts the detector and waits until it has ended. */
  stop(): Promise<void>;
}

/** The options of a connection that reconnects without limit, and notices a hanging server after 300 ms. */
export const DETECTOR_CLIENT = { maxRetriesPerRequest: null, commandTimeout: 300, retryStrategy: () => 50 };

/** Starts a detector and waits until it is ready. It is stopped when the test has finished. */
export async function openDetector(fleet: Fleet, options: DetectOptions = {}): Promise<OpenDetector> {
  const abort = new AbortController();
  const events: PresenceEvent[] = [];
  const said: string[] = [];
  const say = (text: string) => () => void said.push(text);
  let ended: Promise<void> = Promise.resolve();
  const ready = new Promise<void>((onReady, reject) => {
    const callbacks: DetectOptions = {
      onReady,
      onHold: say('hold'),
      onHoldEnd: say('hold over'),
      onNotice: (message) => void said.push(message),
      onLost: say('lost'),
      onResumed: say('resumed'),
    };
    ended = (async () => {
      for await (const event of detect(fleet, { ...callbacks, ...options, signal: abort.signal }))
        events.push(event);
    })();
    ended.catch(reject);
  });
  await ready;
  const stop = async () => {
    abort.abort();
    await ended;
  };
  onTestFinished(stop);
  return {
    events,
    said,
    async first(count) {
      await until(() => events.length >= count);
      return events.slice(0, count);
    },
    says: (text) => until(() => said.some((line) => line.includes(text))),
    stop,
  };
}
