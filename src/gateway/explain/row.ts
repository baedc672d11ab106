/** One row of an explanation: a title and the lines beside it. */
export type Row = readonly [title: string, ...lines: string[]];
