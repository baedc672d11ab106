/**
 * This module parses path templates (google/api/http.proto, "Path template syntax"):
 *
 *     Template  = "/" [ Segments [ Verb ] ] ;
 *     Segments  = Segment { "/" Segment } ;
 *     Segment   = "*" | "**" | LITERAL | Variable ;
 *     Variable  = "{" FieldPath [ "=" Segments ] "}" ;
 *     FieldPath = IDENT { "." IDENT } ;
 *     Verb      = ":" LITERAL ;
 *
 * accepted: `/v1/{name=shelves/*\/books/**}:archive`        refused: `/v1/{name/books}`, 9: expected '}', got '/'
 *
 * It accepts more than the grammar, because real APIs need it and grpc-gateway and Envoy accept it too: "/" alone is
 * the root path, and segments may follow the one `**` (`/v1/{parent=documents/**}/{collection_id}`). LITERAL is RFC
 * 3986's pchar without `*`. In the last segment the first ":" begins the verb, so a literal colon must be written as
 * %3A there. A verb may contain colons (`/v1/{id}:export:cancel`).
 */

/** The condition for one segment of a path. `literal` is percent-decoded, and `rest` stands for `**`. */
export type TemplateSegment =
  | { readonly kind: 'literal'; readonly literal: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'rest' };

export interface TemplateVariable {
  /** The field path as it is written: `book.name`. */
  readonly fieldPath: string;
  /** The column of the field path's first character in the template, starting at 1. */
  readonly column: number;
  /** The index of the first segment that the variable captures. `end` is the index after the last one. */
  readonly start: number;
  readonly end: number;
  /**
   * False if the variable captures exactly one segment (`{id}`, `{id=*}`). Then %2F in the captured text is decoded
   * too.
   */
  readonly severalSegments: boolean;
}

export interface PathTemplate {
  /** The template as it is written. */
  readonly text: string;
  /**
   * The segments, with variables replaced by their segments. The list is empty for "/". At most one segment is `rest`.
   */
  readonly segments: readonly TemplateSegment[];
  /** The verb, percent-decoded and without the colon before it. Undefined when there is none. */
  readonly verb: string | undefined;
  /** The variables from left to right. */
  readonly variables: readonly TemplateVariable[];
  /**
   * The template without the names of its variables, in canonical encoding: `/v1/shelves/*` of `/v1/{name=shelves/*}`.
   * Templates with equal shapes match the same paths.
   */
  readonly shape: string;
}

/** The error for an invalid template. `column` is a column of the template's text, starting at 1. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  constructor(
    readonly column: number,
    readonly expected: string,
    readonly found: string,
  ) {
    super(`path template: expected ${expected}, got ${found}`);
  }
}

/** Parses a template. Throws {@link TemplateError} at the first error. */
export function parsePathTemplate(text: string): PathTemplate {
  return new TemplateParser(text).parse();
}

/** The most segments of a template. The table of routes is as deep as the longest one, and no real API has more than 30. */
const MAX_SEGMENTS = 1000;

