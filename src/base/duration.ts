/** This module parses durations as people write them in the config: `300ms`, `2s`, `1.5s`, `1m`, `1h`. */

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/**
 * Returns a duration in milliseconds. Undefined when the text is not a duration, or is longer than a timer can wait
 * (2^31 - 1 ms).
 */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,10}(?:\.\d{1,6})?)(ms|s|m|h)$/.exec(text);
  if (match === null) return undefined;
  const ms = Number(match[1]) * UNIT_MS.get(match[2]!)!;
  return ms <= 2_147_483_647 ? Math.round(ms * 1000) / 1000 : undefined;
}

/**
 * Returns a duration as text, in the largest unit in which it is a whole number: 90000 becomes `90s`, 60000 becomes
 * `1m`.
 */
export function formatDuration(ms: number): string {
  for (const [unit, factor] of [...UNIT_MS].reverse()) {
    if (ms >= factor && ms % factor === 0) return `${ms / factor}${unit}`;
  }
  return `${ms}ms`;
}
