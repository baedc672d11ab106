/**
 * This module searches the template that a path matches. Verbs come first: if the last segment ends in a verb that some
 * template has, the templates with that verb are searched, the longest verb before shorter ones. The colon is data only
 * if none of them matches and answers the method (http.proto, "Path template syntax"; Envoy and grpc-gateway do so). In
 * each of these searches the path is compared segment by segment: a literal beats `*`, `*` beats `**`; then a template
 * without `**` beats one whose `**` is empty (docs/http-mapping.md#route-precedence).
 *
 *     GET  /v1/{id}          v1 ─┬─ items ── *  (POST)
 *     POST /v1/items/{id}        ├─ *  (GET)
 *     GET  /v1/**\/log           └─ ** ── [tails of 1] ── log  (GET)
 *
 * The search goes back and tries other branches, even after a match that does not answer the method. Its time is
 * bounded: a template has at most one `**`, so the segments after it are stored by their number and are compared with
 * the end of the path. Each node therefore belongs to one place in the path, and a search enters each node at most
 * once. There is one search for each ending of the path that is a verb of some template, and one without a verb.
 * Endings with more colons than any verb has are not looked up.
 */
import { NONE } from './edge-table.js';
import { hashOf, type RawPath } from './raw-path.js';
import { ANY, ENDING, type Ending, isVerb, LEAF, literalChild, PLAIN, REST, type Trie, verbLeaf } from './trie.js';

/** A custom rule of this kind answers every method (http.proto). */
export const ANY_METHOD = '*';

/** Runs searches in a trie, one at a time. */
export class Matcher {
  /** The offset of the colon in front of the verb that is searched for or was found; -1 when there is none. */
  colon = -1;
  private method = '';
  /** A text that ends in the decoded verb, the offset at which the verb begins in it, and the verb's hash. */
  private verb = '';
  private verbStart = 0;
  private verbHash = 0;
  /** While this is set, a search adds the endings of all leaves that the path matches to it, and finds no leaf. */
  private seen: Set<Ending> | undefined;

  constructor(
    private readonly trie: Trie<unknown>,
    private readonly path: RawPath,
  ) {}

  /** Returns the index of the most specific leaf that the path matches and that answers the method, or NONE. */
  find(method: string): number {
    this.method = method;
    return this.search();
  }

  /** Returns the endings of all leaves that the path matches, for all methods. */
  findAll(): ReadonlySet<Ending> {
    const seen = new Set<Ending>();
    this.seen = seen;
    this.search();
    this.seen = undefined;
    return seen;
  }

  /**
   * Searches with each verb that the path may end in, the longest first; then without a verb, so that the colons belong to the
   * last segment.
   */
  private search(): number {
    const { path } = this;
    if (path.lastColon >= 0) {
      for (let colon = this.firstVerb(); colon >= 0; colon = path.text.indexOf(':', colon + 1)) {
        if (!this.isVerbAt(colon)) continue;
        this.colon = colon;
        const found = this.enter(this.trie.root, 0);
        if (found !== NONE) return found;
      }
    }
    this.colon = -1;
    return this.enter(this.trie.root, 0);
  }

  /** Returns the offset of the colon in front of the longest text that can be a verb. */
  private firstVerb(): number {
    const { firstColon, lastColon, text } = this.path;
    let colon = lastColon;
    for (let more = this.trie.verbs.mostColons; more > 0 && colon > firstColon; more--) {
      colon = text.lastIndexOf(':', colon - 1);
    }
    return colon;
  }

  private isVerbAt(colon: number): boolean {
    const { path, trie } = this;
    const { text } = path;
    const decoded = path.decodedText(colon + 1, text.length);
    this.verb = decoded ?? text;
    this.verbStart = decoded === undefined ? colon + 1 : 0;
    this.verbHash = hashOf(this.verb, this.verbStart, this.verb.length);
    return isVerb(trie, this.verbHash, this.verb, this.verbStart, this.verb.length);
  }

  /** Searches from a node. `at` is the number of the path's segments before the node. */
  private enter(node: number, at: number): number {
    const nodes = this.trie.packed.numbers;
    const left = this.path.count - at;
    if (left <= 1) return left === 0 ? this.takeEnd(node) : this.enterLast(node, at);
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

  private enterLast(node: number, at: number): number {
    let found = this.takeEnd(this.lastLiteralChild(node, at));
    if (found === NONE) found = this.takeEnd(this.trie.packed.numbers[node + ANY]!);
    return found === NONE ? this.enterRest(node, 1) : found;
  }

  /**
   * Searches with `**` for one or more of the segments that are left. The longest tail is tried first, because it is
   * the most specific.
   */
  private enterRest(node: number, left: number): number {
    const index = this.trie.packed.numbers[node + REST]!;
    if (index === NONE) return NONE;
    const rest = this.trie.rests[index]!;
    for (let tailLength = Math.min(rest.length, left) - 1; tailLength >= 0; tailLength--) {
      const tail = rest[tailLength]!;
      if (tail === NONE) continue;
      const found = tailLength > 0 ? this.enter(tail, this.path.count - tailLength) : this.takeEnd(tail);
      if (found !== NONE) return found;
    }
    return NONE;
  }

  /** Returns the child that the last segment leads to as a literal; the segment ends where the verb begins. */
  private lastLiteralChild(node: number, at: number): number {
    if (this.colon < 0) return this.literalChild(node, at);
    return this.literalChildOf(node, this.path.start(at), this.colon);
  }

  private literalChild(node: number, at: number): number {
    const { path, trie } = this;
    if (path.isEscaped) return this.literalChildOf(node, path.start(at), path.end(at));
    return literalChild(trie.packed, node, path.hash(at), path.text, path.start(at), path.end(at));
  }

  private literalChildOf(node: number, start: number, end: number): number {
    const { path, trie } = this;
    const decoded = path.decodedText(start, end);
    if (decoded === undefined)
      return literalChild(trie.packed, node, hashOf(path.text, start, end), path.text, start, end);
    return literalChild(trie.packed, node, hashOf(decoded, 0, decoded.length), decoded, 0, decoded.length);
  }

  /** Returns the leaf that ends at the node, with the verb that is searched for or without one; NONE if there is none. */
  private takeEnd(node: number): number {
    if (node === NONE) return NONE;
    const { packed } = this.trie;
    if (this.colon < 0) return this.take(packed.numbers[node + PLAIN]!);
    return this.take(verbLeaf(packed, node, this.verbHash, this.verb, this.verbStart, this.verb.length));
  }

  /**
   * Returns the best leaf of a list that begins at `first`, or NONE. While all leaves are collected, it adds those of the list
   * and returns NONE.
   */
  private take(first: number): number {
    if (first === NONE) return NONE;
    if (this.seen === undefined) return this.leafFor(first);
    for (let leaf = first; ; leaf += LEAF) {
      const ending = this.ending(leaf);
      this.seen.add(ending);
      if (ending.last) return NONE;
    }
  }

  /**
   * Returns the leaf that answers the method, from the best rank that has one: a leaf of the method itself, or of GET
   * for HEAD, or of all methods.
   */
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
