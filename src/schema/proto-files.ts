/** This module turns `.proto` text into the declarations of a file. It reports a file that cannot be parsed. */
import { readFileSync } from 'node:fs';
import { type Diagnostic, errorAt } from '../base/diagnostic.js';
import type { RuleId } from '../base/rules.js';
import {
  AGGREGATE,
  DEFAULT_POLICY,
  FIELD_BEHAVIOR,
  HTTP,
  HTTP_RULE,
  POLICY,
  readHttpRule,
} from './annotation-reader.js';
import type {
  EnumDeclaration,
  ExtensionDeclaration,
  FieldDeclaration,
  FileDeclaration,
  MessageDeclaration,
  MethodDeclaration,
  Places,
  ServiceDeclaration,
} from './declaration.js';
import { isScalarType, nameIn } from './declaration.js';
import { parsedDefault } from './declared-default.js';
import { type Features, featuresOf, overrideFeatures } from './features.js';
import { mergedOption } from './merged-option.js';
import { means, type Owner, optionNameProblem } from './option-names.js';
import { asWritten, isMessage, type OptionMessage, type OptionValue } from './option-tree.js';
import { placesOf } from './places.js';
import { ProtoSyntaxError } from './proto-lexer.js';
import { parseProto } from './proto-parser.js';
import { SourceText } from './source-text.js';
import type {
  Block,
  EnumNode,
  FieldNode,
  FileNode,
  MessageNode,
  OptionNode,
  RpcNode,
  ServiceNode,
} from './syntax-tree.js';
import type { Words } from './words.js';

/**
 * Parses a file. `name` is the name by which other files import it. `path` is the path from which it is read, and its
 * name in diagnostics. Throws if the file cannot be read.
 */
export function parseProtoFile(name: string, path: string, words: Words): FileDeclaration {
  const source = new SourceText(path, readFileSync(path, 'utf8'));
  try {
    return new FileConverter(name, source, parseProto(source, words), placesOf(path)).convert();
  } catch (error) {
    if (!(error instanceof ProtoSyntaxError)) throw error;
    return { ...NOTHING, name, diagnostics: [errorAt(source.at(error.offset), error.rule, error.message)] };
  }
}

const NOTHING = {
  package: '',
  imports: [],
  messages: [],
  enums: [],
  services: [],
  extensions: [],
  diagnostics: [],
};

const SYNTAXES: ReadonlySet<string> = new Set(['proto2', 'proto3', '2023', '2024']);

const NO_BEHAVIOR: readonly string[] = [];
const BEHAVIORS = new Map<string, readonly string[]>();

type Options = readonly OptionNode[];

class FileConverter {
  private readonly messages: MessageDeclaration[] = [];
  private readonly enums: EnumDeclaration[] = [];
  private readonly services: ServiceDeclaration[] = [];
  private readonly extensions: ExtensionDeclaration[] = [];
  private readonly diagnostics: Diagnostic[] = [];
  private readonly packageName: string;

  constructor(
    private readonly name: string,
    private readonly source: SourceText,
    private readonly file: FileNode,
    private readonly places: Places,
  ) {
    this.packageName = file.package;
  }

  convert(): FileDeclaration {
    const { file, packageName } = this;
    this.requireKnownSyntax(file.syntax);
    this.requireKnownOptions(file.options, 'a file', this.diagnostics);
    this.block(file, packageName, overrideFeatures(featuresOf(file.syntax?.name), featureOptions(file.options)));
    for (const service of file.services) this.service(service, nameIn(packageName, service.name));
    return {
      name: this.name,
      package: packageName,
      imports: file.imports.map(({ path, at }) => ({ path, position: this.source.at(at) })),
      messages: this.messages,
      enums: this.enums,
      services: this.services,
      extensions: this.extensions,
      diagnostics: this.diagnostics,
    };
  }

  /** Reports an unknown syntax. The rest of such a file is read as far as possible. */
  private requireKnownSyntax(syntax: FileNode['syntax']): void {
    if (syntax === undefined || SYNTAXES.has(syntax.name)) return;
    const problem = `syntax: expected ${[...SYNTAXES].join(', ')}, got ${JSON.stringify(syntax.name)}`;
    this.diagnostics.push(errorAt(this.source.at(syntax.at), 'proto-syntax', problem));
  }

