/**
 * This module parses the text of a `.proto` file into a syntax tree in one pass, as protoc's parser.cc does: proto2,
 * proto3, editions 2023 and 2024. It stops at the first error:
 *
 *     string a = 1 string b = 2;     x.proto:4:16: expected ';', got 'string'
 *     string a = 1; string b = 1;    x.proto:4:24: duplicate id 1 in message M
 */
import { isScalarType } from './declaration.js';
import { OptionParser } from './option-parser.js';
import { ProtoSyntaxError, shown } from './proto-lexer.js';
import { ProtoTokens } from './proto-tokens.js';
import type { SourceText } from './source-text.js';
import type {
  Block,
  EnumNode,
  EnumValueNode,
  FieldNode,
  FileNode,
  MessageNode,
  OptionNode,
  RpcNode,
  ServiceNode,
} from './syntax-tree.js';
import type { Words } from './words.js';

/** Parses a file. Throws a {@link ProtoSyntaxError}. */
export function parseProto(source: SourceText, words: Words): FileNode {
  return new Parser(source, words).file();
}

const MAX_FIELD = 536_870_911;
/**
 * The largest number of an extension. It is larger than that of a field, because a message set does not use the number
 * as a tag.
 */
const MAX_EXTENSION = 2_147_483_646;
const MAX_ENUM = 2_147_483_647;

/** The scalar types that cannot be the key of a map. */
const NO_KEYS: ReadonlySet<string> = new Set(['float', 'double', 'bytes']);

/**
 * The oneof that contains a field, or the message that the field extends. Both are absent for a field directly in a message.
 */
interface Around {
  readonly oneof?: string;
  readonly extendee?: string;
}

class Parser {
  private readonly tokens: ProtoTokens;
  private readonly options: OptionParser;
  private syntax = 'proto2';

  constructor(source: SourceText, words: Words) {
    this.tokens = new ProtoTokens(source.text, words);
    this.options = new OptionParser(source, this.tokens);
  }

  file(): FileNode {
    const { tokens } = this;
    const syntax = this.syntaxStatement();
    const block = { options: [], messages: [], enums: [], extensions: [] };
    const file: FileNode = { syntax, package: '', imports: [], services: [], ...block };
    const names = new Names(() => (file.package === '' ? 'the file' : `package ${file.package}`));
    while (tokens.kind !== 'end') {
      if (tokens.skip(';') || this.declaration(file, names)) continue;
      if (tokens.token === 'import') this.import(file);
      else if (tokens.token === 'option') file.options.push(this.options.statement());
      else if (tokens.token === 'service') file.services.push(this.service(names));
      else if (tokens.token === 'package') this.package(file);
      else throw tokens.expected('a declaration such as message, enum or service');
    }
    return file;
  }

  /** Parses `syntax = "proto3";` or `edition = "2023";`, which must come first. */
  private syntaxStatement(): FileNode['syntax'] {
    const { tokens } = this;
    if (!tokens.skip('syntax') && !tokens.skip('edition')) return undefined;
    tokens.expect('=');
    const at = tokens.start + 1;
    this.syntax = this.options.string().value;
    tokens.expect(';');
    return { name: this.syntax, at };
  }

  private get isEdition(): boolean {
    return this.syntax !== 'proto2' && this.syntax !== 'proto3';
  }

  /** True for edition 2024 and later. */
  private get isModern(): boolean {
    return this.isEdition && this.syntax !== '2023';
  }

  private package(file: FileNode): void {
    const { tokens } = this;
    if (file.package !== '') throw tokens.expected('one package');
    tokens.next();
    if (tokens.token.startsWith('.')) throw tokens.expected('a name');
    file.package = tokens.typeName('a name');
    tokens.requireDepth(file.package.split('.').length);
    tokens.expect(';');
  }

  private import({ imports }: FileNode): void {
    const { tokens } = this;
    tokens.next();
    // The imported file is needed only for options, and may be missing.
    const forOptions = this.isModern && tokens.skip('option');
    if (!forOptions && !tokens.skip('public')) tokens.skip('weak');
    const at = tokens.start;
    const path = this.options.string().value;
    tokens.expect(';');
    if (!forOptions) imports.push({ path, at });
  }

  /**
   * Parses a declaration that is allowed in a file and in a message. Returns false if the token begins something else.
   */
  private declaration(block: Block, names: Names): boolean {
    const { tokens } = this;
    const { start } = tokens;
    const isVisibility = this.isModern && (tokens.token === 'export' || tokens.token === 'local');
    if (isVisibility && /^(?:message|enum)$/.test(tokens.peek())) tokens.next();
    const at = tokens.start;
    if (tokens.skip('message')) this.message(tokens.name(), { start, at }, block, names);
    else if (tokens.skip('enum')) block.enums.push(this.enum(tokens.name(), { start, at }, names));
    else if (tokens.skip('extend')) this.extend(block, names);
    else return false;
    return true;
  }

