/**
 * This module has the descriptors in which the rest of protogate reads the schema. They are plain and read-only, and do not
 * differ between `.proto` text and a FileDescriptorSet. References between types are resolved by name on first use. A getter
 * throws a {@link LinkError} if no file declares the name.
 */
import type { Diagnostic, Position } from '../base/diagnostic.js';
import type { HttpRule } from './annotations.js';
import type { OptionMessage, OptionValue } from './option-tree.js';

export type ScalarType =
  | 'double'
  | 'float'
  | 'int32'
  | 'int64'
  | 'uint32'
  | 'uint64'
  | 'sint32'
  | 'sint64'
  | 'fixed32'
  | 'fixed64'
  | 'sfixed32'
  | 'sfixed64'
  | 'bool'
  | 'string'
  | 'bytes';

export type FieldType =
  | { readonly kind: 'scalar'; readonly scalar: ScalarType }
  | { readonly kind: 'enum'; readonly enum: EnumDescriptor }
  /** With `delimited` the message is encoded as a group (proto2 `group`, editions `message_encoding = DELIMITED`). */
  | { readonly kind: 'message'; readonly message: MessageDescriptor; readonly delimited: boolean };

/** A declaration whose options API documents read. The gateway itself does not need these options. */
export interface Documented {
  /**
   * Returns the options that are read for documents (`document-options.ts`), by the full names of their extensions, or by
   * the name of an option without one, such as `deprecated`. They are read on first use, as comments are.
   */
  documentOptions(): DocumentOptions;
}

/** Options by name. An option that is written several times has several values, unless it is a message. */
export type DocumentOptions = ReadonlyMap<string, readonly OptionValue[]>;

export interface FieldDescriptor extends Documented {
  /** The name in the proto: `display_name`. */
  readonly name: string;
  /** The JSON name, written (`json_name`) or derived: `displayName`. For an extension it is `[pkg.ext]`. */
  readonly jsonName: string;
  readonly number: number;
  /** The full name: `pkg.Message.field`. An extension has a full name of its own. */
  readonly fullName: string;
  /** The message that contains the field. For an extension it is the message that it extends. */
  readonly parent: MessageDescriptor;
  readonly cardinality: 'singular' | 'repeated' | 'map';
  /** The type of the field, or of a map's values. It is linked on first use. */
  readonly type: FieldType;
  /** The type of a map's keys. Undefined for other fields. */
  readonly mapKey: ScalarType | undefined;
  /**
   * The presence of the field. It is `explicit` for `optional` fields of proto2 and proto3, message fields and members of a
   * oneof, and `implicit` for other scalars of proto3, repeated fields and maps.
   */
  readonly presence: 'explicit' | 'implicit' | 'required';
  readonly packed: boolean;
  /** False if invalid UTF-8 is accepted in a string (proto2, `features.utf8_validation = NONE`). */
  readonly validateUtf8: boolean;
  /**
   * The oneof that contains the field. Undefined when there is none. The synthetic oneof of a proto3 `optional` does
   * not count.
   */
  readonly oneof: OneofDescriptor | undefined;
  readonly extension: boolean;
  readonly deprecated: boolean;
  /**
   * The declared default (proto2, editions) as text: a number, `NaN`, a name, or base64. Undefined when the type's
   * default applies.
   */
  readonly defaultText: string | undefined;
  /** The values of google.api.field_behavior: `REQUIRED`, `OUTPUT_ONLY` and others. */
  readonly behavior: readonly string[];
  readonly comment: string | undefined;
  readonly position: Position;
}

export interface OneofDescriptor {
  readonly name: string;
  readonly fields: readonly FieldDescriptor[];
}

export interface MessageDescriptor extends Documented {
  readonly kind: 'message';
  /** The full name without a leading dot: `pkg.Outer.Inner`. */
  readonly fullName: string;
  readonly name: string;
  /** The fields in the order of declaration. The entry types of maps have no descriptor of their own. */
  readonly fields: readonly FieldDescriptor[];
  readonly oneofs: readonly OneofDescriptor[];
  /** The extensions of the message that the loaded files declare. */
  readonly extensions: readonly FieldDescriptor[];
  /** Returns the field or the known extension with a number. Undefined when there is none. */
  field(number: number): FieldDescriptor | undefined;
  /**
   * Returns the field with a proto name or JSON name, or the extension `[pkg.ext]`. It is safe for hostile names
   * (`__proto__`).
   */
  fieldNamed(name: string): FieldDescriptor | undefined;
  /** True if the message has `option message_set_wire_format = true`. */
  readonly messageSet: boolean;
  readonly comment: string | undefined;
  readonly position: Position;
}

