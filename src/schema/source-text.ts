/** This module has the text of a file, and finds the line and column of an offset. */
import type { Position } from '../base/diagnostic.js';

export class SourceText {
  readonly text: string;
  /** The offsets of the lines. They are computed when the first position is needed. */
  private lineStarts: readonly number[] | undefined;

  /** `file` is the name of the file in positions. A byte order mark at the beginning of `text` is dropped. */
  constructor(
    private readonly file: string,
    text: string,
  ) {
    this.text = text.startsWith('\ufeff') ? text.slice(1) : text;
  }

  at(offset: number): Position {
    this.lineStarts ??= lineStartsOf(this.text);
    let low = 0;
    let high = this.lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.lineStarts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { file: this.file, line: low + 1, column: offset - this.lineStarts[low]! + 1 };
  }
}

function lineStartsOf(text: string): readonly number[] {
  const starts = [0];
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) starts.push(end + 1);
  return starts;
}
