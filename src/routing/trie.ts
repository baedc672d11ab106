/**
 * This module builds the trie of path templates. The trie is packed into one array of numbers, so that the data for one
 * step of a search is close together. In a large table, access to distant memory takes most of the time.
 *
 *     node:  any, plain, rest, literals, verbs │ literal edges │ verb edges │ plain leaves │ leaves by verb │ children
 */
import type { Steps } from '../base/slices.js';
import { findEdge, NONE, type Packed, Packing, sizeOf, slotsFor } from './edge-table.js';
import type { PathTemplate, TemplateSegment } from './path-template.js';

/** The answer of a template under one HTTP method. Equal endings share one object. */
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
 * The offsets of a node's numbers. A number is NONE when the node does not have that part. `ANY` is the child for `*`.
 */
export const ANY = 0;
/** The node's first leaf without a verb. */
export const PLAIN = 1;
/** The node's index in `rests`. */
export const REST = 2;
/** The number of slots in the table of edges to other nodes, which begins at EDGES. */
const LITERALS = 3;
/** The number of slots in the table of edges from verbs to leaves, which follows. */
const VERBS = 4;
const EDGES = 5;
export const ROOT = 0;

/** The offsets of a leaf's numbers, which are indices in `endings`, `layouts` and `values`. */
export const ENDING = 0;
export const LAYOUT = 1;
export const VALUE = 2;
export const LEAF = 3;

