/**
 * Measures several rows in rounds. Each round measures every row once, so that its figures can be compared although the
 * machine may be slower in the next round.
 */

/**
 * Returns the results of each row by its name, one for each round. Each result is printed on a line of standard error, so that
 * a run that is stopped has figures too. A round in which a measurement fails is not counted. Rejects if no round is counted.
 */
export async function inTurns<Row extends { readonly name: string }, Result>(
  rows: readonly Row[],
  rounds: number,
  measure: (row: Row, round: number) => Promise<Result>,
  shown: (result: Result) => string,
): Promise<ReadonlyMap<string, readonly Result[]>> {
  const results = new Map<string, Result[]>(rows.map(({ name }) => [name, []]));
  let [counted, cause]: [number, unknown] = [0, undefined];
  for (let round = 0; round < rounds; round++) {
    const title = `round ${round + 1} of ${rounds}`;
    // Each round begins with another row, so that none always comes first.
    const order = rows.map((_, i) => rows[(i + round) % rows.length]!);
    try {
      const found: Result[] = [];
      for (const row of order) {
        const result = await measure(row, round);
        found.push(result);
        process.stderr.write(`${title}, ${row.name}: ${shown(result)}\n`);
      }
      for (const [i, { name }] of order.entries()) results.get(name)!.push(found[i]!);
      counted++;
    } catch (error) {
      cause = error;
      process.stderr.write(`${title} is not counted: ${(error as Error).message}\n`);
    }
  }
  if (counted === 0) throw new Error(`expected a round without a failure, got none of ${rounds}`, { cause });
  return results;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** Returns the median of the ratios of two rows. The figures of one round are compared with each other. */
export function medianRatio(values: readonly number[], base: readonly number[]): number {
  return median(values.map((value, round) => value / base[round]!));
}
