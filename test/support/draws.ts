/** Seeded random numbers, so that a failed test fails again. */

/** Returns a function that draws numbers from 0 to `n` - 1, in the same order for the same seed. */
export function draws(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    // The low bits of these numbers hardly vary.
    return (state >>> 8) % n;
  };
}

/**
 * Returns how many cases a random test runs, or how large a large text is: all of it if TEST_ALL is set, as in CI, and
 * otherwise an eighth, which a developer waits for.
 */
export function casesOf(all: number): number {
  return process.env.TEST_ALL === undefined ? Math.ceil(all / 8) : all;
}

/**
 * Returns the seeds for the runs of a random test: `count` seeds from 1 on. TEST_RUNS sets another count and TEST_SEED
 * another first seed.
 */
export function seeds(count: number): readonly number[] {
  const { TEST_SEED = '1', TEST_RUNS = String(count) } = process.env;
  return Array.from({ length: Number(TEST_RUNS) }, (_, run) => Number(TEST_SEED) + run);
}
