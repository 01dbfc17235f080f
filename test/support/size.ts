/**
 * The two sizes of tests: `npm test` takes one seed and short rounds, `npm run test:soak` all seeds and long
 * rounds. DEVSTATE_TEST_SEED=N repeats what failed with the seed N.
 */
const isSoak = process.env.DEVSTATE_TEST_SIZE === 'soak';
const { DEVSTATE_TEST_SEED } = process.env;

/** Returns the value for the size of this run. */
export function bySize<T>(usual: T, soak: T): T {
  return isSoak ? soak : usual;
}

/** Returns the seeds of this run; `npm test` takes the first. */
export function seedsOf(first: number, ...more: readonly number[]): number[] {
  if (DEVSTATE_TEST_SEED !== undefined) return [Number(DEVSTATE_TEST_SEED)];
  return bySize([first], [first, ...more]);
}
