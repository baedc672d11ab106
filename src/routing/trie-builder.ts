/**
 * This module builds the trie of path templates, from nothing or from another trie. In the second case only the nodes on the way
 * to a changed template are opened and packed again. They come behind the others, which stay where they are:
 *
 *     node:  any, plain, rest, literals, verbs │ literal edges │ verb edges │ plain leaves │ leaves by verb │ children
 */
import type { Steps } from '../base/slices.js';
import { edgesOf, NONE, Packing, slotsFor } from './edge-table.js';
import type { PathTemplate, TemplateSegment } from './path-template.js';
import {
  ANY,
  ENDING,
  type Ending,
  LAYOUT,
  type Layout,
  LEAF,
  literalChildren,
  PLAIN,
  REST,
  type Trie,
  VALUE,
  verbLeaves,
} from './trie.js';

/** A template under one HTTP method, with its value. */
interface Leaf<T> extends Omit<Ending, 'last'> {
  readonly layout: Layout;
  readonly value: T;
  /** The index of the value. Undefined for a leaf that is not packed yet. */
  readonly slot: number | undefined;
}

/** The index of a node in the trie from which the builder started. The node was not opened yet. */
type PackedNode = number;

class Node<T> {
  readonly literals = new Map<string, Node<T> | PackedNode>();
  any: Node<T> | PackedNode | undefined;
  readonly rest: (Node<T> | PackedNode | undefined)[] = [];
  readonly plain: Leaf<T>[] = [];
  readonly verbs = new Map<string, Leaf<T>[]>();
}

/** Collects the templates, and builds the trie. */
export class TrieBuilder<T> {
  private readonly root: Node<T>;
  /** The indices of removed values. */
  private readonly free: number[] = [];

  /** The new trie has the templates of `base` from the beginning. `base` stays as it is. */
  constructor(private readonly base?: Trie<T>) {
    this.root = base === undefined ? new Node() : this.open(base.root);
  }

  /** Adds a template. Returns false if another one with the same HTTP method and the same paths is there. */
  insert(httpMethod: string, template: PathTemplate, value: T, derivesHead: boolean): boolean {
    const layout = layoutOf(template);
    const leaf = { httpMethod, derivesHead, layout, value, slot: undefined };
    let isNew = true;
    for (const { segments, rank } of placesOf(template)) {
      const leaves = leavesOf(this.descend(segments), template.verb);
      if (leaves.some((other) => other.httpMethod === httpMethod && other.rank === rank)) isNew = false;
      leaves.push({ ...leaf, rank });
    }
    return isNew;
  }

  /** Removes a template. */
  remove(httpMethod: string, template: PathTemplate): void {
    for (const { segments, rank } of placesOf(template)) {
      const node = this.descend(segments);
      const leaves = leavesOf(node, template.verb);
      const at = leaves.findIndex((leaf) => leaf.httpMethod === httpMethod && leaf.rank === rank);
      const [leaf] = at < 0 ? [] : leaves.splice(at, 1);
      if (leaf?.slot !== undefined) this.free.push(leaf.slot);
      if (leaves.length === 0 && template.verb !== undefined) node.verbs.delete(template.verb);
    }
  }

  /** Builds the trie. Each node is a step. */
  *build(): Steps<Trie<T>> {
    const { base, free } = this;
    const packing = new Packing(base?.packed);
    const endings = new Distinct<Ending>(textOfEnding, base?.endings);
    const layouts = new Distinct<Layout>(textOfLayout, base?.layouts);
    const values: (T | undefined)[] = [...(base?.values ?? [])];
    for (const slot of free) values[slot] = undefined;
    const rests: (readonly number[])[] = [...(base?.rests ?? [])];
    const known = new Set<string>();
    const slotFor = ({ slot = free.pop(), value }: Leaf<T>): number => {
      if (slot === undefined) return values.push(value) - 1;
      values[slot] = value;
      return slot;
    };
    const addLeaves = (leaves: readonly Leaf<T>[]): number => {
      const first = packing.length;
      const sorted = leaves.length === 1 ? leaves : leaves.toSorted((a, b) => a.rank - b.rank);
      for (const [index, leaf] of sorted.entries()) {
        const { layout, httpMethod, derivesHead, rank } = leaf;
        const ending = endings.placeOf({ httpMethod, derivesHead, rank, last: index === leaves.length - 1 });
        packing.add(ending, layouts.placeOf(layout), slotFor(leaf));
      }
      return first;
    };
    function* addNode(added: Node<T> | PackedNode): Steps<number> {
      if (typeof added === 'number') return added;
      yield;
      const { literals, any, rest, plain, verbs } = added;
      const literalSlots = slotsFor(literals.size);
      const verbSlots = slotsFor(verbs.size);
      const node = packing.add(NONE, NONE, NONE, literalSlots, verbSlots);
      const literalTable = packing.addTable(literalSlots);
      const verbTable = packing.addTable(verbSlots);
      if (plain.length > 0) packing.set(node + PLAIN, addLeaves(plain));
      for (const [verb, leaves] of verbs) {
        known.add(verb);
        packing.addLiteral(verb);
        packing.addEdge(verbTable, verbSlots, verb, addLeaves(leaves));
      }
      if (any !== undefined) packing.set(node + ANY, yield* addNode(any));
      for (const [literal, child] of literals) {
        // The text of a packed node is in front of it.
        if (typeof child !== 'number') packing.addLiteral(literal);
        packing.addEdge(literalTable, literalSlots, literal, yield* addNode(child));
      }
      if (rest.length > 0) {
        const tails: number[] = [];
        for (const tail of rest) tails.push(tail === undefined ? NONE : yield* addNode(tail));
        packing.set(node + REST, rests.push(tails) - 1);
      }
      return node;
    }
    const root = yield* addNode(this.root);
    const verbs = addVerbs(packing, known, base);
    const packed = packing.build();
    const size = base?.size ?? packed.numbers.length;
    // The indices of removed values are in no leaf.
    return { packed, root, endings: endings.items, layouts: layouts.items, values: values as T[], rests, verbs, size };
  }

