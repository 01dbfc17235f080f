/**
 * The two sizes of tests: `npm test` takes one seed and short rounds, `npm run test:soak` all seeds and long
 * rounds. DEVSTATE_TEST_SEED=N repeats what failed with the seed N; DEVSTATE_TEST_SEEDS=N takes N seeds of those tests
 * that count them.
 */
const isSoak = process.env.DEVSTATE_TEST_SIZE === 'soak';
const { DEVSTATE_TEST_SEED, DEVSTATE_TEST_SEEDS } = process.env;

/** Returns the value for the size of this run. */
export function bySize<T>(usual: T, soak: T): T {
  return isSoak ? soak : usual;
}

/** Returns the seeds of this run; `npm test` takes the first. */
export function seedsOf(first: number, ...more: readonly number[]): number[] {
  if (DEVSTATE_TEST_SEED !== undefined) return [Number(DEVSTATE_TEST_SEED)];
  return bySize([first], [first, ...more]);
}

/** Returns the seeds from 1 up to `soak`, or to DEVSTATE_TEST_SEEDS; `npm test` takes the first. */
export function seedsUpTo(soak: number): number[] {
  const count = Number(DEVSTATE_TEST_SEEDS ?? bySize(1, soak));
  const [first = 1, ...more] = Array.from({ length: count }, (_, i) => i + 1);
  return DEVSTATE_TEST_SEED === undefined ? [first, ...more] : seedsOf(first);
}
