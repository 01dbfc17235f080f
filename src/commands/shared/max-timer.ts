/**
 * The longest delay of a timer in Node.js, ms. A timer with a longer delay fires at once, so a longer wait must be
 * split into several timers.
 */
export const MAX_TIMER_MS = 2 ** 31 - 1;
