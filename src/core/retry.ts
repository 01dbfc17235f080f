/** Compare-and-set loops: other programs change texts and bump nothing, so we look, try, and come again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DevstateError } from './errors.js';

/**
 * Calls `attempt` until it gives a value, with growing, jittered pauses.
 * @throws DevstateError CONFLICT when `timeout` ms have passed
 */
export async function untilSettled<T>(timeout: number, attempt: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + timeout;
  for (let round = 0; ; round++) {
    const value = await attempt();
    if (value !== undefined) return value;
    if (Date.now() >= end) {
      throw new DevstateError('CONFLICT', 'the device kept changing meanwhile', { hint: 'try again' });
    }
    await sleep(Math.random() * Math.min(2 ** round, 50));
  }
}