  private block({ messages, enums, extensions }: Block, scope: string, features: Features): void {
    for (const message of messages) this.message(message, nameIn(scope, message.name), features);
    for (const one of enums) this.enum(one, nameIn(scope, one.name), features);
    for (const field of extensions) this.extension(field, scope, features);
  }

  private message(message: MessageNode, fullName: string, outer: Features): void {
    const { options } = message;
    this.requireKnownOptions(options, 'a message', this.diagnostics);
    const features = overrideFeatures(outer, featureOptions(options));
    this.messages.push({
      fullName,
      fields: message.fields.map((field) => this.field(field, fullName, features)),
      oneofs: message.oneofs,
      messageSet: last(options, 'message_set_wire_format') === true,
      places: this.places,
    });
    this.block(message, fullName, features);
  }

  private field(field: FieldNode, scope: string, outer: Features): FieldDeclaration {
    const { options, label, mapKey, oneof } = field;
    this.requireKnownOptions(options, 'a field', this.diagnostics);
    const features = overrideFeatures(outer, featureOptions(options));
    const isList = label === 'repeated' || mapKey !== undefined;
    const required = label === 'required' || features.fieldPresence === 'LEGACY_REQUIRED';
    const explicit = label === 'optional' || oneof !== undefined || features.fieldPresence === 'EXPLICIT';
    const packed = last(options, 'packed');
    const jsonName = last(options, 'json_name');
    const type = isScalarType(field.type) ? field.type : { name: field.type, scope };
    return {
      name: field.name,
      jsonName: typeof jsonName === 'string' ? jsonName : undefined,
      number: field.number,
      cardinality: mapKey !== undefined ? 'map' : isList ? 'repeated' : 'singular',
      type,
      mapKey,
      presence: isList ? 'implicit' : required && oneof === undefined ? 'required' : explicit ? 'explicit' : 'implicit',
      packed: typeof packed === 'boolean' ? packed : features.packed,
      validateUtf8: features.validateUtf8,
      delimited: mapKey === undefined && (field.group || features.delimited),
      oneof,
      deprecated: last(options, 'deprecated') === true,
      behavior: behaviorOf(options, this.packageName),
      defaultText: this.defaultOf(options, type),
    };
  }

  private defaultOf(options: Options, type: FieldDeclaration['type']): string | undefined {
    const declared = options.findLast(({ name }) => name === 'default')?.value;
    if (declared === undefined) return undefined;
    const text = parsedDefault(declared, type);
    if (text === undefined) {
      const expected = typeof type === 'string' ? type : type.name;
      const found = isMessage(declared) ? 'a message' : JSON.stringify(declared.value);
      const problem = `default: expected a value of ${expected}, got ${found}`;
      this.diagnostics.push(errorAt(declared.position, 'proto-syntax', problem));
    }
    return text;
  }

  private extension(field: FieldNode, scope: string, features: Features): void {
    const declared = this.field(field, scope, features);
    const singular = declared.cardinality === 'singular' && declared.presence === 'implicit';
    this.extensions.push({
      extendee: { name: field.extendee ?? '', scope },
      fullName: nameIn(scope, declared.name),
      field: singular ? { ...declared, presence: 'explicit' } : declared,
      places: this.places,
    });
  }

  private enum({ values, options }: EnumNode, fullName: string, outer: Features): void {
    this.enums.push({
      fullName,
      values: values.map(({ name, number }) => ({ name, number })),
      closed: overrideFeatures(outer, featureOptions(options)).closedEnums,
      places: this.places,
    });
  }

  private service({ options, rpcs, at }: ServiceNode, fullName: string): void {
    const diagnostics: Diagnostic[] = [];
    this.requireKnownOptions(options, 'a service', diagnostics);
    this.services.push({
      fullName,
      methods: rpcs.map((rpc) => this.method(rpc, fullName)),
      defaultPolicy: this.annotation(options, DEFAULT_POLICY, asWritten, diagnostics),
      diagnostics,
      position: this.source.at(at),
      places: this.places,
    });
  }

