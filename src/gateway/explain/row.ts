/** One row of an explanation: a title, and the lines that are printed beside it. */
export type Row = readonly [title: string, ...lines: string[]];