const IDENT = /[A-Za-z_][A-Za-z0-9_]*/y;
/** The characters of RFC 3986's pchar without `*`, and without `%`, which is handled separately. */
const LITERAL_CHARACTERS = /[A-Za-z0-9._~!$&'()+,;=:@-]*/y;
const PERCENT_ESCAPES = /(?:%[0-9A-Fa-f]{2})+/y;

class TemplateParser {
  private at = 0;
  private verb: string | undefined;
  private hasRest = false;
  private readonly segments: TemplateSegment[] = [];
  private readonly variables: TemplateVariable[] = [];

  constructor(private readonly text: string) {}

  parse(): PathTemplate {
    const { text, segments, variables } = this;
    this.expect('/');
    if (text !== '/') {
      this.parseSegments(undefined);
      if (this.verb === undefined && this.peek() === ':') this.parseVerb();
      if (this.at < text.length) this.fail(this.verb === undefined ? "'/', ':' or the end" : 'the end');
    }
    return { text, segments, verb: this.verb, variables, shape: shapeOf(segments, this.verb) };
  }

  /**
   * Parses segments. `variable` is the field path of the variable whose braces contain them. It is undefined outside of
   * braces.
   */
  private parseSegments(variable: string | undefined): void {
    for (;;) {
      if (this.segments.length === MAX_SEGMENTS) this.fail(`at most ${MAX_SEGMENTS} segments`, 'more');
      this.parseSegment(variable);
      if (this.peek() !== '/') return;
      this.at++;
    }
  }

  private parseSegment(variable: string | undefined): void {
    const next = this.peek();
    if (next === '{') {
      if (variable !== undefined) this.fail(`a segment without a variable inside of {${variable}}`);
      this.parseVariable();
    } else if (next === '*') {
      this.parseWildcard();
    } else {
      this.parseLiteral(variable !== undefined);
    }
  }

  private parseWildcard(): void {
    const deep = this.text.startsWith('**', this.at);
    if (deep && this.hasRest) this.fail('at most one **', 'another **');
    this.hasRest ||= deep;
    this.at += deep ? 2 : 1;
    this.segments.push({ kind: deep ? 'rest' : 'any' });
  }

  private parseVariable(): void {
    this.expect('{');
    const column = this.at + 1;
    const fieldPath = this.parseFieldPath();
    if (this.variables.some((other) => other.fieldPath === fieldPath)) {
      throw new TemplateError(column, 'a variable that is not used yet', `'${fieldPath}' again`);
    }
    const start = this.segments.length;
    if (this.peek() === '=') {
      this.at++;
      this.parseSegments(fieldPath);
    } else {
      this.segments.push({ kind: 'any' });
    }
    this.expect('}');
    const end = this.segments.length;
    const severalSegments = end - start > 1 || this.segments[start]?.kind === 'rest';
    this.variables.push({ fieldPath, column, start, end, severalSegments });
  }

  private parseFieldPath(): string {
    const start = this.at;
    for (;;) {
      if (this.take(IDENT) === '') this.fail('a field name');
      if (this.peek() !== '.') return this.text.slice(start, this.at);
      this.at++;
    }
  }

  private parseLiteral(insideVariable: boolean): void {
    const start = this.at;
    // Other routers write variables as `:name`. Here that would be a segment that no request has.
    if (this.peek() === ':' && !insideVariable) this.fail('a segment (write a variable as {name})');
    let raw = this.takeLiteral();
    const colon = raw.indexOf(':');
    if (insideVariable && colon >= 0) {
      this.at = start + colon;
      this.fail("'/' or '}' (write a literal colon as %3A)");
    }
    const last = this.at === this.text.length;
    if (last && colon >= 0) {
      raw = raw.slice(0, colon);
      this.at = start + colon;
    }
    if (raw === '') this.fail('a segment');
    const literal = this.decode(raw, start);
    if (literal === '.' || literal === '..')
      throw new TemplateError(start + 1, 'a segment', `the dot segment '${raw}'`);
    this.segments.push({ kind: 'literal', literal });
  }

  private parseVerb(): void {
    this.expect(':');
    const start = this.at;
    const raw = this.takeLiteral();
    const empty = /^(?=:|$)|:(?=:|$)/.exec(raw);
    if (empty !== null) {
      this.at = start + empty.index + empty[0].length;
      this.fail('a verb');
    }
    this.verb = this.decode(raw, start);
  }

  /** Reads the longest sequence of literal characters and escapes. */
  private takeLiteral(): string {
    const start = this.at;
    for (;;) {
      this.take(LITERAL_CHARACTERS);
      if (this.peek() !== '%') return this.text.slice(start, this.at);
      if (this.take(PERCENT_ESCAPES) === '')
        this.fail("two hex digits after '%'", `'${this.text.slice(this.at, this.at + 3)}'`);
    }
  }

  private decode(raw: string, start: number): string {
    try {
      return decodeURIComponent(raw);
    } catch {
      throw new TemplateError(start + 1, 'percent-encoded UTF-8', `'${raw}'`);
    }
  }

  private take(sticky: RegExp): string {
    sticky.lastIndex = this.at;
    const taken = sticky.exec(this.text)?.[0] ?? '';
    this.at += taken.length;
    return taken;
  }

  private peek(): string | undefined {
    return this.text[this.at];
  }

  private expect(character: string): void {
    if (this.peek() !== character) this.fail(`'${character}'`);
    this.at++;
  }

  private fail(expected: string, found?: string): never {
    const codePoint = this.text.codePointAt(this.at);
    const here = codePoint === undefined ? 'the end' : `'${String.fromCodePoint(codePoint)}'`;
    throw new TemplateError(this.at + 1, expected, found ?? here);
  }
}

function shapeOf(segments: readonly TemplateSegment[], verb: string | undefined): string {
  const texts = segments.map((segment) => {
    if (segment.kind === 'literal') return encodeLiteral(segment.literal);
    return segment.kind === 'any' ? '*' : '**';
  });
  // Colons in segments are encoded, so the colons of the verb can stay as they are.
  const ending = verb === undefined ? '' : `:${encodeLiteral(verb).replaceAll('%3A', ':')}`;
  return `/${texts.join('/')}${ending}`;
}

/** Encodes all characters except unreserved ones, so that a literal cannot be confused with a wildcard or a verb. */
function encodeLiteral(literal: string): string {
  return encodeURIComponent(literal).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
