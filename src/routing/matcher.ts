/**
 * The search for the template that a path matches. What decides, segment by segment of the path: a literal beats `*`,
 * `*` beats `**`; then a verb beats none; then a template without `**` beats one whose `**` is empty.
 *
 *     GET  /v1/{id}          v1 ─┬─ items ── *  (POST)
 *     POST /v1/items/{id}        ├─ *  (GET)
 *     GET  /v1/**\/log           └─ ** ── [tails of 1] ── log  (GET)
 *
 * The search backtracks, also out of places that match but lack the method. It cannot run away: a template has one
 * `**`, so the tail behind it is held by its length and stands at the end of the path; thus each node belongs to one
 * place in the path, and a search enters each node at most once, however long the path is.
 */
import type { EdgeTable } from './edge-table.js';
import { hashOf, type RawPath } from './raw-path.js';
import { ANY, type Leaf, LITERALS, NONE, PLAIN, REST, ROOT, type Trie, VERBS } from './trie.js';

/** A custom rule of this kind answers every method (http.proto). */
export const ANY_METHOD = '*';

/** One search at a time over a trie. */
export class Matcher<T> {
  private method = '';
  /** Set: collects every leaf that the path matches, instead of looking for the best one. */
  private seen: Set<Leaf<T>> | undefined;

  constructor(
    private readonly trie: Trie<T>,
    private readonly path: RawPath,
  ) {}

  /** The best leaf that the path matches and that answers the method. */
  find(method: string): Leaf<T> | undefined {
    this.method = method;
    return this.enter(ROOT, 0);
  }

  /** Every leaf that the path matches, whatever its method. */
  findAll(): ReadonlySet<Leaf<T>> {
    const seen = new Set<Leaf<T>>();
    this.seen = seen;
    this.enter(ROOT, 0);
    this.seen = undefined;
    return seen;
  }

  /** `at`: how many segments of the path stand before the node. */
  private enter(node: number, at: number): Leaf<T> | undefined {
    const { nodes } = this.trie;
    const left = this.path.count - at;
    if (left <= 1) return left === 0 ? this.takePlain(node) : this.enterLast(node, at);
    const literal = this.literalChild(node, at);
    if (literal !== NONE) {
      const found = this.enter(literal, at + 1);
      if (found !== undefined) return found;
    }
    const any = nodes[node + ANY]!;
    if (any !== NONE) {
      const found = this.enter(any, at + 1);
      if (found !== undefined) return found;
    }
    return this.enterRest(node, left);
  }

  /** The last segment: with its verb, if one is registered there, or with the colon as data. */
  private enterLast(node: number, at: number): Leaf<T> | undefined {
    return (
      this.takeVerb(this.literalChildBeforeVerb(node)) ??
      this.takePlain(this.literalChild(node, at)) ??
      this.takeEither(this.trie.nodes[node + ANY]!) ??
      this.enterRest(node, 1)
    );
  }

  /** `**` over at least one of the segments that are left; the longest tail is the most specific. */
  private enterRest(node: number, left: number): Leaf<T> | undefined {
    const index = this.trie.nodes[node + REST]!;
    if (index === NONE) return undefined;
    const rest = this.trie.rests[index]!;
    for (let tailLength = Math.min(rest.length, left) - 1; tailLength >= 0; tailLength--) {
      const tail = rest[tailLength]!;
      if (tail === NONE) continue;
      const found = tailLength > 0 ? this.enter(tail, this.path.count - tailLength) : this.takeEither(tail);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private literalChild(node: number, at: number): number {
    const { path, trie } = this;
    if (trie.nodes[node + LITERALS] === NONE) return NONE;
    if (path.isEscaped) return this.findText(trie.edges, node, path.start(at), path.end(at));
    return trie.edges.find(node, path.hash(at), path.text, path.start(at), path.end(at));
  }

  private literalChildBeforeVerb(node: number): number {
    const { path, trie } = this;
    if (path.colon < 0 || trie.nodes[node + LITERALS] === NONE) return NONE;
    return this.findText(trie.edges, node, path.start(path.count - 1), path.colon);
  }

  private findText(edges: EdgeTable, node: number, start: number, end: number): number {
    const { path } = this;
    const decoded = path.decodedText(start, end);
    if (decoded === undefined) return edges.find(node, hashOf(path.text, start, end), path.text, start, end);
    return edges.find(node, hashOf(decoded, 0, decoded.length), decoded, 0, decoded.length);
  }

  /** What ends at the node: with the path's verb first, then with the colon as data. */
  private takeEither(node: number): Leaf<T> | undefined {
    return this.takeVerb(node) ?? this.takePlain(node);
  }

  private takeVerb(node: number): Leaf<T> | undefined {
    if (this.path.colon < 0 || node === NONE) return undefined;
    const { path, trie } = this;
    if (trie.nodes[node + VERBS] === NONE) return undefined;
    const index = this.findText(trie.verbs, node, path.colon + 1, path.text.length);
    return index === NONE ? undefined : this.take(trie.leaves[index]);
  }

  private takePlain(node: number): Leaf<T> | undefined {
    if (node === NONE) return undefined;
    const index = this.trie.nodes[node + PLAIN]!;
    return index === NONE ? undefined : this.take(this.trie.leaves[index]);
  }

  /** The best leaf of a chain for the method; none if all are to be seen. */
  private take(first: Leaf<T> | undefined): Leaf<T> | undefined {
    if (first === undefined) return undefined;
    if (this.seen === undefined) return leafFor(first, this.method);
    for (let leaf: Leaf<T> | undefined = first; leaf !== undefined; leaf = leaf.next) this.seen.add(leaf);
    return undefined;
  }
}

/** In the best rank that answers at all: the method itself, else GET for HEAD, else the rule for any method. */
function leafFor<T>(first: Leaf<T>, method: string): Leaf<T> | undefined {
  let fallback: Leaf<T> | undefined;
  for (let leaf: Leaf<T> | undefined = first; leaf !== undefined; leaf = leaf.next) {
    if (fallback !== undefined && fallback.rank < leaf.rank) return fallback;
    if (leaf.httpMethod === method) return leaf;
    if (leaf.httpMethod === ANY_METHOD) fallback ??= leaf;
    else if (method === 'HEAD' && leaf.httpMethod === 'GET' && leaf.derivesHead) fallback = leaf;
  }
  return fallback;
}
