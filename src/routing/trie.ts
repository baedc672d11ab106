/**
 * The trie of path templates, and how it is built. It is packed into one array of numbers, so that a large table stays
 * in the processor's cache: a node is where its five numbers begin, and they say where its children and leaves are.
 */
import { type Edge, EdgeTable } from './edge-table.js';
import type { PathTemplate, TemplateSegment } from './path-template.js';

/** One template under one HTTP method. */
export interface Leaf<T> {
  readonly httpMethod: string;
  readonly value: T;
  /** Answers HEAD too where its method is GET. */
  readonly derivesHead: boolean;
  readonly layout: Layout;
  /** How early an empty `**` stands; 0 for the shape that stands here by itself. The least is the most specific. */
  readonly rank: number;
  /** The next leaf of the same node and verb, of the same rank or a higher one. */
  readonly next: Leaf<T> | undefined;
}

/** What a template's variables take; one object for all templates alike, so that it is near when it is needed. */
export interface Layout {
  readonly captures: readonly Capture[];
  readonly segmentCount: number;
  /** Index of `**` among the segments, or their count. */
  readonly restIndex: number;
  readonly hasVerb: boolean;
}

/** Segments `from` up to, not including, `to` of the template. */
interface Capture {
  readonly from: number;
  readonly to: number;
  readonly severalSegments: boolean;
}

/** The numbers of a node; {@link NONE} where it has no such thing. */
export const ANY = 0;
export const PLAIN = 1;
export const VERBS = 2;
export const REST = 3;
export const LITERALS = 4;
const NODE = 5;
export const NONE = -1;
export const ROOT = 0;

export interface Trie<T> {
  /**
   * Of each node: at ANY its child for `*`; at PLAIN its place in `leaves`; at REST its place in `rests`; at LITERALS and
   * VERBS something else than NONE if `edges` and `verbs` have some of it.
   */
  readonly nodes: Int32Array;
  readonly edges: EdgeTable;
  /** From nodes to `leaves`. */
  readonly verbs: EdgeTable;
  /** What ends at a node, under one verb or none: best rank first. */
  readonly leaves: readonly Leaf<T>[];
  /** `**` over one segment or more: the nodes of the tails behind it, by the tail's length. */
  readonly rests: readonly (readonly number[])[];
}

/** The trie while it is built. */
export class TrieBuilder<T> {
  private readonly literals = new Map<string, TrieBuilder<T>>();
  private any: TrieBuilder<T> | undefined;
  private readonly rest: (TrieBuilder<T> | undefined)[] = [];
  private readonly endings = new Map<string | undefined, Omit<Leaf<T>, 'next'>[]>();

  /** `layouts`: of the whole trie, by their text. */
  constructor(private readonly layouts = new Map<string, Layout>()) {}

  insert(httpMethod: string, template: PathTemplate, value: T, derivesHead: boolean): void {
    const { segments, verb } = template;
    const restAt = segments.findIndex((segment) => segment.kind === 'rest');
    const leaf = { httpMethod, value, derivesHead, layout: this.layoutOf(template, restAt) };
    this.descend(segments).end(verb, { ...leaf, rank: 0 });
    // A `**` over nothing: the template without it, behind the shapes that stand there by themselves.
    if (restAt >= 0) this.descend(segments.toSpliced(restAt, 1)).end(verb, { ...leaf, rank: segments.length - restAt });
  }

  build(): Trie<T> {
    const nodes: number[] = [];
    const edges: Edge[] = [];
    const verbs: Edge[] = [];
    const leaves: Leaf<T>[] = [];
    const rests: number[][] = [];
    const compile = (builder: TrieBuilder<T>): number => {
      const { literals, any, rest, endings } = builder;
      const node = nodes.push(NONE, NONE, NONE, NONE, literals.size === 0 ? NONE : 1) - NODE;
      for (const [verb, ended] of endings) {
        const leaf = leaves.push(chain(ended)) - 1;
        nodes[node + (verb === undefined ? PLAIN : VERBS)] = leaf;
        if (verb !== undefined) verbs.push({ parent: node, literal: verb, child: leaf });
      }
      if (any !== undefined) nodes[node + ANY] = compile(any);
      if (rest.length > 0) {
        const tails = Array.from(rest, (tail) => (tail === undefined ? NONE : compile(tail)));
        nodes[node + REST] = rests.push(tails) - 1;
      }
      for (const [literal, child] of literals) edges.push({ parent: node, literal, child: compile(child) });
      return node;
    };
    compile(this);
    return { nodes: Int32Array.from(nodes), edges: new EdgeTable(edges), verbs: new EdgeTable(verbs), leaves, rests };
  }

  private layoutOf({ segments, verb, variables }: PathTemplate, restAt: number): Layout {
    const layout: Layout = {
      captures: variables.map(({ start, end, severalSegments }) => ({ from: start, to: end, severalSegments })),
      segmentCount: segments.length,
      restIndex: restAt < 0 ? segments.length : restAt,
      hasVerb: verb !== undefined,
    };
    const text = JSON.stringify(layout);
    const known = this.layouts.get(text) ?? layout;
    this.layouts.set(text, known);
    return known;
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
      this.any ??= new TrieBuilder(this.layouts);
      return this.any;
    }
    const existing = segment.kind === 'rest' ? this.rest[tailLength] : this.literals.get(segment.literal);
    const child = existing ?? new TrieBuilder<T>(this.layouts);
    if (segment.kind === 'rest') this.rest[tailLength] = child;
    else this.literals.set(segment.literal, child);
    return child;
  }

  private end(verb: string | undefined, leaf: Omit<Leaf<T>, 'next'>): void {
    const leaves = this.endings.get(verb);
    if (leaves === undefined) this.endings.set(verb, [leaf]);
    else leaves.push(leaf);
  }
}

function chain<T>(leaves: readonly Omit<Leaf<T>, 'next'>[]): Leaf<T> {
  const [first, ...others] = leaves.toSorted((a, b) => b.rank - a.rank);
  return others.reduce<Leaf<T>>((next, leaf) => ({ ...leaf, next }), { ...first!, next: undefined });
}
