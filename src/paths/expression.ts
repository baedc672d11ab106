/**
 * This module parses the path language of policies and aggregates:
 *
 *     equality   = expression "=" expression
 *     expression = path | number | text
 *     path       = name { "." name | "['" characters "']" }
 *     text       = "'" { character | "{" path "}" } "'"            \', \\ and \{ are the characters themselves
 *
 *     request.customer = caller.claims.customer                    accepted
 *     request.parent = 'customers/{caller.claims['https://x/id']}' accepted
 *     request.customer == caller.subject                           refused: column 18: expected a value, got '='
 *
 * A single name is a path or a word (`true`, an enum value). The parser returns a path, because it does not know the
 * roots.
 */

export type Expression = PathExpression | NumberLiteral | TextExpression;

export interface PathExpression {
  readonly kind: 'path';
  readonly names: readonly string[];
  readonly column: number;
}

export interface NumberLiteral {
  readonly kind: 'number';
  readonly text: string;
  readonly column: number;
}

export interface TextExpression {
  readonly kind: 'text';
  readonly parts: readonly (string | PathExpression)[];
  readonly column: number;
}

/** The error for an expression. `column` starts at 1. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  constructor(
    readonly column: number,
    text: string,
  ) {
    super(`column ${column}: ${text}`);
  }
}

/** Parses an equality. Throws ExpressionError. */
export function parseEquality(text: string): { readonly left: Expression; readonly right: Expression } {
  const scanner = new Scanner(text);
  const left = scanner.expression();
  scanner.take('=');
  const right = scanner.expression();
  scanner.end();
  return { left, right };
}

/** Parses an expression. Throws ExpressionError. */
export function parseExpression(text: string): Expression {
  const scanner = new Scanner(text);
  const expression = scanner.expression();
  scanner.end();
  return expression;
}

/** Parses a path. Throws ExpressionError. */
export function parsePath(text: string): PathExpression {
  const expression = parseExpression(text);
  if (expression.kind === 'path') return expression;
  throw new ExpressionError(expression.column, `expected a path, got a ${expression.kind}`);
}

const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

class Scanner {
  private at = 0;

  constructor(private readonly text: string) {}

  expression(): Expression {
    this.space();
    const column = this.at + 1;
    const next = this.text[this.at];
    if (next === "'") return this.quoted(column);
    if (next !== undefined && /[0-9-]/.test(next)) {
      const text = this.match(NUMBER);
      if (text === undefined) throw this.expected('a number');
      return { kind: 'number', text, column };
    }
    if (next !== undefined && /[A-Za-z_]/.test(next)) return this.path();
    throw this.expected('a value');
  }

  take(character: string): void {
    this.space();
    if (this.text[this.at] !== character) throw this.expected(`'${character}'`);
    this.at++;
  }

  end(): void {
    this.space();
    if (this.at < this.text.length) throw this.expected('the end');
  }

  private path(): PathExpression {
    const column = this.at + 1;
    const names = [this.name()];
    for (;;) {
      if (this.text[this.at] === '.') {
        this.at++;
        names.push(this.name());
      } else if (this.text.startsWith("['", this.at)) {
        const close = this.text.indexOf("']", this.at);
        if (close < 0) throw new ExpressionError(this.at + 1, "expected ']' at the end of a quoted name");
        names.push(this.text.slice(this.at + 2, close));
        this.at = close + 2;
      } else return { kind: 'path', names, column };
    }
  }

  private name(): string {
    const name = this.match(NAME);
    if (name === undefined) throw this.expected('a name');
    return name;
  }

  private quoted(column: number): TextExpression {
    const parts: (string | PathExpression)[] = [];
    let literal = '';
    for (this.at++; this.text[this.at] !== "'"; ) {
      const character = this.text[this.at];
      if (character === undefined) throw this.expected("a closing '");
      if (character === '{') {
        this.at++;
        if (literal !== '') parts.push(literal);
        literal = '';
        parts.push(this.path());
        this.take('}');
        continue;
      }
      if (character === '\\') this.at++;
      literal += this.text[this.at] ?? '';
      this.at++;
    }
    this.at++;
    if (literal !== '' || parts.length === 0) parts.push(literal);
    return { kind: 'text', parts, column };
  }

  private space(): void {
    while (this.text[this.at] === ' ') this.at++;
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  private expected(what: string): ExpressionError {
    const found = this.text[this.at];
    return new ExpressionError(this.at + 1, `expected ${what}, got ${found === undefined ? 'the end' : `'${found}'`}`);
  }
}
