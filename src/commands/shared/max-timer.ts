/** The longest delay that a Node timer takes: with a longer one it fires at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
