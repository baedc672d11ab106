/**
 * This module turns a FileDescriptorSet (google/protobuf/descriptor.proto), as `buf build -o` and `protoc --descriptor_set_out`
 * write it, into the declarations that the same files have as text. protobufjs decodes it with a schema that also contains the
 * protos of the extensions, so that their options are kept.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type protobuf from 'protobufjs';
import { type Diagnostic, errorAt, type Position } from '../base/diagnostic.js';
import { isRecord } from '../base/record.js';
import { AGGREGATE, DEFAULT_POLICY, FIELD_BEHAVIOR, HTTP, POLICY, readHttpRule } from './annotation-reader.js';
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
import { describedDefault } from './declared-default.js';
import type { DocumentOptions } from './descriptor.js';
import { type Features, featuresOf, overrideFeatures } from './features.js';
import { KnownPlaces } from './known-places.js';
import { asWritten, type OptionMessage } from './option-tree.js';
import { asList, documentOptionsIn, extensionOf, type Options, RULES_PROTO, treeOf } from './set-options.js';

const EXTENSION_FILES = [
  'google/protobuf/descriptor.proto',
  'google/protobuf/duration.proto',
  'google/api/http.proto',
  'google/api/annotations.proto',
  'google/api/field_behavior.proto',
  'google/api/resource.proto',
  'google/api/visibility.proto',
  'protogate/v1/annotations.proto',
];

/** The field numbers of the options in MethodOptions and ServiceOptions, as source paths contain them. */
const OPTION_NUMBERS = new Map([
  [HTTP, 72_295_728],
  [POLICY, 80_731],
  [DEFAULT_POLICY, 80_731],
  [AGGREGATE, 80_732],
]);

/** The field numbers of `options` in MethodDescriptorProto and ServiceDescriptorProto. */
const METHOD_OPTIONS = 4;
const SERVICE_OPTIONS = 3;

