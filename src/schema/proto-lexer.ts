/**
 * This module splits the text of a `.proto` file into tokens, one at a time, without blanks and comments:
 *
 *     word     `message`, `google.api.Http`, `.a.B`; the parser joins a name with blanks around its dots
 *     number   `7`, `0x1F`, `017`, `.5e-3`; a sign is a symbol of its own
 *     string   `"a"`, `'b'`, closed on its line
 *     symbol   one character
 *
 * It follows protobuf's io/tokenizer.cc, and reads each character once.
 */
import type { RuleId } from '../base/rules.js';
import { ESCAPE, unescaped } from './string-escapes.js';

/** The error for text that cannot be read. `offset` is an offset in the text. */
export class ProtoSyntaxError extends Error {
  override readonly name = 'ProtoSyntaxError';
  constructor(
    readonly offset: number,
    text: string,
    readonly rule: RuleId = 'proto-syntax',
  ) {
    super(text);
  }
}

export class ProtoLexer {
  kind: 'word' | 'number' | 'string' | 'symbol' | 'end' = 'end';
  /**
   * The token as it is written. It is a quote for a string, so that no string's content looks like a word, and empty at
   * the end.
   */
  token = '';
  /** True if the token is a word with dots. */
  dotted = false;
  start = 0;
  end = 0;
  private escaped = false;

  constructor(readonly text: string) {
    this.next();
  }

  /** Reads the next token. At the end of the text it stays there. */
  next(): void {
    const { text } = this;
    const start = this.skipBlanks(this.end);
    this.start = start;
    const first = text.charCodeAt(start);
    const after = text.charCodeAt(start + 1);
    if (isLetter(first) || (first === DOT && isLetter(after))) this.readWord(start, first === DOT);
    else if (isDigit(first) || (first === DOT && isDigit(after))) this.readNumber(start);
    else if (first === QUOTE || first === APOSTROPHE) this.readString(start, first);
    else if (start < text.length) {
      this.kind = 'symbol';
      this.token = String.fromCodePoint(text.codePointAt(start)!);
      this.end = start + this.token.length;
    } else {
      this.kind = 'end';
      this.token = '';
      this.start = text.trimEnd().length;
      this.end = text.length;
    }
  }

  /** Returns the token after the current one, without moving. */
  peek(): string {
    const { kind, token, dotted, start, end, escaped } = this;
    this.next();
    const next = this.token;
    Object.assign(this, { kind, token, dotted, start, end, escaped });
    return next;
  }

  /** The content of a string. It is bytes if the string has escapes. */
  get content(): string | Buffer {
    const literal = this.text.slice(this.start + 1, this.end - 1);
    return this.escaped ? unescaped(literal) : literal;
  }

  private readWord(start: number, dotted: boolean): void {
    const { text } = this;
    this.kind = 'word';
    this.dotted = dotted;
    let at = start + 1;
    for (;;) {
      const char = text.charCodeAt(at);
      if (isWord(char)) at++;
      else if (char === DOT && isLetter(text.charCodeAt(at + 1))) {
        this.dotted = true;
        at += 2;
      } else break;
    }
    this.end = at;
    this.token = text.slice(start, at);
  }

  /** Reads a number with all letters that touch it, so that `0x1G` and `1a` are wrong as a whole. */
  private readNumber(start: number): void {
    const { text } = this;
    const isHex = (text.charCodeAt(start + 1) | 0x20) === X;
    let at = start + 1;
    for (;;) {
      const char = text.charCodeAt(at);
      const isSign = (char === PLUS || char === MINUS) && !isHex && (text.charCodeAt(at - 1) | 0x20) === E;
      if (!isWord(char) && char !== DOT && !isSign) break;
      at++;
    }
    this.kind = 'number';
    this.end = at;
    this.token = text.slice(start, at);
  }

  private readString(start: number, quote: number): void {
    const { text } = this;
    this.escaped = false;
    let at = start + 1;
    for (;;) {
      const char = text.charCodeAt(at);
      if (char === quote) break;
      if (at >= text.length || char === NEWLINE || char === 0)
        throw new ProtoSyntaxError(start, 'expected a closing quote, found none');
      if (char === BACKSLASH) {
        this.escaped = true;
        ESCAPE.lastIndex = at;
        if (!ESCAPE.test(text))
          throw new ProtoSyntaxError(
            at,
            `expected an escape such as \\n or \\x41, got ${shown(text.slice(at, at + 2))}`,
          );
        at = ESCAPE.lastIndex;
      } else at++;
    }
    this.kind = 'string';
    this.end = at + 1;
    this.token = text.charAt(start);
  }

  private skipBlanks(from: number): number {
    const { text } = this;
    let at = from;
    for (;;) {
      const char = text.charCodeAt(at);
      if (char === SPACE || (char >= TAB && char <= RETURN)) at++;
      else if (char !== SLASH) return at;
      else if (text.charCodeAt(at + 1) === SLASH) {
        const end = text.indexOf('\n', at);
        if (end < 0) return text.length;
        at = end;
      } else if (text.charCodeAt(at + 1) === STAR) {
        const end = text.indexOf('*/', at + 2);
        if (end < 0) throw new ProtoSyntaxError(at, "expected a comment's end, found none");
        at = end + 2;
      } else return at;
    }
  }
}

const LONGEST_SHOWN = 60;

/** Returns a token for error texts: `';'`, or the code point of its first character that is not printable ASCII: `U+00E9`. */
export function shown(token: string): string {
  const [unseen] = /[^\x20-\x7e]/u.exec(token) ?? [];
  if (unseen !== undefined) return `U+${unseen.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
  return `'${token.length > LONGEST_SHOWN ? `${token.slice(0, LONGEST_SHOWN)}…` : token}'`;
}

const INTEGER = /^(?:0[xX][\da-fA-F]+|0[0-7]*|[1-9]\d*)$/;
const FLOAT = /^(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
/** The largest length, in characters, of an octal number that may fit into 64 bits. */
const LONGEST_EXACT = 25;

/**
 * Returns the value of a whole number. Undefined when the token is something else. A number that a double cannot
 * represent exactly is returned as decimal text.
 */
export function integerOf(token: string): number | string | undefined {
  if (!INTEGER.test(token)) return undefined;
  const literal = /^0[0-7]/.test(token) ? `0o${token.slice(1)}` : token;
  const number = Number(literal);
  return Number.isSafeInteger(number) || literal.length > LONGEST_EXACT ? number : BigInt(literal).toString();
}

/** Returns the value of any number. Undefined when the token is something else. */
export function numberOf(token: string): number | string | undefined {
  return integerOf(token) ?? (FLOAT.test(token) ? Number.parseFloat(token) : undefined);
}

const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const STAR = 0x2a;
const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const E = 0x65;
const X = 0x78;

function isDigit(char: number): boolean {
  return char >= 0x30 && char <= 0x39;
}

function isLetter(char: number): boolean {
  return (char >= 0x61 && char <= 0x7a) || (char >= 0x41 && char <= 0x5a) || char === 0x5f;
}

function isWord(char: number): boolean {
  return isLetter(char) || isDigit(char);
}
