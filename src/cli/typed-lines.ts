/**
 * This module reads the lines that a user types. A terminal stays in its normal mode, so that Ctrl+C is still a signal.
 * Standard input may be anything, for example `/dev/zero`. If a line is too long, nothing more is read, so that it cannot fill
 * the memory.
 */
import type { Readable } from 'node:stream';

/** The most characters of a line. After a longer one, nothing more is read. */
const MOST_CHARACTERS = 4096;

export interface TypedLines {
  /** Stops reading the input. */
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
