/**
 * This module adds to the tokens of a `.proto` file the checks that the grammar needs in many places. The texts that it
 * returns are copies, so they do not keep the file's text in memory.
 */
import { integerOf, ProtoLexer, ProtoSyntaxError, shown } from './proto-lexer.js';
import type { Words } from './words.js';

/** The most levels of nested messages, and of messages in an option's value, and the most parts of a name. */
const MAX_DEPTH = 100;

export class ProtoTokens extends ProtoLexer {
  private depth = 0;

  constructor(
    text: string,
    readonly words: Words,
  ) {
    super(text);
  }

  /** Moves to the next token and returns true if the current token is `token`. Otherwise returns false. */
  skip(token: string): boolean {
    if (this.token !== token) return false;
    this.next();
    return true;
  }

  expect(token: string): void {
    if (!this.skip(token)) throw this.expected(`'${token}'`);
  }

  /** Returns the error `expected …, got …` for the current token. */
  expected(what: string): ProtoSyntaxError {
    const got = this.kind === 'end' ? 'the end of the file' : shown(this.text.slice(this.start, this.end));
    return new ProtoSyntaxError(this.start, `expected ${what}, got ${got}`);
  }

  /** Parses a block in braces. It calls `statement` at each token that is not `;`. */
  block(statement: () => void): void {
    this.expect('{');
    this.requireDepth(++this.depth);
    while (!this.skip('}')) {
      if (this.kind === 'end') throw this.expected("'}'");
      if (!this.skip(';')) statement();
    }
    this.depth--;
  }

  name(): string {
    if (this.kind !== 'word' || this.dotted) throw this.expected('a name');
    const name = this.words.of(this.token);
    this.next();
    return name;
  }

  /** Parses `pkg.Type` or `.pkg.Type`. Blanks are allowed around the dots. */
  typeName(expected: string): string {
    const isWord = this.kind === 'word';
    if (!isWord && this.token !== '.') throw this.expected(expected);
    let part = this.token;
    this.next();
    if (isWord && !this.token.startsWith('.')) return this.words.of(part);
    const parts = [part];
    while (part.endsWith('.') ? this.kind === 'word' : this.token.startsWith('.')) {
      part = this.token;
      parts.push(part);
      this.next();
    }
    const name = parts.join('');
    if (!TYPE_NAME.test(name)) throw this.expected('a name');
    return this.words.of(name);
  }

  number(from = 0, to = Number.POSITIVE_INFINITY): number {
    const number = this.kind === 'number' ? integerOf(this.token) : undefined;
    if (typeof number !== 'number') throw this.expected('a number');
    if (number < from || number > to) throw this.expected(`a number from ${from} to ${to}`);
    this.next();
    return number;
  }

  requireDepth(depth: number): void {
    if (depth > MAX_DEPTH) throw new ProtoSyntaxError(this.start, `expected at most ${MAX_DEPTH} levels, got more`);
  }
}

const TYPE_NAME = /^\.?[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;
