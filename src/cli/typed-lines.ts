/**
 * This module reads the lines that a user types. A terminal stays in its normal mode, so that Ctrl+C is still a signal.
 * Standard input may be anything, such as `/dev/zero`: after too many characters without a line end it is not read any more,
 * so that they do not fill the memory.
 */
import type { Readable } from 'node:stream';

/** The most characters of a line. The input is given up at a longer one. */
const MOST_CHARACTERS = 4096;

export interface TypedLines {
  /** Stops reading. */
  close(): void;
}

/** Calls `onLine` with each line that is not empty, without the spaces at its ends. */
export function readTypedLines(input: Readable, onLine: (line: string) => void): TypedLines {
  let unfinished = '';
  const close = () => void input.removeListener('data', read).pause();
  function read(chunk: string): void {
    const lines = `${unfinished}${chunk}`.split('\n');
    unfinished = lines.pop()!;
    for (const line of lines) if (line.trim() !== '') onLine(line.trim());
    if (unfinished.length > MOST_CHARACTERS) close();
  }
  input.setEncoding('utf8').on('data', read);
  return { close };
}
