/**
 * What is tried again, and for how long: requests that a server cannot serve yet; and
 * compare-and-set loops, for other programs change texts and bump nothing, so we look, try,
 * and come again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DevstateError } from '../model/errors.js';
import { isRetryable } from './redis-errors.js';

const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 200;

/**
 * What a request gives, within `timeout` ms; sent again while the server has done nothing of it
 * yet. Rejects with what it said last, or with a DevstateError CONNECTION: it took too long.
 */
export function requestWithTimeout<T>(timeout: number, request: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let refusal: Error | undefined;
    let again: NodeJS.Timeout | undefined;
    let over = false;
    const end = setTimeout(() => {
      over = true; // what is still on its way is not sent again
      clearTimeout(again);
      reject(refusal ?? new DevstateError('CONNECTION', 'timed out'));
    }, timeout);
    const attempt = (pause: number) => {
      request().then(
        (value) => {
          clearTimeout(end);
          resolve(value);
        },
        (error: unknown) => {
          if (over) return;
          if (isRetryable(error)) {
            refusal = error;
            again = setTimeout(attempt, pause, Math.min(2 * pause, LONGEST_PAUSE_MS));
          } else {
            clearTimeout(end);
            reject(error);
          }
        },
      );
    };
    attempt(FIRST_PAUSE_MS);
  });
}

/**
 * Calls `attempt` until it gives a value, with growing, jittered pauses.
 * @throws DevstateError CONFLICT when `timeout` ms have passed
 */
export async function retryUntilSettled<T>(
  timeout: number,
  attempt: () => Promise<T | undefined>,
): Promise<T> {
  const end = Date.now() + timeout;
  for (let round = 0; ; round++) {
    const value = await attempt();
    if (value !== undefined) return value;
    if (Date.now() >= end) {
      throw new DevstateError('CONFLICT', 'the device kept changing meanwhile', { reason: 'DEVICE_BUSY' });
    }
    await sleep(Math.random() * Math.min(2 ** round, 50));
  }
}
