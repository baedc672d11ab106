/**
 * Where things stand in a `.proto` file. The parser keeps no positions, so this scans the text beside it: one pass over
 * the characters, no recursion, and no opinion on errors (those are the parser's).
 *
 * Declarations are kept by full name, option values by owner (of the file by none), option name and path in the value:
 * `shop.v1.Orders.GetOrder`, `(google.api.http)`, `additional_bindings[0].get[0]`.
 */
import type { Position } from '../base/diagnostic.js';
import { OptionPlaces } from './option-places.js';
import { commentOf } from './source-comments.js';

export class SourcePositions {
  readonly #file: string;
  readonly #text: string;
  /** Offsets into the text. */
  readonly #declarations = new Map<string, number>();
  /** Of declarations whose name is not the first word of their statement. */
  readonly #statements = new Map<string, number>();
  /** By owner. */
  readonly #options = new Map<string, OptionPlaces>();
  readonly #imports = new Map<string, number>();
  /** Second declarations of a name: broken files have some. */
  #repeats: Map<string, number> | undefined;
  /** Found when the first place is asked for. */
  #lineStarts: readonly number[] | undefined;

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
  }

  declaration(fullName: string): Position {
    return this.at(this.#declarations.get(fullName));
  }

  comment(fullName: string): string | undefined {
    const statement = this.#statements.get(fullName) ?? this.#declarations.get(fullName);
    return statement === undefined ? undefined : commentOf(this.#text, statement);
  }

  /** The place of a value, or of the nearest thing around it that has one. */
  option(owner: string, spellings: readonly string[], path: string): Position {
    const places = this.#options.get(owner);
    for (let inner = path; ; inner = inner.slice(0, Math.max(0, inner.lastIndexOf('.')))) {
      for (const option of spellings) {
        const offset = places?.offsetOf(option, inner);
        if (offset !== undefined) return this.at(offset);
      }
      if (inner === '') return this.declaration(owner);
    }
  }

  /** The place of an option's name. Only values are kept: the name is looked for before its first one. */
  optionName(owner: string, option: string): Position {
    const start = this.#declarations.get(owner) ?? 0;
    const value = this.#options.get(owner)?.first(option);
    if (value === undefined) return this.declaration(owner);
    const name = this.#text.lastIndexOf(option, value);
    return this.at(name > start ? name : value);
  }

  /** The value of a field's option that is one word or number, a minus before it. */
  wordOf(owner: string, option: string): string | undefined {
    const offset = this.#options.get(owner)?.offsetOf(option, '');
    return offset === undefined ? undefined : /^=\s*(-?\s*\w+)/.exec(this.#text.slice(offset, offset + 100))?.[1];
  }

  /** Declarations of one simple name, whatever they are in. */
  named(name: string): Position[] {
    return this.offsetsOf(name).map((offset) => this.at(offset));
  }

  /** Offsets of declarations by the last words of their full name: `A.x` is `p.A.x`, too. */
  offsetsOf(name: string): readonly number[] {
    return [...this.#declarations].filter(([key]) => endsIn(key, name)).map(([, offset]) => offset);
  }

  /** Of the second declaration of a name, given as in {@link offsetsOf}. */
  repeatOf(name: string): number | undefined {
    return [...(this.#repeats ?? [])].find(([key]) => endsIn(key, name))?.[1];
  }

  /** What stands in a declaration, given as in {@link offsetsOf}: full names and offsets, in the order of the text. */
  membersOf(name: string): readonly (readonly [fullName: string, offset: number])[] {
    return [...this.#declarations].filter(([key]) => endsIn(key.slice(0, Math.max(0, key.lastIndexOf('.'))), name));
  }

  import(path: string): Position {
    return this.at(this.#imports.get(path));
  }

  noteDeclaration(fullName: string, offset: number, statement = offset): void {
    if (this.#declarations.has(fullName)) {
      this.#repeats ??= new Map();
      if (!this.#repeats.has(fullName)) this.#repeats.set(fullName, offset);
      return;
    }
    this.#declarations.set(fullName, offset);
    if (statement !== offset) this.#statements.set(fullName, statement);
  }
  noteOption(owner: string, option: string, path: string, offset: number): void {
    const places = this.#options.get(owner) ?? new OptionPlaces();
    this.#options.set(owner, places);
    places.note(option, path, offset);
  }
  noteImport(path: string, offset: number): void {
    this.#imports.set(path, offset);
  }

  at(offset: number | undefined): Position {
    if (offset === undefined) return { file: this.#file };
    this.#lineStarts ??= lineStartsOf(this.#text);
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#lineStarts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { file: this.#file, line: low + 1, column: offset - this.#lineStarts[low]! + 1 };
  }
}

function endsIn(fullName: string, name: string): boolean {
  return fullName === name || fullName.endsWith(`.${name}`);
}

function lineStartsOf(text: string): readonly number[] {
  const starts = [0];
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) starts.push(end + 1);
  return starts;
}

/** Scans the text of a file; `file` is the name that positions show. */
export function scanPositions(text: string, file: string): SourcePositions {
  const positions = new SourcePositions(file, text);
  new Scanner(text, positions, 'everything').run();
  return positions;
}

/** The same without what messages and enums declare, which is most of a file. */
export function scanServicePositions(text: string, file: string): SourcePositions {
  const positions = new SourcePositions(file, text);
  new Scanner(text, positions, 'services').run();
  return positions;
}

/** Nothing is noted there. */
const NOWHERE = new SourcePositions('', '');

/** `proto2`, `proto3` or the edition, which a file's first statement tells; undefined: it does not. */
export function syntaxOf(text: string): string | undefined {
  return new Scanner(text, NOWHERE, 'services').syntax();
}

/** Of the statement that {@link syntaxOf} reads, which the file has. */
export function syntaxPosition(text: string, file: string): Position {
  return new SourcePositions(file, text).at(new Scanner(text, NOWHERE, 'services').first());
}

type Scope = 'file' | 'message' | 'service' | 'rpc' | 'extend' | 'oneof' | 'enum';

class Scanner {
  private at = 0;
  /** The current token: its text (for strings the content) and where it starts. */
  private token = '';
  private start = 0;
  private isString = false;
  private package = '';
  /** Open blocks: what they are and the prefix of what is declared in them. */
  private readonly scopes: { readonly kind: Scope; readonly prefix: string }[] = [{ kind: 'file', prefix: '' }];

  constructor(
    private readonly text: string,
    private readonly positions: SourcePositions,
    private readonly wanted: 'everything' | 'services',
  ) {}

  run(): void {
    while (this.next()) this.statement();
  }

  syntax(): string | undefined {
    if (!this.next() || (this.token !== 'syntax' && this.token !== 'edition')) return undefined;
    this.next();
    return this.next() && this.isString ? this.token : undefined;
  }

  /** Offset of the first token. */
  first(): number {
    this.next();
    return this.start;
  }

  private statement(): void {
    const { kind, prefix } = this.scopes[this.scopes.length - 1]!;
    const { start, token } = this;
    if (this.isString || token === ';') return;
    switch (token) {
      case '}':
        if (this.scopes.length > 1) this.scopes.pop();
        return;
      case 'message':
      case 'enum':
        if (this.wanted === 'services') return this.skipStatement();
        if (kind === 'file' || kind === 'message') return this.block(token, prefix, start);
        break;
      case 'service':
        if (kind === 'file') return this.block('service', prefix, start);
        break;
      case 'rpc':
        if (kind === 'service') return this.rpc(prefix, start);
        break;
      case 'oneof':
        if (kind === 'message') {
          this.next();
          return this.open('oneof', prefix);
        }
        break;
      case 'extend':
        if (kind === 'file' || kind === 'message') return this.open('extend', prefix);
        break;
      case 'option':
        if (kind === 'file') return this.wanted === 'services' ? this.skipStatement() : this.option('');
        return this.option(prefix.slice(0, -1));
      case 'package':
        if (kind === 'file') return this.packageStatement();
        break;
      case 'import':
        if (kind === 'file') return this.importStatement();
        break;
      case 'reserved':
      case 'extensions':
        return this.skipStatement();
    }
    if (kind === 'rpc' || kind === 'service' || kind === 'file') this.skipStatement();
    else this.field(kind, prefix);
  }

  private block(kind: 'message' | 'enum' | 'service', prefix: string, start: number): void {
    if (!this.next()) return;
    const fullName = prefix + this.token;
    this.positions.noteDeclaration(fullName, start);
    this.open(kind, `${fullName}.`);
  }

  /** Goes on to the `{` that opens a block, or to a `;` that says there is none. */
  private open(kind: Scope, prefix: string): void {
    while (this.next()) {
      if (this.isString) continue;
      if (this.token === '{') {
        this.scopes.push({ kind, prefix });
        return;
      }
      if (this.token === ';') return;
    }
  }

  private rpc(prefix: string, start: number): void {
    if (!this.next()) return;
    const fullName = prefix + this.token;
    this.positions.noteDeclaration(fullName, start);
    this.open('rpc', `${fullName}.`);
  }

  /** A field or an enum value: its name is the last word before `=`. A group opens a message. */
  private field(kind: Scope, prefix: string): void {
    const statement = this.start;
    let name = this.token;
    let start = statement;
    let group = this.token === 'group';
    while (this.next()) {
      if (this.isString) continue;
      if (this.token === '=') break;
      if (this.token === ';' || this.token === '}' || this.token === '{') return;
      if (this.token === 'group') group = true;
      name = this.token;
      start = this.start;
    }
    this.positions.noteDeclaration(prefix + (group ? name.toLowerCase() : name), start, statement);
    if (group) this.positions.noteDeclaration(prefix + name, start, statement);
    let brackets = 0;
    let option = '';
    while (this.next()) {
      if (this.isString) continue;
      if (this.token === '[') brackets++;
      else if (this.token === ']') brackets--;
      else if (brackets === 1 && this.token === ',') option = '';
      else if (brackets === 1 && this.token === '=') {
        // Of `(x).y` the part that says which option it is.
        this.positions.noteOption(prefix + name, /^\([^)]*\)|^\w*/.exec(option)![0], '', this.start);
      } else if (brackets === 1) option += this.token;
      else if (this.token === ';' && brackets <= 0) return;
      else if (this.token === '{' && brackets <= 0) {
        if (kind !== 'enum') this.scopes.push({ kind: 'message', prefix: `${prefix}${name}.` });
        return;
      }
    }
  }

  private packageStatement(): void {
    let name = '';
    while (this.next() && this.token !== ';') name += this.token;
    this.package = name === '' ? '' : `${name}.`;
    this.scopes[0] = { kind: 'file', prefix: this.package };
  }

  private importStatement(): void {
    while (this.next() && (this.isString || this.token !== ';')) {
      if (this.isString) this.positions.noteImport(this.token, this.start);
    }
  }

  /** To the `;` outside of all braces, or the brace that closes them. Most of a file is skipped: no token is made of it. */
  private skipStatement(): void {
    const { text } = this;
    let depth = 0;
    for (this.at = this.start; this.at < text.length; ) {
      const char = text.charCodeAt(this.at);
      if (char === QUOTE || char === APOSTROPHE) this.skipString(char);
      else if (char === SLASH) {
        this.skipBlanks();
        if (text.charCodeAt(this.at) === SLASH) this.at++;
      } else {
        this.at++;
        if (char === OPEN) depth++;
        else if (char === CLOSE && --depth <= 0) return;
        else if (char === SEMICOLON && depth === 0) return;
      }
    }
  }

  /** `option (google.api.http) = { … };`, `option (google.api.http).get = "…";` */
  private option(owner: string): void {
    let name = '';
    let path = '';
    let parentheses = 0;
    while (this.next() && (this.isString || this.token !== '=')) {
      if (this.token === ';') return;
      if (this.token === '(') parentheses++;
      else if (this.token === ')') {
        parentheses--;
        name += ')';
        continue;
      }
      if (name.endsWith(')') || (parentheses === 0 && name !== '')) path += this.token;
      else name += this.token;
    }
    const fields = path.split('.').filter((part) => part !== '');
    this.optionValue(owner, name, fields.map((field) => `${field}[0]`).join('.'));
  }

  /** The value after `=` or `:`, to the end of the statement. A stack of our own: values nest as deep as they like. */
  private optionValue(owner: string, option: string, root: string): void {
    const stack: { path: string; close: string; counts: Map<string, number>; list: string | undefined }[] = [];
    let field: string | undefined = root;
    while (this.next()) {
      const top = stack[stack.length - 1];
      if (top === undefined && field === undefined) {
        if (!this.isString && this.token === ';') return;
        continue;
      }
      if (!this.isString && top !== undefined && this.token === top.close) {
        stack.pop();
        const outer = stack[stack.length - 1];
        field = outer === undefined ? undefined : outer.list;
        continue;
      }
      if (!this.isString && (this.token === ',' || this.token === ':' || this.token === ';')) {
        if (top === undefined) return;
        continue;
      }
      if (field === undefined) {
        field = this.fieldName();
        continue;
      }
      const path = top === undefined ? field : indexed(top, field);
      if (!this.isString && this.token === '[' && top !== undefined) {
        stack.push({ ...top, close: ']', list: field });
        continue;
      }
      if (top !== undefined) top.counts.set(field, (top.counts.get(field) ?? 0) + 1);
      this.positions.noteOption(owner, option, path, this.isString ? this.start + 1 : this.start);
      if (!this.isString && (this.token === '{' || this.token === '<')) {
        stack.push({ path, close: this.token === '{' ? '}' : '>', counts: new Map(), list: undefined });
        field = undefined;
        continue;
      }
      if (!this.isString && this.token === '-') this.next();
      if (this.isString) this.joinStrings();
      field = top?.list;
    }
  }

  /** `name`, or `[pkg.ext]`. */
  private fieldName(): string {
    const { token } = this;
    if (token !== '[') return token;
    const parts: string[] = [];
    while (this.next() && this.token !== ']') parts.push(this.token);
    return `[${parts.join('')}]`;
  }

  /** Adjacent strings are one value: stays on the last of them. */
  private joinStrings(): void {
    for (;;) {
      const { at, token, start } = this;
      if (!this.next()) return;
      if (this.isString) continue;
      this.at = at;
      this.token = token;
      this.start = start;
      this.isString = true;
      return;
    }
  }

  /** The next token; false at the end. Words with dots are one token each part, dots tokens of their own. */
  private next(): boolean {
    const { text } = this;
    this.skipBlanks();
    if (this.at >= text.length) return false;
    this.start = this.at;
    const first = text.charCodeAt(this.at);
    this.isString = first === QUOTE || first === APOSTROPHE;
    if (this.isString) return this.stringToken(first);
    if (isWord(first)) {
      do this.at++;
      while (this.at < text.length && isWord(text.charCodeAt(this.at)));
    } else this.at++;
    this.token = text.slice(this.start, this.at);
    return true;
  }

  private stringToken(quote: number): boolean {
    const end = this.skipString(quote);
    this.token = this.text.slice(this.start + 1, end);
    return true;
  }

  /** Gives where its content ends: at the quote, or with the line. */
  private skipString(quote: number): number {
    const { text } = this;
    this.at++;
    while (this.at < text.length) {
      const char = text.charCodeAt(this.at);
      if (char === quote || char === NEWLINE) break;
      this.at += char === BACKSLASH ? 2 : 1;
    }
    const end = this.at;
    if (text.charCodeAt(this.at) === quote) this.at++;
    return end;
  }

  private skipBlanks(): void {
    const { text } = this;
    for (;;) {
      const char = text.charCodeAt(this.at);
      if (char <= 0x20 || char === 0xfeff) this.at++;
      else if (char === SLASH && text.charCodeAt(this.at + 1) === SLASH) this.skipTo(text.indexOf('\n', this.at));
      else if (char === SLASH && text.charCodeAt(this.at + 1) === STAR) this.skipBlockComment();
      else return;
    }
  }

  private skipBlockComment(): void {
    const end = this.text.indexOf('*/', this.at + 2);
    this.skipTo(end < 0 ? end : end + 2);
  }

  private skipTo(offset: number): void {
    this.at = offset < 0 ? this.text.length : offset;
  }
}

function indexed(top: { path: string; counts: Map<string, number> }, field: string): string {
  return `${top.path === '' ? '' : `${top.path}.`}${field}[${top.counts.get(field) ?? 0}]`;
}

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const BACKSLASH = 0x5c;
const SLASH = 0x2f;
const SEMICOLON = 0x3b;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const STAR = 0x2a;

/** Letters, digits, `_`, and what is not ASCII. */
function isWord(char: number): boolean {
  return (
    (char >= 0x61 && char <= 0x7a) ||
    (char >= 0x41 && char <= 0x5a) ||
    (char >= 0x30 && char <= 0x39) ||
    char === 0x5f ||
    char > 0x7f
  );
}
