/** The bytes of a text as words of four bytes, which are compared faster than single bytes. */
export class KeyBytes {
  /** The number of bytes. */
  readonly length: number;
  /** All bytes, with zeros behind the last one. */
  readonly words: Int32Array;
  /** The bits of the last word that belong to the text. */
  readonly mask: number;

  constructor(text: string) {
    const bytes = Buffer.from(text);
    this.length = bytes.length;
    const padded = Buffer.alloc(Math.ceil(bytes.length / 4) * 4);
    padded.set(bytes);
    this.words = Int32Array.from({ length: padded.length / 4 }, (_, word) => padded.readInt32LE(word * 4));
    const rest = bytes.length % 4;
    this.mask = rest === 0 ? -1 : (1 << (rest * 8)) - 1;
  }
}
