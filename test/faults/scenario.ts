/** A scenario is a file in `scenarios/`. Its result is rows of figures. */

export interface Row {
  /** The variant of the scenario, such as `TLS, 2 workers`. */
  readonly what: string;
  readonly figures: Readonly<Record<string, string | number>>;
  /** The first fact that did not hold. Undefined if all did. */
  readonly wrong?: string | undefined;
}

export interface Scenario {
  readonly name: string;
  /** The fact that must hold, as one sentence. */
  readonly promise: string;
  /** False if CI leaves it out, because the tests cover it and it takes long. */
  readonly isShort: boolean;
  /** `isShort`: the version that CI runs. A scenario with long rows runs only those whose name contains `only`. */
  run(isShort: boolean, only: string): AsyncIterable<Row>;
}

/** Returns the names of the facts that hold and must not. */
export function wrongOf(facts: Readonly<Record<string, boolean>>): string | undefined {
  const found = Object.keys(facts).filter((name) => facts[name]);
  return found.length === 0 ? undefined : found.join(', ');
}