  /** Parses a message from its `{` on. It is added to `block` before the messages inside of it. */
  private message(name: string, place: { start: number; at: number }, block: Block, outer: Names): void {
    const { tokens } = this;
    outer.declare(name, place.at);
    const fields: FieldNode[] = [];
    const oneofs: string[] = [];
    const options: OptionNode[] = [];
    const message: MessageNode = { name, ...place, options, fields, oneofs, messages: [], enums: [], extensions: [] };
    block.messages.push(message);
    const names = new Names(() => `message ${name}`);
    const reserved = new Reserved();
    tokens.block(() => {
      if (this.declaration(message, names)) return;
      if (tokens.token === 'option') options.push(this.options.statement());
      else if (tokens.token === 'oneof') oneofs.push(this.oneof(message, fields, names));
      else if (tokens.token === 'reserved') this.reserved(reserved, MAX_FIELD);
      else if (tokens.token === 'extensions') this.extensionRanges();
      else fields.push(this.field(message, names));
    });
    requireDistinct(fields, `message ${name}`);
    reserved.requireNone(fields, `message ${name}`);
  }

  private oneof(block: Block, fields: FieldNode[], names: Names): string {
    const { tokens } = this;
    tokens.next();
    const at = tokens.start;
    const oneof = tokens.name();
    names.declare(oneof, at);
    tokens.block(() => {
      if (tokens.token === 'option') this.options.statement();
      else fields.push(this.field(block, names, { oneof }));
    });
    return oneof;
  }

  private extend(block: Block, names: Names): void {
    const extendee = this.tokens.typeName('a message');
    this.tokens.block(() => block.extensions.push(this.field(block, names, { extendee })));
  }

  /** Parses a field. If the field is a group, its message is added to `block`. */
  private field(block: Block, names: Names, { oneof, extendee }: Around = {}): FieldNode {
    const { tokens } = this;
    const { start } = tokens;
    const isMember = oneof !== undefined || extendee !== undefined;
    const mapKey = !isMember && tokens.token === 'map' && tokens.peek() === '<' ? this.mapKey() : undefined;
    const label = mapKey === undefined && oneof === undefined ? this.label() : undefined;
    const group = tokens.token === 'group';
    if (group && this.syntax !== 'proto2') throw tokens.expected('a type');
    const written = tokens.typeName('a type');
    if (mapKey !== undefined) tokens.expect('>');
    const at = tokens.start;
    if (group && !/^[A-Z]/.test(tokens.token)) throw tokens.expected('a name with a capital letter');
    const typeOrName = tokens.name();
    const [name, type] = group ? [typeOrName.toLowerCase(), typeOrName] : [typeOrName, written];
    names.declare(name, at);
    tokens.expect('=');
    const number = tokens.number(1, extendee === undefined ? MAX_FIELD : MAX_EXTENSION);
    const options = this.options.inBrackets();
    if (group) this.message(type, { start, at: start }, block, names);
    else tokens.expect(';');
    return { name, start, at, options, label, type, mapKey, number, group, oneof, extendee };
  }

  /** Parses a label. In proto2 every field that gets here has one; in editions only `repeated` is allowed. */
  private label(): FieldNode['label'] {
    const { tokens, syntax } = this;
    const { token } = tokens;
    if (
      token === 'repeated' ||
      (token === 'optional' && !this.isEdition) ||
      (token === 'required' && syntax === 'proto2')
    ) {
      tokens.next();
      return token;
    }
    if (syntax === 'proto2') throw tokens.expected('optional, required or repeated');
    if (token === 'optional' || token === 'required') throw tokens.expected('a type');
    return undefined;
  }

  /** Parses `map<string,`. */
  private mapKey(): FieldNode['mapKey'] {
    const { tokens } = this;
    tokens.next();
    tokens.expect('<');
    const key = tokens.token;
    if (!isScalarType(key) || NO_KEYS.has(key)) throw tokens.expected('the type of a key');
    tokens.next();
    tokens.expect(',');
    return key;
  }

  private enum(name: string, place: { start: number; at: number }, outer: Names): EnumNode {
    const { tokens } = this;
    outer.declare(name, place.at);
    const values: EnumValueNode[] = [];
    const options: OptionNode[] = [];
    const names = new Names(() => `enum ${name}`);
    const reserved = new Reserved();
    tokens.block(() => {
      if (tokens.token === 'option') options.push(this.options.statement());
      else if (tokens.token === 'reserved') this.reserved(reserved, MAX_ENUM);
      else values.push(this.enumValue(names));
    });
    const isAliased = options.some((option) => option.name === 'allow_alias' && option.value.value === true);
    if (!isAliased) requireDistinct(values, `enum ${name}`);
    reserved.requireNone(values, `enum ${name}`);
    return { name, ...place, options, values };
  }

  private enumValue(names: Names): EnumValueNode {
    const at = this.tokens.start;
    const name = this.tokens.name();
    names.declare(name, at);
    this.tokens.expect('=');
    const number = this.enumNumber();
    const options = this.options.inBrackets();
    this.tokens.expect(';');
    return { name, at, number, options };
  }

