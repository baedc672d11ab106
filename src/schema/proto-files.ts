/**
 * `.proto` text → a file's declarations. protobufjs parses, into a Root that is this file's alone and is dropped here;
 * positions come from our own scan of the text. A file that does not parse is a diagnostic that names it.
 */
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { type Diagnostic, errorAt, type Position } from '../base/diagnostic.js';
import {
  AGGREGATE,
  DEFAULT_POLICY,
  FIELD_BEHAVIOR,
  HTTP,
  POLICY,
  readAggregate,
  readHttpRule,
  readPolicy,
} from './annotation-reader.js';
import type {
  EnumDeclaration,
  ExtensionDeclaration,
  FieldDeclaration,
  FileDeclaration,
  ImportDeclaration,
  MessageDeclaration,
  MethodDeclaration,
  Places,
  ServiceDeclaration,
} from './declaration.js';
import { isScalarType, nameIn } from './declaration.js';
import { parsedDefault } from './declared-default.js';
import { type Features, featuresOf, overrideFeatures } from './features.js';
import { means, type Owner, optionNameProblem } from './option-names.js';
import { mergeOptionTrees, type OptionTree, type PlaceOf, toOptionTree } from './option-tree.js';
import { parseText } from './proto-parser.js';
import {
  type SourcePositions,
  scanPositions,
  scanServicePositions,
  syntaxOf,
  syntaxPosition,
} from './source-positions.js';
import { syntaxProblem } from './syntax-problem.js';
import type { Words } from './words.js';

/** `name`: as others import it; `path`: where it is read, and how diagnostics name it. Throws if it cannot be read. */
export function parseProtoFile(name: string, path: string, words: Words): FileDeclaration {
  const text = readFileSync(path, 'utf8');
  try {
    const parsed = parseText(text);
    const syntax = syntaxOf(text);
    const file = new FileConverter(parsed, { name, text, path, syntax, words }).convert();
    return { ...file, diagnostics: [...silentProblems(text, path, syntax), ...file.diagnostics] };
  } catch (error) {
    return { ...NOTHING, name, diagnostics: [syntaxProblem(error, text, path, parseText)] };
  }
}

/** Rule ids of what is wrong with an annotation. */
const RULES = new Map([
  [HTTP, 'http-rule'],
  [POLICY, 'policy'],
  [DEFAULT_POLICY, 'policy'],
  [AGGREGATE, 'aggregate'],
]);

const SYNTAXES: ReadonlySet<string | undefined> = new Set([undefined, 'proto2', 'proto3', '2023', '2024']);

