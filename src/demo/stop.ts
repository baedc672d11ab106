/** This module describes one request of the tour. */

/** One request of the tour. */
export interface Stop {
  readonly title: string;
  /** True for the requests that the demo prints when it starts. It prints the others when the user asks for them. */
  readonly first?: true;
  /** Options of curl beside `-s`. Double quotes stand around a text with a variable, single quotes around any other. */
  readonly options?: string;
  /** A JSON body, without single quotes. */
  readonly json?: string;
  /** Any other body. It has no single quotes. Its content type is one of the options. */
  readonly body?: string;
  /** The base path of the surface; undefined for the surface `web`, which has none. */
  readonly surface?: '/mobile';
  /** The path below `/v1`, with the query. */
  readonly path: string;
  /** True if the command sends the request twice. */
  readonly twice?: true;
  readonly expect: {
    readonly status: number;
    /** A text that the answer contains; undefined when any answer will do. */
    readonly contains?: string;
    /** A text that the answer does not contain. */
    readonly lacks?: string;
  };
}
