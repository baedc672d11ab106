/** What a scenario is: a file in `scenarios/`, with rows of figures as its result. */

export interface Row {
  /** What was done, such as `TLS, 2 workers`. */
  readonly what: string;
  readonly figures: Readonly<Record<string, string | number>>;
  /** What did not hold; undefined if all did. */
  readonly wrong?: string | undefined;
}

export interface Scenario {
  readonly name: string;
  /** What must hold, as one sentence. */
  readonly promise: string;
  /** False if CI leaves it out, because the tests cover it and it takes long. */
  readonly isShort: boolean;
  /** `isShort`: the version that CI runs. */
  run(isShort: boolean): AsyncIterable<Row>;
}
