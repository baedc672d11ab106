/**
 * This module describes the trie of path templates, and reads it. The trie is packed into one array of numbers, so that the data
 * for one step of a search is close together. In a large table, access to distant memory takes most of the time.
 *
 *     node:  any, plain, rest, literals, verbs │ literal edges │ verb edges │ plain leaves │ leaves by verb │ children
 */
import { edgesOf, findEdge, NONE, type Packed, sizeOf } from './edge-table.js';

/** The HTTP method that a leaf answers, for one template. Equal endings share one object. */
export interface Ending {
  readonly httpMethod: string;
  /** True if the method is GET and HEAD is answered too. */
  readonly derivesHead: boolean;
  /**
   * The position of an empty `**`, counted from the end of the template. It is 0 for a template whose `**` is not
   * empty. The smallest rank is the most specific.
   */
  readonly rank: number;
  /** True if no leaf of the same node and verb follows. */
  readonly last: boolean;
}

/** The segments that a template's variables capture. Equal layouts share one object. */
export interface Layout {
  readonly captures: readonly Capture[];
  readonly segmentCount: number;
  /** The index of `**` among the segments, or their number if there is none. */
  readonly restIndex: number;
}

/** The segments of the template from `from` up to, not including, `to`. */
interface Capture {
  readonly from: number;
  readonly to: number;
  readonly severalSegments: boolean;
}

/**
 * These constants are the offsets of the numbers in a node, counted from its index. A number is NONE when the node does not
 * have that part. At ANY is the index of the child for `*`.
 */
export const ANY = 0;
/** At PLAIN is the index of the node's first leaf without a verb. */
export const PLAIN = 1;
/** At REST is the node's index in `rests`. */
export const REST = 2;
/** At LITERALS is the number of slots in the table of edges from literals to child nodes. The table begins at EDGES. */
export const LITERALS = 3;
/** At VERBS is the number of slots in the table of edges from verbs to leaves, which follows the first table. */
export const VERBS = 4;
export const EDGES = 5;

/**
 * These constants are the offsets of the numbers in a leaf, which are indices in `endings`, `layouts` and `values`. LEAF is how
 * many numbers a leaf has.
 */
export const ENDING = 0;
export const LAYOUT = 1;
export const VALUE = 2;
export const LEAF = 3;

export interface Trie<T> {
  /** The nodes and leaves. All leaves of a node with the same verb follow each other, the best rank first. */
  readonly packed: Packed;
  /** The index of the first node in `packed`. */
  readonly root: number;
  readonly endings: readonly Ending[];
  readonly layouts: readonly Layout[];
  readonly values: readonly T[];
  /**
   * For each node that a `**` may follow: the nodes after the `**`, by the number of segments that the template has after it.
   * It is NONE where there is no such template.
   */
  readonly rests: readonly (readonly number[])[];
  /**
   * The table of all verbs: its index in `packed`, its number of slots, and the largest number of colons in one verb.
   */
  readonly verbs: { readonly table: number; readonly slots: number; readonly mostColons: number };
  /** The length of `packed` when the trie was built as a whole. Later changes only append to `packed`. */
  readonly size: number;
}

/** Returns the child node for a literal segment, or NONE. The segment is the part of `text` from `start` to `end`. */
export function literalChild(
  packed: Packed,
  node: number,
  hash: number,
  text: string,
  start: number,
  end: number,
): number {
  const slots = packed.numbers[node + LITERALS]!;
  return slots === 0 ? NONE : findEdge(packed, node + EDGES, slots, hash, text, start, end);
}

/** Returns the first leaf with the verb that is in `text` from `start` to `end`, or NONE. */
export function verbLeaf(packed: Packed, node: number, hash: number, text: string, start: number, end: number): number {
  const slots = packed.numbers[node + VERBS]!;
  if (slots === 0) return NONE;
  return findEdge(packed, verbTableOf(packed, node), slots, hash, text, start, end);
}

/** True if any template has the verb that is in `text` from `start` to `end`. */
export function isVerb(
  { packed, verbs }: Trie<unknown>,
  hash: number,
  text: string,
  start: number,
  end: number,
): boolean {
  return verbs.slots > 0 && findEdge(packed, verbs.table, verbs.slots, hash, text, start, end) !== NONE;
}

/** Returns the child nodes for literal segments, by the text of the segment. */
export function literalChildren(packed: Packed, node: number): Iterable<readonly [text: string, node: number]> {
  return edgesOf(packed, node + EDGES, packed.numbers[node + LITERALS]!);
}

/** Returns the first leaf with each verb, by the text of the verb. */
export function verbLeaves(packed: Packed, node: number): Iterable<readonly [text: string, leaf: number]> {
  return edgesOf(packed, verbTableOf(packed, node), packed.numbers[node + VERBS]!);
}

function verbTableOf({ numbers }: Packed, node: number): number {
  return node + EDGES + sizeOf(numbers[node + LITERALS]!);
}
