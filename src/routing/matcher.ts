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
import { NONE } from './edge-table.js';
import { hashOf, type RawPath } from './raw-path.js';
import { ANY, ENDING, type Ending, LEAF, literalChild, PLAIN, REST, ROOT, type Trie, verbLeaf } from './trie.js';

/** A custom rule of this kind answers every method (http.proto). */
export const ANY_METHOD = '*';

/** One search at a time over a trie. */
export class Matcher {
  private method = '';
  /** Set: collects of every leaf that the path matches what it answers, instead of looking for the best one. */
  private seen: Set<Ending> | undefined;

  constructor(
    private readonly trie: Trie<unknown>,
    private readonly path: RawPath,
  ) {}

  /** The best leaf that the path matches and that answers the method, or NONE. */
  find(method: string): number {
    this.method = method;
    return this.enter(ROOT, 0);
  }

  /** Of every leaf that the path matches, whatever its method. */
  findAll(): ReadonlySet<Ending> {
    const seen = new Set<Ending>();
    this.seen = seen;
    this.enter(ROOT, 0);
    this.seen = undefined;
    return seen;
  }

  /** `at`: how many segments of the path stand before the node. */
  private enter(node: number, at: number): number {
    const nodes = this.trie.packed.numbers;
    const left = this.path.count - at;
    if (left <= 1) return left === 0 ? this.takePlain(node) : this.enterLast(node, at);
    const literal = this.literalChild(node, at);
    if (literal !== NONE) {
      const found = this.enter(literal, at + 1);
      if (found !== NONE) return found;
    }
    const any = nodes[node + ANY]!;
    if (any !== NONE) {
      const found = this.enter(any, at + 1);
      if (found !== NONE) return found;
    }
    return this.enterRest(node, left);
  }

  /** The last segment: with its verb, if one is registered there, or with the colon as data. */
  private enterLast(node: number, at: number): number {
    let found = this.takeVerb(this.literalChildBeforeVerb(node));
    if (found === NONE) found = this.takePlain(this.literalChild(node, at));
    if (found === NONE) found = this.takeEither(this.trie.packed.numbers[node + ANY]!);
    return found === NONE ? this.enterRest(node, 1) : found;
  }

  /** `**` over at least one of the segments that are left; the longest tail is the most specific. */
  private enterRest(node: number, left: number): number {
    const index = this.trie.packed.numbers[node + REST]!;
    if (index === NONE) return NONE;
    const rest = this.trie.rests[index]!;
    for (let tailLength = Math.min(rest.length, left) - 1; tailLength >= 0; tailLength--) {
      const tail = rest[tailLength]!;
      if (tail === NONE) continue;
      const found = tailLength > 0 ? this.enter(tail, this.path.count - tailLength) : this.takeEither(tail);
      if (found !== NONE) return found;
    }
    return NONE;
  }

  private literalChild(node: number, at: number): number {
    const { path, trie } = this;
    if (path.isEscaped) return this.findText(literalChild, node, path.start(at), path.end(at));
    return literalChild(trie.packed, node, path.hash(at), path.text, path.start(at), path.end(at));
  }

  private literalChildBeforeVerb(node: number): number {
    const { path } = this;
    return path.colon < 0 ? NONE : this.findText(literalChild, node, path.start(path.count - 1), path.colon);
  }

  private findText(find: typeof literalChild, node: number, start: number, end: number): number {
    const { path, trie } = this;
    const decoded = path.decodedText(start, end);
    if (decoded === undefined) return find(trie.packed, node, hashOf(path.text, start, end), path.text, start, end);
    return find(trie.packed, node, hashOf(decoded, 0, decoded.length), decoded, 0, decoded.length);
  }

  /** What ends at the node: with the path's verb first, then with the colon as data. */
  private takeEither(node: number): number {
    const found = this.takeVerb(node);
    return found === NONE ? this.takePlain(node) : found;
  }

  private takeVerb(node: number): number {
    const { path } = this;
    if (path.colon < 0 || node === NONE) return NONE;
    return this.take(this.findText(verbLeaf, node, path.colon + 1, path.text.length));
  }

  private takePlain(node: number): number {
    return node === NONE ? NONE : this.take(this.trie.packed.numbers[node + PLAIN]!);
  }

  /** The best of the leaves from the first one on; none if all are to be seen. */
  private take(first: number): number {
    if (first === NONE) return NONE;
    if (this.seen === undefined) return this.leafFor(first);
    for (let leaf = first; ; leaf += LEAF) {
      const ending = this.ending(leaf);
      this.seen.add(ending);
      if (ending.last) return NONE;
    }
  }

  /** In the best rank that answers at all: the method itself, else GET for HEAD, else the rule for any method. */
  private leafFor(first: number): number {
    const { method } = this;
    let fallback = NONE;
    let fallbackRank = 0;
    for (let leaf = first; ; leaf += LEAF) {
      const { httpMethod, rank, derivesHead, last } = this.ending(leaf);
      if (fallback !== NONE && fallbackRank < rank) return fallback;
      if (httpMethod === method) return leaf;
      const fromGet = method === 'HEAD' && httpMethod === 'GET' && derivesHead;
      if (fromGet || (httpMethod === ANY_METHOD && fallback === NONE)) {
        fallback = leaf;
        fallbackRank = rank;
      }
      if (last) return fallback;
    }
  }

  private ending(leaf: number): Ending {
    return this.trie.endings[this.trie.packed.numbers[leaf + ENDING]!]!;
  }
}
