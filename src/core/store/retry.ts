/**
 * Repeats an operation for a limited time: a request that the server cannot serve yet, or a compare-and-set, which
 * fails if another program changed the value between the read and the write.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DevstateError } from '../model/errors.js';
import { timedOut } from './network-errors.js';
import { isRetryable } from './reply-errors.js';

const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 200;

/**
 * Returns the result of a request. As long as the server replies that it cannot serve the request yet, it is sent
 * again. After `timeoutMs` the promise rejects with the last of these replies, or, if there was none, with a
 * DevstateError CONNECTION.
 */
export function requestWithTimeout<T>(timeoutMs: number, request: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let lastRefusal: Error | undefined;
    let pauseTimer: NodeJS.Timeout | undefined;
    let isOver = false;
    const timer = setTimeout(() => {
      // After the timeout a request that is still waiting for its reply is not sent again, whatever the reply is.
      isOver = true;
      clearTimeout(pauseTimer);
      reject(lastRefusal ?? timedOut());
    }, timeoutMs);
    const attempt = (pauseMs: number) => {
      request().then(
        (value) => {
          clearTimeout(timer);
          resolve(value);
        },
        (error: unknown) => {
          if (isOver) return;
          if (isRetryable(error)) {
            lastRefusal = error;
            pauseTimer = setTimeout(attempt, pauseMs, Math.min(2 * pauseMs, LONGEST_PAUSE_MS));
          } else {
            clearTimeout(timer);
            reject(error);
          }
        },
      );
    };
    attempt(FIRST_PAUSE_MS);
  });
}

/**
 * The longest pause between two attempts of a compare-and-set, ms. The pauses are random, so that two programs that
 * compete for a device do not collide again.
 */
const LONGEST_ATTEMPT_PAUSE_MS = 50;

/**
 * Calls `attempt` until it returns a value other than undefined. Between two calls it pauses for a random time, whose
 * upper limit grows from 1 to 50 ms.
 * @throws DevstateError CONFLICT: `attempt` still returned undefined after `timeoutMs`
 */
export async function retryUntilDone<T>(
  timeoutMs: number,
  attempt: () => Promise<T | undefined>,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (let round = 0; ; round++) {
    const value = await attempt();
    if (value !== undefined) return value;
    if (performance.now() >= end) {
      throw new DevstateError('CONFLICT', 'the device kept changing', { reason: 'DEVICE_BUSY' });
    }
    await sleep(Math.random() * Math.min(2 ** round, LONGEST_ATTEMPT_PAUSE_MS));
  }
}