  private method(rpc: RpcNode, service: string): MethodDeclaration {
    const { options } = rpc;
    const diagnostics: Diagnostic[] = [];
    this.requireKnownOptions(options, 'an rpc', diagnostics);
    return {
      name: rpc.name,
      input: { name: rpc.input, scope: service },
      output: { name: rpc.output, scope: service },
      clientStreaming: rpc.clientStreaming,
      serverStreaming: rpc.serverStreaming,
      idempotency: idempotencyOf(last(options, 'idempotency_level')),
      deprecated: last(options, 'deprecated') === true,
      httpRule: this.annotation(options, HTTP, readHttpRule, diagnostics),
      policy: this.annotation(options, POLICY, asWritten, diagnostics),
      aggregate: this.annotation(options, AGGREGATE, asWritten, diagnostics),
      diagnostics,
      position: this.source.at(rpc.at),
    };
  }

  /**
   * Reports unknown options. A misspelt policy would have no effect, and the method that it should protect would be
   * open.
   */
  private requireKnownOptions(options: Options, owner: Owner, diagnostics: Diagnostic[]): void {
    for (const { name, at } of options) {
      const problem = optionNameProblem(name, this.packageName, owner);
      if (problem !== undefined) diagnostics.push(errorAt(this.source.at(at), 'unknown-option', problem));
    }
  }

  /**
   * Reads all statements of one option as a single option, and reports a value that is no message. Returns undefined if the
   * option has no other.
   */
  private annotation<T>(
    options: Options,
    extension: string,
    read: (option: OptionMessage, diagnostics: Diagnostic[]) => T,
    diagnostics: Diagnostic[],
  ): T | undefined {
    const meant = options.filter(({ name }) => means(name, extension, this.packageName));
    for (const { path, value } of meant) {
      if (path.length > 0 || isMessage(value)) continue;
      const problem = `expected a message, got ${JSON.stringify(value.value)}`;
      diagnostics.push(errorAt(value.position, RULES.get(extension)!, problem));
    }
    const message = mergedOption(meant);
    return message === undefined ? undefined : read(message, diagnostics);
  }
}

/** The rule id of diagnostics about an annotation, by the name of its extension. */
const RULES: ReadonlyMap<string, RuleId> = new Map([
  [HTTP, HTTP_RULE],
  [POLICY, 'policy'],
  [DEFAULT_POLICY, 'policy'],
  [AGGREGATE, 'aggregate'],
]);

/** Returns the last value of an option that has a single value. */
function last(options: Options, name: string): OptionValue['value'] | undefined {
  return options.length === 0 ? undefined : options.findLast((option) => option.name === name)?.value.value;
}

function behaviorOf(options: Options, packageName: string): readonly string[] {
  let written = '';
  for (const { name, value } of options) {
    if (means(name, FIELD_BEHAVIOR, packageName) && !isMessage(value))
      written += `${written === '' ? '' : ','}${value.value}`;
  }
  if (written === '') return NO_BEHAVIOR;
  // Thousands of fields have the same behavior, so equal lists share one object.
  const known = BEHAVIORS.get(written);
  if (known !== undefined) return known;
  const behavior = written.split(',');
  BEHAVIORS.set(written, behavior);
  return behavior;
}

/**
 * Returns the `features` options, which are written as `features.a = X`, several times, or as `features = { a: X }`.
 */
function featureOptions(options: Options): Readonly<Record<string, unknown>> | undefined {
  // Most fields have no options.
  const tree =
    options.length === 0 ? undefined : mergedOption(options.filter(({ name }) => name === 'features'))?.value;
  if (tree === undefined) return undefined;
  return Object.fromEntries([...tree].map(([name, values]) => [name, values.at(-1)?.value]));
}

function idempotencyOf(level: unknown): MethodDeclaration['idempotency'] {
  if (level === 'NO_SIDE_EFFECTS') return 'no-side-effects';
  return level === 'IDEMPOTENT' ? 'idempotent' : 'unknown';
}
