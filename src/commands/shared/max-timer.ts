/** The longest delay of a timer in Node.js, ms: a timer with a longer delay fires at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