export interface Trie<T> {
  /** The nodes and leaves. All leaves of a node with the same verb follow each other, the best rank first. */
  readonly packed: Packed;
  readonly endings: readonly Ending[];
  readonly layouts: readonly Layout[];
  readonly values: readonly T[];
  /** The nodes of the tails after each `**` of one or more segments, by the number of segments in the tail. */
  readonly rests: readonly (readonly number[])[];
  /**
   * The table of all verbs: its index in `packed`, its number of slots, and the largest number of colons in one verb.
   */
  readonly verbs: { readonly table: number; readonly slots: number; readonly mostColons: number };
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

/** Returns the first leaf with a verb, or NONE. */
export function verbLeaf(packed: Packed, node: number, hash: number, text: string, start: number, end: number): number {
  const slots = packed.numbers[node + VERBS]!;
  if (slots === 0) return NONE;
  const table = node + EDGES + sizeOf(packed.numbers[node + LITERALS]!);
  return findEdge(packed, table, slots, hash, text, start, end);
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

/** Collects the templates, and builds the trie. */
export class TrieBuilder<T> {
  private readonly literals = new Map<string, TrieBuilder<T>>();
  private any: TrieBuilder<T> | undefined;
  private readonly rest: (TrieBuilder<T> | undefined)[] = [];
  private readonly plain: Leaf<T>[] = [];
  private readonly verbs = new Map<string, Leaf<T>[]>();
  insert(httpMethod: string, template: PathTemplate, value: T, derivesHead: boolean): void {
    const { segments, verb } = template;
    const layout = layoutOf(template);
    const { restIndex } = layout;
    this.descend(segments).end(verb, { httpMethod, derivesHead, layout, rank: 0, value });
    if (restIndex === segments.length) return;
    // The template is also added without its `**`, for an empty match. It has a lower rank than templates of that
    // shape.
    const rank = segments.length - restIndex;
    this.descend(segments.toSpliced(restIndex, 1)).end(verb, { httpMethod, derivesHead, layout, rank, value });
  }

  /** Builds the trie. Each node is a step. */
  *build(): Steps<Trie<T>> {
    const packing = new Packing();
    const { numbers } = packing;
    const endings = new Distinct<Ending>(textOfEnding);
    const layouts = new Distinct<Layout>(textOfLayout);
    const values: T[] = [];
    const rests: number[][] = [];
    const known = new Set<string>();
    const addLeaves = (leaves: readonly Leaf<T>[]): number => {
      const first = numbers.length;
      const sorted = leaves.length === 1 ? leaves : leaves.toSorted((a, b) => a.rank - b.rank);
      for (const [index, { value, layout, httpMethod, derivesHead, rank }] of sorted.entries()) {
        const ending = endings.placeOf({ httpMethod, derivesHead, rank, last: index === leaves.length - 1 });
        numbers.push(ending, layouts.placeOf(layout), values.push(value) - 1);
      }
      return first;
    };
    function* addNode({ literals, any, rest, plain, verbs }: TrieBuilder<T>): Steps<number> {
      yield;
      const node = numbers.length;
      const literalSlots = slotsFor(literals.size);
      const verbSlots = slotsFor(verbs.size);
      numbers.push(NONE, NONE, NONE, literalSlots, verbSlots);
      const literalTable = packing.addTable(literalSlots);
      const verbTable = packing.addTable(verbSlots);
      if (plain.length > 0) numbers[node + PLAIN] = addLeaves(plain);
      for (const [verb, leaves] of verbs) {
        known.add(verb);
        packing.addLiteral(verb);
        packing.addEdge(verbTable, verbSlots, verb, addLeaves(leaves));
      }
      if (any !== undefined) numbers[node + ANY] = yield* addNode(any);
      for (const [literal, child] of literals) {
        packing.addLiteral(literal);
        packing.addEdge(literalTable, literalSlots, literal, yield* addNode(child));
      }
      if (rest.length > 0) {
        const tails: number[] = [];
        for (const tail of rest) tails.push(tail === undefined ? NONE : yield* addNode(tail));
        numbers[node + REST] = rests.push(tails) - 1;
      }
      return node;
    }
    yield* addNode(this);
    const verbs = addVerbs(packing, known);
    return { packed: packing.build(), endings: endings.items, layouts: layouts.items, values, rests, verbs };
  }

  private descend(segments: readonly TemplateSegment[]): TrieBuilder<T> {
    let node: TrieBuilder<T> = this;
    for (const [index, segment] of segments.entries()) {
      node = node.child(segment, segments.length - index - 1);
    }
    return node;
  }

  private child(segment: TemplateSegment, tailLength: number): TrieBuilder<T> {
    if (segment.kind === 'any') {
      this.any ??= new TrieBuilder();
      return this.any;
    }
    const existing = segment.kind === 'rest' ? this.rest[tailLength] : this.literals.get(segment.literal);
    const child = existing ?? new TrieBuilder<T>();
    if (segment.kind === 'rest') this.rest[tailLength] = child;
    else this.literals.set(segment.literal, child);
    return child;
  }

  private end(verb: string | undefined, leaf: Leaf<T>): void {
    const leaves = verb === undefined ? this.plain : this.verbs.get(verb);
    if (verb !== undefined && leaves === undefined) this.verbs.set(verb, [leaf]);
    else leaves?.push(leaf);
  }
}

/** Adds a table of the verbs of all templates, so that a text that is a verb of no template costs no search. */
function addVerbs(packing: Packing, known: ReadonlySet<string>): Trie<unknown>['verbs'] {
  const slots = slotsFor(known.size);
  const table = packing.addTable(slots);
  let mostColons = 0;
  for (const verb of known) {
    packing.addLiteral(verb);
    packing.addEdge(table, slots, verb, packing.numbers.push(0) - 1);
    mostColons = Math.max(mostColons, verb.split(':').length - 1);
  }
  return { table, slots, mostColons };
}

/** A template under one HTTP method, with its value. */
type Leaf<T> = Omit<Ending, 'last'> & { readonly layout: Layout; readonly value: T };

function layoutOf({ segments, variables }: PathTemplate): Layout {
  const restAt = segments.findIndex(({ kind }) => kind === 'rest');
  return {
    captures: variables.map(({ start, end, severalSegments }) => ({ from: start, to: end, severalSegments })),
    segmentCount: segments.length,
    restIndex: restAt < 0 ? segments.length : restAt,
  };
}

/** Keeps one object for all equal ones. Few objects remain, so they stay in the processor's cache. */
class Distinct<T> {
  readonly items: T[] = [];
  private readonly places = new Map<string, number>();

  /** `textOf` returns a text that only equal items have. */
  constructor(private readonly textOf: (item: T) => string) {}

  /** Returns the index of the item. It is added if it is new. */
  placeOf(item: T): number {
    const text = this.textOf(item);
    const place = this.places.get(text) ?? this.items.push(item) - 1;
    this.places.set(text, place);
    return place;
  }
}

function textOfEnding({ httpMethod, derivesHead, rank, last }: Ending): string {
  return `${httpMethod} ${derivesHead} ${rank} ${last}`;
}

function textOfLayout({ captures, segmentCount, restIndex }: Layout): string {
  let text = `${segmentCount} ${restIndex}`;
  for (const { from, to, severalSegments } of captures) text += ` ${from} ${to} ${severalSegments}`;
  return text;
}