/** What the parser lets pass or drops without a word. */
function silentProblems(text: string, path: string, syntax: string | undefined): Diagnostic[] {
  const problems: Diagnostic[] = [];
  if (!SYNTAXES.has(syntax)) {
    const known = [...SYNTAXES].filter((one) => one !== undefined).join(', ');
    problems.push(
      errorAt(syntaxPosition(text, path), 'proto-syntax', `syntax: expected ${known}, got ${JSON.stringify(syntax)}`),
    );
  }
  if (text.includes('__proto__')) {
    for (const position of scanPositions(text, path).named('__proto__')) {
      problems.push(errorAt(position, 'reserved-name', 'a declaration named __proto__ cannot be read'));
    }
  }
  return problems;
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

const NO_OPTIONS: Options = [];
const NO_BEHAVIOR: readonly string[] = [];
const BEHAVIORS = new Map<string, readonly string[]>();

type Options = readonly Readonly<Record<string, unknown>>[];

interface FileText {
  readonly name: string;
  /** Dropped when the file is converted; positions that are asked for later are found by reading it again. */
  readonly text: string;
  readonly path: string;
  readonly syntax: string | undefined;
  readonly words: Words;
}

class FileConverter {
  private readonly messages: MessageDeclaration[] = [];
  private readonly enums: EnumDeclaration[] = [];
  private readonly services: ServiceDeclaration[] = [];
  private readonly extensions: ExtensionDeclaration[] = [];
  private readonly diagnostics: Diagnostic[] = [];

  private readonly root: protobuf.Root;
  private readonly packageName: string;
  private readonly imports: readonly string[];

  private readonly places: Places;
  private readonly words: Words;

  constructor(
    parsed: protobuf.IParserResult,
    private readonly file: FileText,
  ) {
    const { path, words } = file;
    this.root = parsed.root;
    this.words = words;
    this.packageName = words.of(parsed.package ?? '');
    this.imports = [...(parsed.imports ?? []), ...(parsed.weakImports ?? [])].map((name) => words.of(name));
    this.places = placesOf(path);
  }

  private scanned: SourcePositions | undefined;

  /** Messages and enums have their places when somebody asks for one. */
  private get positions(): SourcePositions {
    this.scanned ??= scanServicePositions(this.file.text, this.file.path);
    return this.scanned;
  }

  private scannedAll: SourcePositions | undefined;

  private get allPositions(): SourcePositions {
    this.scannedAll ??= scanPositions(this.file.text, this.file.path);
    return this.scannedAll;
  }

  convert(): FileDeclaration {
    let top: protobuf.ReflectionObject | null = this.root;
    // Those that stand before the package.
    this.requireKnownOptions(optionsOf(top), '', 'a file');
    for (const name of this.packageName === '' ? [] : this.packageName.split('.')) {
      top = top instanceof protobuf.Namespace ? top.get(name) : null;
    }
    if (top instanceof protobuf.Namespace) {
      if (top !== this.root) this.requireKnownOptions(optionsOf(top), '', 'a file');
      const features = overrideFeatures(featuresOf(this.file.syntax), featureOptions(optionsOf(top)));
      this.namespace(top, this.packageName, features);
    }
    return {
      name: this.file.name,
      package: this.packageName,
      imports: this.imports.map((path) => importOf(path, this.file.path)),
      messages: this.messages,
      enums: this.enums,
      services: this.services,
      extensions: this.extensions,
      diagnostics: this.diagnostics,
    };
  }

  private namespace(namespace: protobuf.NamespaceBase, prefix: string, features: Features): void {
    if (namespace.nested === undefined) return;
    for (const nested of namespace.nestedArray) {
      const fullName = nameIn(prefix, nested.name);
      if (nested instanceof protobuf.Type) this.message(nested, fullName, features);
      else if (nested instanceof protobuf.Enum) this.enum(nested, fullName, features);
      else if (nested instanceof protobuf.Service) this.service(nested, fullName);
      else if (nested instanceof protobuf.Field) this.extension(nested, prefix, features);
    }
  }

  private message(type: protobuf.Type, fullName: string, outer: Features): void {
    const options = optionsOf(type);
    this.requireKnownOptions(options, fullName, 'a message');
    const features = overrideFeatures(outer, featureOptions(options));
    this.messages.push({
      fullName,
      fields: type.fieldsArray.map((field) => this.field(field, fullName, features)),
      oneofs: oneofsOf(type),
      messageSet: last(options, 'message_set_wire_format') === true,
      places: this.places,
    });
    this.namespace(type, fullName, features);
  }

  private field(field: protobuf.Field, scope: string, outer: Features): FieldDeclaration {
    const options = optionsOf(field);
    this.requireKnownOptions(options, scope, 'a field', field.name);
    const features = overrideFeatures(outer, featureOptions(options));
    const proto3Optional = isProto3Optional(field);
    const group = isGroup(field);
    const explicit = proto3Optional || field.partOf != null || features.fieldPresence === 'EXPLICIT';
    const repeated = field.rule === 'repeated';
    const packed = last(options, 'packed');
    const required = field.rule === 'required' || features.fieldPresence === 'LEGACY_REQUIRED';
    const map = field instanceof protobuf.MapField;
    const jsonName = last(options, 'json_name');
    const type = isScalarType(field.type) ? field.type : { name: this.words.of(field.type), scope };
    const declared = last(options, 'default');
    return {
      name: group ? lastName(field).toLowerCase() : lastName(field),
      jsonName: typeof jsonName === 'string' ? this.words.of(jsonName) : undefined,
      number: field.id,
      cardinality: map ? 'map' : repeated ? 'repeated' : 'singular',
      type,
      mapKey: map && isScalarType(field.keyType) ? field.keyType : undefined,
      presence:
        map || repeated
          ? 'implicit'
          : required && field.partOf == null
            ? 'required'
            : explicit
              ? 'explicit'
              : 'implicit',
      packed: typeof packed === 'boolean' ? packed : features.packed,
      validateUtf8: features.validateUtf8,
      delimited: !map && (group || features.delimited),
      oneof: field.partOf != null && !proto3Optional ? field.partOf.name : undefined,
      deprecated: last(options, 'deprecated') === true,
      behavior: behaviorOf(options, this.packageName),
      defaultText: declared === undefined ? undefined : this.defaultOf(declared, type, nameIn(scope, lastName(field))),
    };
  }

  private defaultOf(value: unknown, type: FieldDeclaration['type'], owner: string): string {
    const literal = () => this.allPositions.wordOf(owner, 'default');
    return this.words.of(parsedDefault(value, type, literal));
  }

  private extension(field: protobuf.Field, scope: string, features: Features): void {
    if (field.extend === undefined) return;
    const declared = this.field(field, scope, features);
    const fullName = nameIn(scope, declared.name);
    const singular = declared.cardinality === 'singular' && declared.presence === 'implicit';
    this.extensions.push({
      extendee: { name: this.words.of(field.extend), scope },
      fullName,
      field: { ...declared, ...(singular ? { presence: 'explicit' as const } : {}) },
      places: this.places,
    });
  }

  private enum(type: protobuf.Enum, fullName: string, outer: Features): void {
    const features = overrideFeatures(outer, featureOptions(optionsOf(type)));
    this.enums.push({
      fullName,
      values: Object.keys(type.values).map((name) => ({ name, number: type.values[name]! })),
      closed: features.closedEnums,
      places: this.places,
    });
  }

  private service(service: protobuf.Service, fullName: string): void {
    const options = optionsOf(service);
    this.requireKnownOptions(options, fullName, 'a service');
    const policy = this.annotation(options, DEFAULT_POLICY, fullName);
    this.services.push({
      fullName,
      methods: service.methodsArray.map((method) => this.method(method, fullName)),
      defaultPolicy: policy === undefined ? undefined : readPolicy(policy.tree, policy.placeOf, this.diagnostics),
      position: this.positions.declaration(fullName),
      places: this.places,
    });
  }

  private method(method: protobuf.Method, service: string): MethodDeclaration {
    const options = optionsOf(method);
    const owner = `${service}.${method.name}`;
    this.requireKnownOptions(options, owner, 'an rpc');
    const http = this.annotation(options, HTTP, owner);
    const policy = this.annotation(options, POLICY, owner);
    const aggregate = this.annotation(options, AGGREGATE, owner);
    return {
      name: method.name,
      input: { name: this.words.of(method.requestType), scope: service },
      output: { name: this.words.of(method.responseType), scope: service },
      clientStreaming: method.requestStream === true,
      serverStreaming: method.responseStream === true,
      idempotency: idempotencyOf(last(options, 'idempotency_level')),
      deprecated: last(options, 'deprecated') === true,
      httpRule: http === undefined ? undefined : readHttpRule(http.tree, http.placeOf, this.diagnostics),
      policy: policy === undefined ? undefined : readPolicy(policy.tree, policy.placeOf, this.diagnostics),
      aggregate:
        aggregate === undefined ? undefined : readAggregate(aggregate.tree, aggregate.placeOf, this.diagnostics),
      position: this.positions.declaration(owner),
    };
  }

  /** A misspelt policy is none: what it should have closed would be open. */
  private requireKnownOptions(options: Options, scope: string, kind: Owner, name = ''): void {
    for (const option of options) {
      for (const written in option) {
        const problem = optionNameProblem(written, this.packageName, kind);
        if (problem === undefined) continue;
        const owner = name === '' ? scope : `${scope}.${name}`;
        const scan = kind === 'an rpc' || kind === 'a service' ? this.positions : this.allPositions;
        this.diagnostics.push(errorAt(scan.optionName(owner, written), 'unknown-option', problem));
      }
    }
  }

  /** All statements of one option, as one tree with its places. */
  private annotation(
    options: Options,
    extension: string,
    owner: string,
  ): { tree: OptionTree; placeOf: PlaceOf } | undefined {
    const isMeant = (name: string) => means(name, extension, this.packageName);
    // Most rpcs have one of the three that are asked for.
    if (!options.some((option) => hasName(option, isMeant))) return undefined;
    const trees: OptionTree[] = [];
    const spellings: string[] = [];
    const placeOf = (path: string): Position => this.positions.option(owner, spellings, path);
    for (const option of options) {
      for (const [name, value] of Object.entries(option)) {
        if (!isMeant(name)) continue;
        spellings.push(name);
        if (typeof value === 'object' && value !== null) trees.push(toOptionTree(value, (text) => this.words.of(text)));
        else
          this.diagnostics.push(
            errorAt(placeOf(''), RULES.get(extension) ?? '', `expected a message, got ${JSON.stringify(value)}`),
          );
      }
    }
    if (trees.length === 0) return undefined;
    return { tree: mergeOptionTrees(trees), placeOf };
  }
}

/** Keeps the file's path and nothing else: a closure in the converter would keep the parser's objects alive. */
function importOf(path: string, file: string): ImportDeclaration {
  return { path, place: () => scanPositions(read(file), file).import(path) };
}

/** Scans the file when the first place is asked for, and keeps what it found. */
function placesOf(path: string): Places {
  let scanned: SourcePositions | undefined;
  function positions(): SourcePositions {
    scanned ??= scanPositions(read(path), path);
    return scanned;
  }
  return {
    position: (fullName) => positions().declaration(fullName),
    comment: (fullName) => positions().comment(fullName),
  };
}

/** A file that is gone by now has no places. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function optionsOf(object: protobuf.ReflectionObject): Options {
  return (object.parsedOptions as Options | null | undefined) ?? NO_OPTIONS;
}

function last(options: Options, name: string): unknown {
  for (let i = options.length - 1; i >= 0; i--) {
    const option = options[i]!;
    if (Object.hasOwn(option, name)) return option[name];
  }
  return undefined;
}

/** Without a list of its names, which hardly ever are more than one: 200,000 fields have options. */
function hasName(option: Options[number], isMeant: (name: string) => boolean): boolean {
  for (const name in option) if (isMeant(name)) return true;
  return false;
}

function behaviorOf(options: Options, packageName: string): readonly string[] {
  if (options.length === 0) return NO_BEHAVIOR;
  let written = '';
  for (const option of options) {
    for (const name in option) {
      if (means(name, FIELD_BEHAVIOR, packageName)) written += `${written === '' ? '' : ','}${option[name]}`;
    }
  }
  if (written === '') return NO_BEHAVIOR;
  // One list for the thousands of fields that say `OPTIONAL`.
  const known = BEHAVIORS.get(written);
  if (known !== undefined) return known;
  const behavior = written.split(',');
  BEHAVIORS.set(written, behavior);
  return behavior;
}

/** `features` may be given in several statements: `features.a = X` and `features.b = Y`. */
function featureOptions(options: Options): Readonly<Record<string, unknown>> | undefined {
  // Hardly a field has any.
  if (last(options, 'features') === undefined) return undefined;
  const features = options.flatMap((option) => (Object.hasOwn(option, 'features') ? [option.features] : []));
  return Object.assign(Object.create(null), ...features);
}

const NO_ONEOFS: readonly string[] = [];

function oneofsOf({ oneofs }: protobuf.Type): readonly string[] {
  if (oneofs === undefined) return NO_ONEOFS;
  const real = Object.values(oneofs).filter(({ fieldsArray }) => !fieldsArray.some(isProto3Optional));
  return real.map(({ name }) => name);
}

function isProto3Optional(field: protobuf.Field): boolean {
  return field.options?.proto3_optional === true;
}

/** protobufjs names an extension inside a message with its full path. */
function lastName({ name }: protobuf.Field): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** The field that a group declares, and none that uses its message: protobufjs names it `twoWords`, protoc `twowords`. */
function isGroup(field: protobuf.Field): boolean {
  if (isScalarType(field.type)) return false;
  const nested = field.parent instanceof protobuf.Namespace ? field.parent.get(field.type) : null;
  if (!(nested instanceof protobuf.Type && 'group' in nested && nested.group === true)) return false;
  return lastName(field) === protobuf.util.lcFirst(nested.name);
}

function idempotencyOf(level: unknown): MethodDeclaration['idempotency'] {
  if (level === 'NO_SIDE_EFFECTS') return 'no-side-effects';
  return level === 'IDEMPOTENT' ? 'idempotent' : 'unknown';
}