/** The declarations and problems of one descriptor set. */
export interface SetContent {
  readonly files: readonly FileDeclaration[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads a descriptor set. `shown` is its name in diagnostics. `protoRoot` is the folder with the protos of the extensions.
 * Bytes that are no descriptor set become a diagnostic.
 */
export function readDescriptorSet(bytes: Uint8Array, shown: string, protoRoot: string): SetContent {
  try {
    const type = descriptorSetType(protoRoot);
    const set = type.toObject(type.decode(bytes), { longs: Number, enums: String }) as { file?: FileProto[] };
    return { files: (set.file ?? []).map((file) => new SetConverter(file).convert()), diagnostics: [] };
  } catch (error) {
    const why = (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!;
    const hint = shown.endsWith('.proto') ? '; give the folder of .proto files instead (--protos DIR)' : '';
    const text = `expected a FileDescriptorSet, such as buf build -o FILE writes, got another file (${why})${hint}`;
    return { files: [], diagnostics: [errorAt({ file: shown }, 'descriptor-set', text)] };
  }
}

let cachedType: protobuf.Type | undefined;

function descriptorSetType(protoRoot: string): protobuf.Type {
  if (cachedType === undefined) {
    // protobufjs is loaded here because most gateways have no descriptor set.
    const { Root, parse } = createRequire(import.meta.url)('protobufjs') as typeof protobuf;
    const root = new Root();
    for (const file of EXTENSION_FILES) parse(readFileSync(join(protoRoot, file), 'utf8'), root, { keepCase: true });
    parse(RULES_PROTO, root, { keepCase: true });
    cachedType = root.resolveAll().lookupType('google.protobuf.FileDescriptorSet');
  }
  return cachedType;
}

interface FileProto {
  readonly name?: string;
  readonly package?: string;
  readonly syntax?: string;
  readonly dependency?: readonly string[];
  readonly message_type?: readonly MessageProto[];
  readonly enum_type?: readonly EnumProto[];
  readonly service?: readonly ServiceProto[];
  readonly extension?: readonly FieldProto[];
  readonly options?: Options;
  readonly source_code_info?: { readonly location?: readonly LocationProto[] };
}
interface LocationProto {
  readonly path?: readonly number[];
  readonly span?: readonly number[];
  readonly leading_comments?: string;
  readonly trailing_comments?: string;
}
interface MessageProto {
  readonly name: string;
  readonly field?: readonly FieldProto[];
  readonly nested_type?: readonly MessageProto[];
  readonly enum_type?: readonly EnumProto[];
  readonly extension?: readonly FieldProto[];
  readonly oneof_decl?: readonly { readonly name: string }[];
  readonly options?: Options;
}
interface FieldProto {
  readonly default_value?: string;
  readonly name: string;
  readonly number: number;
  readonly label?: string;
  readonly type?: string;
  readonly type_name?: string;
  readonly extendee?: string;
  readonly oneof_index?: number;
  readonly json_name?: string;
  readonly proto3_optional?: boolean;
  readonly options?: Options;
}
interface EnumProto {
  readonly name: string;
  readonly value?: readonly { readonly name: string; readonly number: number; readonly options?: Options }[];
  readonly options?: Options;
}
interface ServiceProto {
  readonly name: string;
  readonly method?: readonly MethodProto[];
  readonly options?: Options;
}
interface MethodProto {
  readonly name: string;
  readonly input_type: string;
  readonly output_type: string;
  readonly client_streaming?: boolean;
  readonly server_streaming?: boolean;
  readonly options?: Options;
}

type Path = readonly number[];

/** A service or an rpc whose annotations are read. */
interface Owner {
  readonly path: Path;
  /** The field number of `options` in the owner's descriptor. */
  readonly optionsField: number;
  /** The list to which the problems of the annotations are added. */
  readonly diagnostics: Diagnostic[];
}

class SetConverter {
  private readonly messages: MessageDeclaration[] = [];
  private readonly enums: EnumDeclaration[] = [];
  private readonly services: ServiceDeclaration[] = [];
  private readonly extensions: ExtensionDeclaration[] = [];
  private readonly diagnostics: Diagnostic[] = [];
  private readonly locations: ReadonlyMap<string, LocationProto>;
  private readonly name: string;
  private readonly positions = new Map<string, Position>();
  private readonly comments = new Map<string, string>();
  private readonly documentOptions = new Map<string, DocumentOptions>();
  private readonly places: Places;

  constructor(private readonly file: FileProto) {
    this.name = file.name ?? '';
    // KnownPlaces gets only the maps: a function of this object would keep the decoded file in memory.
    const { positions, comments, documentOptions: options } = this;
    this.places = new KnownPlaces({ file: this.name, positions, comments, options });
    const locations = file.source_code_info?.location ?? [];
    this.locations = new Map(locations.map((location) => [(location.path ?? []).join(), location]));
  }

  convert(): FileDeclaration {
    const { file } = this;
    const scope = file.package ?? '';
    const syntax = file.syntax === 'editions' ? 'edition' : file.syntax;
    const features = overrideFeatures(featuresOf(syntax), file.options?.features);
    for (const [i, message] of (file.message_type ?? []).entries()) this.message(message, scope, [4, i], features);
    for (const [i, one] of (file.enum_type ?? []).entries()) this.enum(one, scope, [5, i], features);
    for (const [i, service] of (file.service ?? []).entries()) this.service(service, scope, [6, i]);
    for (const [i, field] of (file.extension ?? []).entries()) this.extension(field, scope, [7, i], features);
    return {
      name: this.name,
      package: scope,
      imports: (file.dependency ?? []).map((path, i) => ({ path, position: this.at([3, i]) })),
      messages: this.messages,
      enums: this.enums,
      services: this.services,
      extensions: this.extensions,
      diagnostics: this.diagnostics,
    };
  }

  private message(proto: MessageProto, scope: string, path: Path, outer: Features): void {
    const fullName = nameIn(scope, proto.name);
    const features = overrideFeatures(outer, proto.options?.features);
    const entries = new Map(
      (proto.nested_type ?? []).filter(isMapEntry).map((entry) => [`.${fullName}.${entry.name}`, entry]),
    );
    const fields = proto.field ?? [];
    const synthetic = new Set(
      fields.filter(({ proto3_optional }) => proto3_optional).map(({ oneof_index }) => oneof_index),
    );
    const oneofs = (proto.oneof_decl ?? []).map(({ name }) => name);
    this.messages.push({
      fullName,
      fields: fields.map((field, i) => this.field(field, fullName, [...path, 2, i], features, oneofs, entries)),
      oneofs: oneofs.filter((_, i) => !synthetic.has(i)),
      messageSet: proto.options?.message_set_wire_format === true,
      places: this.note(nameIn(scope, proto.name), path, proto.options),
    });
    for (const [i, nested] of (proto.nested_type ?? []).entries()) {
      if (!isMapEntry(nested)) this.message(nested, fullName, [...path, 3, i], features);
    }
    for (const [i, one] of (proto.enum_type ?? []).entries()) this.enum(one, fullName, [...path, 4, i], features);
    for (const [i, field] of (proto.extension ?? []).entries())
      this.extension(field, fullName, [...path, 6, i], features);
  }

  private field(
    proto: FieldProto,
    scope: string,
    path: Path,
    outer: Features,
    oneofs: readonly string[],
    entries: ReadonlyMap<string, MessageProto>,
  ): FieldDeclaration {
    const features = overrideFeatures(outer, proto.options?.features);
    const entry = proto.type_name === undefined ? undefined : entries.get(proto.type_name);
    const value = entry?.field?.find(({ number }) => number === 2);
    const key = entry?.field?.find(({ number }) => number === 1);
    const repeated = proto.label === 'LABEL_REPEATED';
    const inOneof = proto.oneof_index !== undefined;
    const required = proto.label === 'LABEL_REQUIRED' || features.fieldPresence === 'LEGACY_REQUIRED';
    const explicit = inOneof || features.fieldPresence === 'EXPLICIT';
    const packed = proto.options?.packed;
    const type = typeOf(value ?? proto, scope);
    this.note(nameIn(scope, proto.name), path, proto.options);
    return {
      name: proto.name,
      jsonName: proto.json_name,
      number: proto.number,
      cardinality: entry !== undefined ? 'map' : repeated ? 'repeated' : 'singular',
      type,
      mapKey: key === undefined ? undefined : scalarOf(key),
      presence: repeated ? 'implicit' : required && !inOneof ? 'required' : explicit ? 'explicit' : 'implicit',
      packed: typeof packed === 'boolean' ? packed : features.packed,
      validateUtf8: features.validateUtf8,
      delimited: entry === undefined && (proto.type === 'TYPE_GROUP' || features.delimited),
      oneof: inOneof && !proto.proto3_optional ? oneofs[proto.oneof_index ?? -1] : undefined,
      deprecated: proto.options?.deprecated === true,
      behavior: asList(extensionOf(proto.options, FIELD_BEHAVIOR)).map(String),
      defaultText: proto.default_value === undefined ? undefined : describedDefault(proto.default_value, type),
    };
  }

  private extension(proto: FieldProto, scope: string, path: Path, features: Features): void {
    const field = this.field(proto, scope, path, features, [], new Map());
    const singular = field.cardinality === 'singular' && field.presence === 'implicit';
    this.extensions.push({
      extendee: { name: proto.extendee ?? '', scope },
      fullName: nameIn(scope, proto.name),
      field: singular ? { ...field, presence: 'explicit' } : field,
      places: this.places,
    });
  }

  private enum(proto: EnumProto, scope: string, path: Path, outer: Features): void {
    const fullName = nameIn(scope, proto.name);
    for (const [i, { name, options }] of (proto.value ?? []).entries())
      this.note(`${fullName}.${name}`, [...path, 2, i], options);
    this.enums.push({
      fullName,
      values: (proto.value ?? []).map(({ name, number }) => ({ name, number })),
      closed: overrideFeatures(outer, proto.options?.features).closedEnums,
      places: this.note(fullName, path, proto.options),
    });
  }

  private service(proto: ServiceProto, scope: string, path: Path): void {
    const fullName = nameIn(scope, proto.name);
    const diagnostics: Diagnostic[] = [];
    const owner: Owner = { path, optionsField: SERVICE_OPTIONS, diagnostics };
    this.services.push({
      fullName,
      methods: (proto.method ?? []).map((method, i) => this.method(method, fullName, [...path, 2, i])),
      defaultPolicy: this.annotation(proto.options, DEFAULT_POLICY, owner, asWritten),
      diagnostics,
      position: this.at(path),
      places: this.note(fullName, path, proto.options),
    });
  }

  private method(proto: MethodProto, scope: string, path: Path): MethodDeclaration {
    const { options } = proto;
    this.note(`${scope}.${proto.name}`, path, options);
    const level = options?.idempotency_level;
    const diagnostics: Diagnostic[] = [];
    const owner: Owner = { path, optionsField: METHOD_OPTIONS, diagnostics };
    return {
      name: proto.name,
      input: { name: proto.input_type, scope },
      output: { name: proto.output_type, scope },
      clientStreaming: proto.client_streaming === true,
      serverStreaming: proto.server_streaming === true,
      idempotency: level === 'NO_SIDE_EFFECTS' ? 'no-side-effects' : level === 'IDEMPOTENT' ? 'idempotent' : 'unknown',
      deprecated: options?.deprecated === true,
      httpRule: this.annotation(options, HTTP, owner, readHttpRule),
      policy: this.annotation(options, POLICY, owner, asWritten),
      aggregate: this.annotation(options, AGGREGATE, owner, asWritten),
      diagnostics,
      position: this.at(path),
    };
  }

  private annotation<T>(
    options: Options | undefined,
    extension: string,
    { path: ownerPath, optionsField, diagnostics }: Owner,
    read: (option: OptionMessage, diagnostics: Diagnostic[]) => T,
  ): T | undefined {
    const value = extensionOf(options, extension);
    if (!isRecord(value)) return undefined;
    const path = [...ownerPath, optionsField, OPTION_NUMBERS.get(extension) ?? 0];
    const position = this.at(this.locations.has(path.join()) ? path : ownerPath);
    const { file, line } = position;
    // A set has at best the position of a whole option. Its column is not the column of a value inside, so it is
    // dropped.
    return read({ value: treeOf(value, line === undefined ? { file } : { file, line }), position }, diagnostics);
  }

  /** Remembers the position, the comment and the document options of a declaration. */
  private note(fullName: string, path: Path, options: Options | undefined): Places {
    this.positions.set(fullName, this.at(path));
    const comment = this.comment(path);
    if (comment !== undefined) this.comments.set(fullName, comment);
    const read = documentOptionsIn(options, { file: this.name });
    if (read.size > 0) this.documentOptions.set(fullName, read);
    return this.places;
  }

  private at(path: Path): Position {
    const [line, column] = this.locations.get(path.join())?.span ?? [];
    if (line === undefined || column === undefined) return { file: this.name };
    return { file: this.name, line: line + 1, column: column + 1 };
  }

  private comment(path: Path): string | undefined {
    const { leading_comments, trailing_comments } = this.locations.get(path.join()) ?? {};
    const comment = (leading_comments ?? trailing_comments)?.replace(/^ /gm, '').trim();
    return comment === '' ? undefined : comment;
  }
}

function typeOf(proto: FieldProto, scope: string): FieldDeclaration['type'] {
  return proto.type_name === undefined ? (scalarOf(proto) ?? 'bytes') : { name: proto.type_name, scope };
}

/** Returns the scalar type for its name in a descriptor: `TYPE_INT32` becomes `int32`. */
function scalarOf({ type = '' }: FieldProto) {
  const name = type.slice('TYPE_'.length).toLowerCase();
  return isScalarType(name) ? name : undefined;
}

function isMapEntry({ options }: MessageProto): boolean {
  return options?.map_entry === true;
}
