/** The type of a request of the tour, which is the list of examples that the demo prints. */

/** One request of the tour, from which a curl command is made. */
export interface Stop {
  readonly title: string;
  /** True for the requests that the demo prints when it starts. It prints all of them when the user types `all`. */
  readonly first?: true;
  /** The options of curl in addition to `-s`. A text with a variable is in double quotes, any other text in single quotes. */
  readonly options?: string;
  /** The JSON body. It contains no single quotes. */
  readonly json?: string;
  /** A body that is not JSON. It contains no single quotes. `options` sets its content type. */
  readonly body?: string;
  /** The base path of the surface. Undefined for the surface `web`, which has none. */
  readonly surface?: '/mobile';
  /** The path after `/v1`, with the query. */
  readonly path: string;
  /** True if the command sends the request twice. */
  readonly twice?: true;
  readonly expect: {
    readonly status: number;
    /** A text that the answer must contain. Undefined when any answer is right. */
    readonly contains?: string;
    /** A text that the answer must not contain. */
    readonly lacks?: string;
  };
}
