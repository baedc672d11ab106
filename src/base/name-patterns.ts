/**
 * Returns a function that is true for names which match one of the patterns. A pattern is an exact name, or a prefix such as
 * `x-*`, which matches every name that begins with `x-`. Upper and lower case are different.
 */
export function compilePatterns(patterns: readonly string[]): (name: string) => boolean {
  if (patterns.length === 0) return () => false;
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('*')));
  const prefixes = patterns.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1));
  return (name) => exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix));
}
