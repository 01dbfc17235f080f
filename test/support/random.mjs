/** Random numbers that a seed repeats. JavaScript, because the worker processes of the chaos tests use them too. */

/** Returns a function of numbers from 0 up to, not including, 1 (mulberry32). */
export function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Returns a function that picks one item of a list. */
export function randomPicker(seed) {
  const random = randomNumbers(seed);
  return (list) => list[Math.floor(random() * list.length)];
}