  private descend(segments: readonly TemplateSegment[]): Node<T> {
    let node = this.root;
    for (const [index, segment] of segments.entries()) node = this.child(node, segment, segments.length - index - 1);
    return node;
  }

  private child(node: Node<T>, segment: TemplateSegment, tailLength: number): Node<T> {
    switch (segment.kind) {
      case 'any': {
        const child = this.opened(node.any);
        node.any = child;
        return child;
      }
      case 'rest': {
        const child = this.opened(node.rest[tailLength]);
        node.rest[tailLength] = child;
        return child;
      }
      case 'literal': {
        const child = this.opened(node.literals.get(segment.literal));
        node.literals.set(segment.literal, child);
        return child;
      }
    }
  }

  private opened(node: Node<T> | PackedNode | undefined): Node<T> {
    if (node === undefined) return new Node();
    return typeof node === 'number' ? this.open(node) : node;
  }

  /** Reads a node of `base`. Its children stay packed. */
  private open(at: PackedNode): Node<T> {
    const { packed, rests } = this.base!;
    const node = new Node<T>();
    const [any, plain, rest] = [ANY, PLAIN, REST].map((part) => packed.numbers[at + part]!) as [number, number, number];
    if (any !== NONE) node.any = any;
    if (plain !== NONE) node.plain.push(...this.leavesAt(plain));
    if (rest !== NONE) node.rest.push(...rests[rest]!.map((tail) => (tail === NONE ? undefined : tail)));
    for (const [text, child] of literalChildren(packed, at)) node.literals.set(text, child);
    for (const [text, leaf] of verbLeaves(packed, at)) node.verbs.set(text, this.leavesAt(leaf));
    return node;
  }

  /** Reads the leaves of `base` that begin at an index. */
  private leavesAt(first: number): Leaf<T>[] {
    const { packed, endings, layouts, values } = this.base!;
    const leaves: Leaf<T>[] = [];
    for (let at = first; ; at += LEAF) {
      const [ending, layout, slot] = [ENDING, LAYOUT, VALUE].map((part) => packed.numbers[at + part]!) as [
        number,
        number,
        number,
      ];
      const { last, ...parts } = endings[ending]!;
      leaves.push({ ...parts, layout: layouts[layout]!, value: values[slot]!, slot });
      if (last) return leaves;
    }
  }
}

/**
 * Returns the places of a template in the trie: its segments and, because a `**` may match nothing, its segments without `**`.
 * At the second place a template that has no `**` is more specific, so the rank is higher.
 */
function placesOf({
  segments,
}: PathTemplate): readonly { readonly segments: readonly TemplateSegment[]; rank: number }[] {
  const restAt = segments.findIndex(({ kind }) => kind === 'rest');
  const whole = { segments, rank: 0 };
  return restAt < 0 ? [whole] : [whole, { segments: segments.toSpliced(restAt, 1), rank: segments.length - restAt }];
}

/** Returns the list of a node's leaves that have the verb, or no verb if it is undefined. The list is made if there is none. */
function leavesOf<T>({ plain, verbs }: Node<T>, verb: string | undefined): Leaf<T>[] {
  if (verb === undefined) return plain;
  const known = verbs.get(verb);
  if (known !== undefined) return known;
  const leaves: Leaf<T>[] = [];
  verbs.set(verb, leaves);
  return leaves;
}

/**
 * Adds a table of the verbs of all templates, so that a text that is a verb of no template costs no search. The table of `base` is
 * used again if it has all verbs; it may have more.
 */
function addVerbs(
  packing: Packing,
  added: ReadonlySet<string>,
  base: Trie<unknown> | undefined,
): Trie<unknown>['verbs'] {
  const before = base && new Set([...edgesOf(base.packed, base.verbs.table, base.verbs.slots)].map(([verb]) => verb));
  if (base !== undefined && [...added].every((verb) => before!.has(verb))) return base.verbs;
  const known = new Set([...(before ?? []), ...added]);
  const slots = slotsFor(known.size);
  const table = packing.addTable(slots);
  let mostColons = 0;
  for (const verb of known) {
    packing.addLiteral(verb);
    packing.addEdge(table, slots, verb, packing.add(0));
    mostColons = Math.max(mostColons, verb.split(':').length - 1);
  }
  return { table, slots, mostColons };
}

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

  /** `textOf` returns a text that only equal items have. The items begin with `first`. */
  constructor(
    private readonly textOf: (item: T) => string,
    first: readonly T[] = [],
  ) {
    for (const item of first) this.placeOf(item);
  }

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
