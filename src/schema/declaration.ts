/**
 * A declaration is what a file contains before anything is linked. Type names are as written, with the scope in which they were
 * written. `proto-files.ts` makes declarations of `.proto` text and `descriptor-set.ts` of descriptor sets. `registry.ts` turns
 * them into descriptors.
 */
import type { Diagnostic, Position } from '../base/diagnostic.js';
import type { HttpRule } from './annotations.js';
import type { DocumentOptions, FieldDescriptor, MethodDescriptor, Routing, ScalarType } from './descriptor.js';
import type { OptionMessage } from './option-tree.js';

export interface FileDeclaration {
  /** The name by which other files import the file: `google/api/http.proto`. */
  readonly name: string;
  readonly package: string;
  readonly imports: readonly ImportDeclaration[];
  readonly messages: readonly MessageDeclaration[];
  readonly enums: readonly EnumDeclaration[];
  readonly services: readonly ServiceDeclaration[];
  readonly extensions: readonly ExtensionDeclaration[];
  /** Problems in the file, without those of its services and rpcs, which have lists of their own. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The positions, comments and document options of a file's declarations, by full name. Few of them are ever needed, so the file
 * is read again for them, when the first one is needed: in 8,000 files, half of the text is comments.
 */
export interface Places {
  position(fullName: string): Position;
  comment(fullName: string): string | undefined;
  documentOptions(fullName: string): DocumentOptions;
}

export interface ImportDeclaration {
  readonly path: string;
  readonly position: Position;
}

/**
 * A type's name as it is written. It is looked up in `scope` and then in the scopes around it. With a dot at its beginning it
 * is a full name.
 */
export interface TypeReference {
  readonly name: string;
  readonly scope: string;
}

export interface MessageDeclaration {
  readonly fullName: string;
  readonly fields: readonly FieldDeclaration[];
  /** The names of the oneofs in order, without those that protoc adds for `optional` fields of proto3. */
  readonly oneofs: readonly string[];
  readonly messageSet: boolean;
  readonly places: Places;
}

export interface FieldDeclaration {
  readonly name: string;
  /** The `json_name` that the proto sets. Undefined when it sets none. */
  readonly jsonName: string | undefined;
  readonly number: number;
  readonly cardinality: FieldDescriptor['cardinality'];
  readonly type: ScalarType | TypeReference;
  readonly mapKey: ScalarType | undefined;
  /**
   * The presence of the field. For a field whose type is a message, `implicit` means `explicit`: whether a type is a
   * message is known only when the field is linked.
   */
  readonly presence: FieldDescriptor['presence'];
  readonly packed: boolean;
  readonly validateUtf8: boolean;
  readonly delimited: boolean;
  readonly oneof: string | undefined;
  readonly deprecated: boolean;
  readonly behavior: readonly string[];
  /** The declared default as text (see `declared-default.ts`). Undefined when there is none. */
  readonly defaultText: string | undefined;
}

export interface ExtensionDeclaration {
  readonly extendee: TypeReference;
  readonly fullName: string;
  readonly field: FieldDeclaration;
  readonly places: Places;
}

export interface EnumDeclaration {
  readonly fullName: string;
  readonly values: readonly { readonly name: string; readonly number: number }[];
  readonly closed: boolean;
  readonly places: Places;
}

export interface ServiceDeclaration {
  readonly fullName: string;
  readonly methods: readonly MethodDeclaration[];
  readonly defaultPolicy: OptionMessage | undefined;
  /** Problems of the service's options, without those of its rpcs. */
  readonly diagnostics: readonly Diagnostic[];
  readonly position: Position;
  readonly places: Places;
}

export interface MethodDeclaration {
  readonly name: string;
  readonly input: TypeReference;
  readonly output: TypeReference;
  readonly clientStreaming: boolean;
  readonly serverStreaming: boolean;
  readonly idempotency: MethodDescriptor['idempotency'];
  readonly deprecated: boolean;
  readonly httpRule: HttpRule | undefined;
  readonly policy: OptionMessage | undefined;
  readonly aggregate: OptionMessage | undefined;
  /** Says whether the rpc has routes, if the config decides on it. Absent when it depends on the rpc's file. */
  readonly routing?: Routing;
  /** Problems of the rpc's options, which are not reported if the rpc has no route and no aggregate calls it. */
  readonly diagnostics: readonly Diagnostic[];
  readonly position: Position;
}

/** Returns the full name of a declaration inside a package or a message. */
export function nameIn(scope: string, name: string): string {
  return scope === '' ? name : `${scope}.${name}`;
}

/** Returns the last part of a full name: `Order` of `shop.v1.Order`. */
export function lastSegment(fullName: string): string {
  return fullName.slice(fullName.lastIndexOf('.') + 1);
}

/** Returns the JSON name that protoc derives from a name: `display_name` becomes `displayName`. */
export function jsonNameOf(name: string): string {
  let at = name.indexOf('_');
  if (at < 0) return name;
  let json = name.slice(0, at);
  while (at < name.length) {
    while (name[at] === '_') at++;
    const next = name.indexOf('_', at);
    const end = next < 0 ? name.length : next;
    json += name.charAt(at).toUpperCase() + name.slice(at + 1, end);
    at = end;
  }
  return json;
}

const SCALARS: ReadonlySet<string> = new Set<ScalarType>([
  'double',
  'float',
  'int32',
  'int64',
  'uint32',
  'uint64',
  'sint32',
  'sint64',
  'fixed32',
  'fixed64',
  'sfixed32',
  'sfixed64',
  'bool',
  'string',
  'bytes',
]);

export function isScalarType(name: string): name is ScalarType {
  return SCALARS.has(name);
}