export interface EnumDescriptor extends Documented {
  readonly kind: 'enum';
  readonly fullName: string;
  readonly name: string;
  /** The values in the order of declaration, with aliases. */
  readonly values: readonly EnumValueDescriptor[];
  /** Returns the name of a number; the first one if several are declared. Undefined for an unknown number. */
  nameOf(number: number): string | undefined;
  numberOf(name: string): number | undefined;
  /** True if an unknown number is treated as an unknown field (proto2). */
  readonly closed: boolean;
  readonly comment: string | undefined;
  readonly position: Position;
}

export interface EnumValueDescriptor extends Documented {
  readonly name: string;
  readonly number: number;
  readonly comment: string | undefined;
  readonly position: Position;
}

export interface ServiceDescriptor extends Documented {
  readonly fullName: string;
  readonly name: string;
  readonly file: string;
  readonly methods: readonly MethodDescriptor[];
  /** The option `protogate.v1.default_policy` as it is written. */
  readonly defaultPolicy: OptionMessage | undefined;
  readonly comment: string | undefined;
  readonly position: Position;
}

/**
 * Decides whether a method gets routes. With `routed`, its file is below a root of `schema.protos` or in a descriptor
 * set, or the config has a rule for it. With `unrouted`, its file is only imported, or is a bundled file in a set. With
 * `excluded`, the config leaves the method out.
 */
export type Routing = 'routed' | 'unrouted' | 'excluded';

export interface MethodDescriptor extends Documented {
  readonly name: string;
  /** The full name: `pkg.Service/Method`. */
  readonly fullName: string;
  /** The path in gRPC: `/pkg.Service/Method`. */
  readonly path: string;
  readonly service: ServiceDescriptor;
  /** The type of the request. It is linked on first use. */
  readonly input: MessageDescriptor;
  readonly output: MessageDescriptor;
  readonly clientStreaming: boolean;
  readonly serverStreaming: boolean;
  readonly idempotency: 'unknown' | 'no-side-effects' | 'idempotent';
  readonly deprecated: boolean;
  readonly routing: Routing;
  readonly httpRule: HttpRule | undefined;
  /** The labels of its policy, or else of its service's default policy. Selectors match them. */
  readonly labels: readonly string[];
  /** The option `protogate.v1.policy` as it is written. `policy/` interprets it. */
  readonly policy: OptionMessage | undefined;
  /** The option `protogate.v1.aggregate` as it is written. `aggregate/` interprets it. */
  readonly aggregate: OptionMessage | undefined;
  readonly comment: string | undefined;
  /** The position of the keyword `rpc`. */
  readonly position: Position;
}

/** The sides of a method that send a stream of messages. */
export type Streaming = 'unary' | 'server' | 'client' | 'bidi';

export function streamingOf({ clientStreaming, serverStreaming }: MethodDescriptor): Streaming {
  if (clientStreaming) return serverStreaming ? 'bidi' : 'client';
  return serverStreaming ? 'server' : 'unary';
}

/** The declarations of all loaded files, linked to each other. Names are full names. */
export interface Registry {
  readonly services: readonly ServiceDescriptor[];
  message(fullName: string): MessageDescriptor | undefined;
  enum(fullName: string): EnumDescriptor | undefined;
  /** Returns the method `pkg.Service/Method`. */
  method(fullName: string): MethodDescriptor | undefined;
  /**
   * Returns all problems of the message and of everything that it needs, such as an unknown name or a repeated field
   * number. The list is empty if the message can be linked. Results are remembered for each message.
   */
  problems(message: MessageDescriptor): readonly Diagnostic[];
}

/** The error for a reference to a type that no loaded file declares. */
export class LinkError extends Error {
  override readonly name = 'LinkError';
  constructor(readonly diagnostic: Diagnostic) {
    super(diagnostic.text);
  }
}
