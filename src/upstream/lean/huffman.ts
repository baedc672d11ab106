/**
 * Decodes the Huffman code of HPACK (RFC 7541 §5.2 and Appendix B). The code is canonical: codes of one length follow each
 * other in the order of their symbols, so the lengths alone define it. The decoder is a table with a row for each inner
 * node of the tree of codes, and a column for each value of four bits.
 */

/** The lengths of the codes in bits, by symbol. The last symbol is EOS, which no text may contain. */
// biome-ignore format: a line has the codes of 16 symbols, as the table of RFC 7541 is checked by eye
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];
const EOS = 256;

/**
 * The number of columns of the table. An inner node of the tree is named by the index of its row. Four bits complete at most
 * one symbol, because the shortest code has five bits.
 */
const WIDTH = 16;
const NO_SYMBOL = 511;
const INVALID = -1;

interface Decoder {
  /**
   * The steps, at `row * 16 + column`. A step has the next node in its low 9 bits, and above them the symbol that it completes,
   * or NO_SYMBOL. It is INVALID if the bits complete the symbol EOS.
   */
  readonly steps: Int32Array;
  /**
   * 1 for each node at which a text may end, 0 for the others. There, at most seven bits follow the last symbol, and all of
   * them are 1 (RFC 7541 §5.2).
   */
  readonly ends: Uint8Array;
}

const { steps, ends } = compile();

function compile(): Decoder {
  const children = codeTree();
  const compiled: Decoder = {
    steps: new Int32Array(children.length * WIDTH),
    ends: new Uint8Array(children.length),
  };
  for (let node = 0; node < children.length; node++) {
    for (let bits = 0; bits < WIDTH; bits++) compiled.steps[node * WIDTH + bits] = step(children, node, bits);
  }
  for (let node = 0, depth = 0; depth < 8; depth++, node = children[node]![1]) compiled.ends[node] = 1;
  return compiled;
}

/**
 * Returns the two children of each inner node, for the bits 0 and 1. A child is the index of an inner node, or `-1 - symbol`
 * for a complete code.
 */
function codeTree(): [number, number][] {
  const children: [number, number][] = [[0, 0]];
  const symbols = LENGTHS.map((_, symbol) => symbol).sort((a, b) => LENGTHS[a]! - LENGTHS[b]! || a - b);
  let code = 0;
  let length = 0;
  for (const symbol of symbols) {
    code *= 2 ** (LENGTHS[symbol]! - length);
    length = LENGTHS[symbol]!;
    let node = 0;
    for (let bit = length - 1; bit >= 0; bit--) {
      const side = Math.floor(code / 2 ** bit) % 2 === 0 ? 0 : 1;
      if (bit === 0) children[node]![side] = -1 - symbol;
      else if (children[node]![side] === 0) children[node]![side] = children.push([0, 0]) - 1;
      node = children[node]![side]!;
    }
    code++;
  }
  return children;
}

function step(children: readonly [number, number][], from: number, bits: number): number {
  let node = from;
  let symbol = NO_SYMBOL;
  for (let bit = 3; bit >= 0; bit--) {
    node = children[node]![(bits >> bit) & 1]!;
    if (node >= 0) continue;
    symbol = -1 - node;
    if (symbol === EOS) return INVALID;
    node = 0;
  }
  return node | (symbol << 9);
}

let text = Buffer.allocUnsafeSlow(4096);

/**
 * Returns the decoded text of the bytes from `start` to `end`, with one character for each decoded byte. Undefined if the code
 * is invalid.
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string | undefined {
  const most = Math.ceil(((end - start) * 8) / 5);
  if (most > text.length) text = Buffer.allocUnsafeSlow(most);
  let length = 0;
  let node = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    for (const bits of [byte >> 4, byte & 15]) {
      const found = steps[node * WIDTH + bits]!;
      if (found === INVALID) return undefined;
      node = found & 511;
      if (found >> 9 !== NO_SYMBOL) text[length++] = found >> 9;
    }
  }
  return ends[node] === 1 ? text.toString('latin1', 0, length) : undefined;
}