  private enumNumber(): number {
    const { start } = this.tokens;
    const isNegative = this.tokens.skip('-');
    // Zero must not get a sign.
    const number = isNegative ? 0 - this.tokens.number() : this.tokens.number();
    if (number > MAX_ENUM || number < -MAX_ENUM - 1)
      throw new ProtoSyntaxError(start, `expected a number of 32 bits, got ${number}`);
    return number;
  }

  private service(outer: Names): ServiceNode {
    const { tokens } = this;
    const { start } = tokens;
    tokens.next();
    const name = tokens.name();
    outer.declare(name, start);
    const rpcs: RpcNode[] = [];
    const options: OptionNode[] = [];
    const names = new Names(() => `service ${name}`);
    tokens.block(() => {
      if (tokens.token === 'option') options.push(this.options.statement());
      else if (tokens.token === 'rpc') rpcs.push(this.rpc(names));
      else throw tokens.expected('rpc or option');
    });
    return { name, start, at: start, options, rpcs };
  }

  private rpc(names: Names): RpcNode {
    const { tokens } = this;
    const { start } = tokens;
    tokens.next();
    const name = tokens.name();
    names.declare(name, start);
    const { type: input, streaming: clientStreaming } = this.rpcType();
    tokens.expect('returns');
    const { type: output, streaming: serverStreaming } = this.rpcType();
    const options: OptionNode[] = [];
    if (tokens.token === '{') tokens.block(() => options.push(this.options.statement()));
    else tokens.expect(';');
    return { name, start, at: start, options, input, output, clientStreaming, serverStreaming };
  }

  /** Parses `(stream Item)`. */
  private rpcType(): { readonly type: string; readonly streaming: boolean } {
    const { tokens } = this;
    tokens.expect('(');
    const streaming = tokens.skip('stream');
    const type = tokens.typeName('a message');
    tokens.expect(')');
    return { type, streaming };
  }

  /** Parses `reserved 3, 5 to 10;`, `reserved "a", "b";`, and in editions names without quotes. */
  private reserved({ ranges, names }: Reserved, max: number): void {
    const { tokens } = this;
    tokens.next();
    const isNumbers = tokens.kind === 'number' || tokens.token === '-';
    do {
      if (isNumbers) ranges.push(this.range(max));
      else names.add(this.isEdition ? tokens.name() : this.options.string().value);
    } while (tokens.skip(','));
    tokens.expect(';');
  }

  private extensionRanges(): void {
    const { tokens } = this;
    tokens.next();
    do this.range(MAX_FIELD);
    while (tokens.skip(','));
    this.options.inBrackets();
    tokens.expect(';');
  }

  /** Parses `3`, `5 to 10` or `100 to max`. */
  private range(max: number): Range {
    const { tokens } = this;
    const from = this.enumNumber();
    if (!tokens.skip('to')) return { from, to: from };
    return { from, to: tokens.skip('max') ? max : this.enumNumber() };
  }
}

/** The names in one scope, each of which may be declared once. */
class Names {
  private readonly known = new Set<string>();

  constructor(private readonly owner: () => string) {}

  declare(name: string, at: number): void {
    if (name === '__proto__')
      throw new ProtoSyntaxError(at, 'a declaration named __proto__ cannot be read', 'reserved-name');
    if (this.known.has(name)) throw new ProtoSyntaxError(at, `duplicate name ${shown(name)} in ${this.owner()}`);
    this.known.add(name);
  }
}

type Numbered = FieldNode | EnumValueNode;

function requireDistinct(members: readonly Numbered[], owner: string): void {
  const known = new Set<number>();
  for (const { number, at } of members) {
    if (known.has(number)) throw new ProtoSyntaxError(at, `duplicate id ${number} in ${owner}`);
    known.add(number);
  }
}

interface Range {
  readonly from: number;
  readonly to: number;
}

class Reserved {
  readonly ranges: Range[] = [];
  readonly names = new Set<string>();

  requireNone(members: readonly Numbered[], owner: string): void {
    if (this.names.size > 0) {
      const named = members.find(({ name }) => this.names.has(name));
      if (named !== undefined)
        throw new ProtoSyntaxError(named.at, `name ${shown(named.name)} is reserved in ${owner}`);
    }
    if (this.ranges.length === 0) return;
    // Ranges and members are both sorted by number, so that one pass over both is enough.
    const ranges = this.ranges.toSorted((a, b) => b.from - a.from);
    let end = Number.NEGATIVE_INFINITY;
    for (const { number, at } of members.toSorted((a, b) => a.number - b.number)) {
      while (ranges.length > 0 && ranges.at(-1)!.from <= number) end = Math.max(end, ranges.pop()!.to);
      if (number <= end) throw new ProtoSyntaxError(at, `id ${number} is reserved in ${owner}`);
    }
  }
}
