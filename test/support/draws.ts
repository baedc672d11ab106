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
