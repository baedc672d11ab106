/**
 * This module parses the tokens of options into nodes:
 *
 *     (google.api.http) = { get: "/v1/a" additional_bindings { … } }     the value in protobuf's text format
 *     (google.api.http).custom.kind = "HEAD"                             path: custom, kind
 *     (a).(b.c) = -inf                                                   path: [b.c]
 */
import { numberOf } from './proto-lexer.js';
import type { ProtoTokens } from './proto-tokens.js';
import type { SourceText } from './source-text.js';
import { type OptionNode, ValueNode } from './syntax-tree.js';

const NO_PATH: readonly string[] = [];
const NO_OPTIONS: readonly OptionNode[] = [];

export class OptionParser {
  private depth = 0;

  constructor(
    private readonly source: SourceText,
    private readonly tokens: ProtoTokens,
  ) {}

  /** Parses `option name = value;`. */
  statement(): OptionNode {
    this.tokens.expect('option');
    const option = this.option();
    this.tokens.expect(';');
    return option;
  }

  /** Parses `[name = value, name = value]`. The list is empty if there are no brackets. */
  inBrackets(): readonly OptionNode[] {
    const { tokens } = this;
    if (!tokens.skip('[')) return NO_OPTIONS;
    const options: OptionNode[] = [];
    do options.push(this.option());
    while (tokens.skip(','));
    tokens.expect(']');
    return options;
  }

  private option(): OptionNode {
    const { tokens } = this;
    const at = tokens.start;
    const [name = '', ...path] = this.name();
    tokens.expect('=');
    const value = tokens.token === '{' ? this.message('}') : this.scalar();
    return { name, path: path.length === 0 ? NO_PATH : path, at, value };
  }

  private name(): readonly string[] {
    const { tokens } = this;
    const parts: string[] = [];
    let isWhole = true;
    do {
      if (tokens.skip('(')) {
        const name = tokens.typeName('the name of an extension');
        tokens.expect(')');
        parts.push(tokens.words.of(parts.length === 0 ? `(${name})` : `[${name}]`));
      } else {
        const { kind, token } = tokens;
        if (kind !== 'word' || (isWhole && token.startsWith('.'))) throw tokens.expected('the name of an option');
        for (const part of token.slice(isWhole ? 0 : 1).split('.')) parts.push(part);
        tokens.next();
      }
      tokens.requireDepth(parts.length);
      // The next part of a name comes with its dot, unless blanks or parentheses are between them.
      isWhole = tokens.skip('.');
    } while (isWhole || tokens.token.startsWith('.'));
    return parts;
  }

  /** Parses a message between braces, or between `<` and `>`. */
  private message(close: '}' | '>'): ValueNode {
    const { tokens } = this;
    const { start } = tokens;
    const tree = new Map<string, ValueNode[]>();
    tokens.requireDepth(++this.depth);
    tokens.next();
    while (!tokens.skip(close)) {
      const name = tokens.skip('[') ? this.bracketedName() : tokens.name();
      const values = tree.get(name) ?? [];
      tree.set(name, values);
      const hasColon = tokens.skip(':');
      if (tokens.skip('[')) {
        while (!tokens.skip(']')) {
          values.push(this.value(hasColon));
          if (tokens.token !== ']') tokens.expect(',');
        }
      } else values.push(this.value(hasColon));
      if (!tokens.skip(',')) tokens.skip(';');
    }
    this.depth--;
    return new ValueNode(this.source, start, tree);
  }

  /** Parses a value. A scalar needs a colon before it; for a message the colon is optional. */
  private value(hasColon: boolean): ValueNode {
    const { tokens } = this;
    if (tokens.token === '{') return this.message('}');
    if (tokens.token === '<') return this.message('>');
    if (!hasColon) throw tokens.expected("':'");
    return this.scalar();
  }

  /** Parses `pkg.extension]` or `type.googleapis.com/pkg.Message]`. */
  private bracketedName(): string {
    const { tokens } = this;
    let name = '';
    for (; tokens.token !== ']'; tokens.next()) {
      if (tokens.kind !== 'word' && !NAME_SYMBOLS.has(tokens.token)) throw tokens.expected("']'");
      name += tokens.token;
    }
    tokens.next();
    return `[${name}]`;
  }

  private scalar(): ValueNode {
    const { tokens, source } = this;
    const { start, token } = tokens;
    if (tokens.kind === 'string') return this.string();
    if (tokens.kind === 'word' && !tokens.dotted) {
      tokens.next();
      return new ValueNode(source, start, token === 'true' ? true : token === 'false' ? false : tokens.words.of(token));
    }
    const isNegative = tokens.skip('-');
    const infinite = isNegative ? INFINITE.get(tokens.token) : undefined;
    const value = tokens.kind === 'number' ? numberOf(tokens.token) : infinite;
    if (value === undefined) throw tokens.expected('a value');
    tokens.next();
    const signed = !isNegative ? value : typeof value === 'number' ? -value : `-${value}`;
    return new ValueNode(source, start, signed);
  }

  /** Parses a string. Adjacent strings are joined. */
  string(): ValueNode<string> {
    const { tokens, source } = this;
    if (tokens.kind !== 'string') throw tokens.expected('a string');
    const at = tokens.start + 1;
    const first = tokens.content;
    tokens.next();
    if (typeof first === 'string' && tokens.kind !== 'string') return new ValueNode(source, at, tokens.words.of(first));
    const pieces = [bytesOf(first)];
    for (; tokens.kind === 'string'; tokens.next()) pieces.push(bytesOf(tokens.content));
    const bytes = Buffer.concat(pieces);
    return new ValueNode(source, at, bytes.toString(), bytes);
  }
}

function bytesOf(content: string | Buffer): Buffer {
  return typeof content === 'string' ? Buffer.from(content) : content;
}

const NAME_SYMBOLS: ReadonlySet<string> = new Set(['.', '/', '-', '%']);
/** The words that may follow a minus although they are not digits. */
const INFINITE: ReadonlyMap<string, string> = new Map([
  ['inf', 'inf'],
  ['infinity', 'inf'],
  ['nan', 'nan'],
]);
