/** KeyBytes has the bytes of a text as words of four bytes, which are compared faster than single bytes. */
import { fixed } from './json-writer.js';

export class KeyBytes {
  /** The number of bytes. */
  readonly length: number;
  /** All bytes, with zeros behind the last one. */
  readonly words: Int32Array;
  /** The bits of the last word that belong to the text. */
  readonly mask: number;

  constructor(text: string) {
    const { words, length } = fixed(text);
    this.length = length;
    this.words = words;
    const rest = length % 4;
    this.mask = rest === 0 ? -1 : (1 << (rest * 8)) - 1;
  }
}
