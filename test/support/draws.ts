/** Seeded randomness: a test that failed fails again. */

/** Numbers below `n`, the same ones for the same seed. */
export function draws(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    // The low bits of such numbers hardly vary.
    return (state >>> 8) % n;
  };
}

/** Seeds of the runs of a random test: `count` of them from 1 on, or as many as TEST_RUNS says, from TEST_SEED on. */
export function seeds(count: number): readonly number[] {
  const { TEST_SEED = '1', TEST_RUNS = String(count) } = process.env;
  return Array.from({ length: Number(TEST_RUNS) }, (_, run) => Number(TEST_SEED) + run);
}
