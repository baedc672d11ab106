/**
 * The schema as the rest of protogate sees it: plain, read-only descriptors, the same whether they came from `.proto`
 * text, a FileDescriptorSet or reflection. References between types are resolved by name on first use: a getter that
 * meets a name which is nowhere throws a {@link LinkError}.
 */
import type { Diagnostic, Position } from '../base/diagnostic.js';
import type { HttpRule } from './annotations.js';
import type { OptionMessage } from './option-tree.js';

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
  /** `delimited`: encoded as a group (proto2 `group`, editions `message_encoding = DELIMITED`). */
  | { readonly kind: 'message'; readonly message: MessageDescriptor; readonly delimited: boolean };

export interface FieldDescriptor {
  /** As written in the proto: `display_name`. */
  readonly name: string;
  /** `json_name`, given or derived: `displayName`; of an extension `[pkg.ext]`. */
  readonly jsonName: string;
  readonly number: number;
  /** `pkg.Message.field`; of an extension its own full name. */
  readonly fullName: string;
  /** The message that the field is in; of an extension the one that it extends. */
  readonly parent: MessageDescriptor;
  readonly cardinality: 'singular' | 'repeated' | 'map';
  /** Of a map the type of its values. Linked on first use. */
  readonly type: FieldType;
  /** Of a map only. */
  readonly mapKey: ScalarType | undefined;
  /** explicit: proto2 `optional`, proto3 `optional`, message fields, oneof members. implicit: proto3 scalars. Repeated and map fields are `implicit`. */
  readonly presence: 'explicit' | 'implicit' | 'required';
  readonly packed: boolean;
  /** False where invalid UTF-8 in a string passes (proto2, `features.utf8_validation = NONE`). */
  readonly validateUtf8: boolean;
  /** The oneof that it is a member of; a proto3 `optional`'s synthetic oneof does not count. */
  readonly oneof: OneofDescriptor | undefined;
  readonly extension: boolean;
  readonly deprecated: boolean;
  /** The declared default (proto2, editions) as text: a number, `NaN`, a name, base64; undefined: its type's. */
  readonly defaultText: string | undefined;
  /** google.api.field_behavior: `REQUIRED`, `OUTPUT_ONLY`, … */
  readonly behavior: readonly string[];
  readonly comment: string | undefined;
  readonly position: Position;
}

export interface OneofDescriptor {
  readonly name: string;
  readonly fields: readonly FieldDescriptor[];
}

export interface MessageDescriptor {
  readonly kind: 'message';
  /** Without a leading dot: `pkg.Outer.Inner`. */
  readonly fullName: string;
  readonly name: string;
  /** In the order of declaration. Map entry types have no descriptor of their own. */
  readonly fields: readonly FieldDescriptor[];
  readonly oneofs: readonly OneofDescriptor[];
  /** By number; extensions that the schema knows are found too. */
  field(number: number): FieldDescriptor | undefined;
  /** By proto name or JSON name, `[pkg.ext]` for extensions. Safe for hostile names (`__proto__`). */
  fieldNamed(name: string): FieldDescriptor | undefined;
  /** option message_set_wire_format. */
  readonly messageSet: boolean;
  readonly comment: string | undefined;
  readonly position: Position;
}

export interface EnumDescriptor {
  readonly kind: 'enum';
  readonly fullName: string;
  readonly name: string;
  /** In the order of declaration; aliases included. */
  readonly values: readonly { readonly name: string; readonly number: number; readonly comment: string | undefined }[];
  /** The first declared name of a number. */
  nameOf(number: number): string | undefined;
  numberOf(name: string): number | undefined;
  /** proto2: an unknown number is treated as an unknown field. */
  readonly closed: boolean;
  readonly comment: string | undefined;
  readonly position: Position;
}

export interface ServiceDescriptor {
  readonly fullName: string;
  readonly name: string;
  readonly file: string;
  readonly methods: readonly MethodDescriptor[];
  /** `protogate.v1.default_policy` as written. */
  readonly defaultPolicy: OptionMessage | undefined;
  readonly comment: string | undefined;
  readonly position: Position;
}

/**
 * Whether a method gets routes. `routed`: its file is below a root of `schema.protos` or in a descriptor set, or the config
 * has a rule for it; `unrouted`: its file is only imported, or is a bundled file in a set; `excluded`: the config leaves the
 * method out.
 */
export type Routing = 'routed' | 'unrouted' | 'excluded';

export interface MethodDescriptor {
  readonly name: string;
  /** `pkg.Service/Method`. */
  readonly fullName: string;
  /** `/pkg.Service/Method`. */
  readonly path: string;
  readonly service: ServiceDescriptor;
  /** Linked on first use. */
  readonly input: MessageDescriptor;
  readonly output: MessageDescriptor;
  readonly clientStreaming: boolean;
  readonly serverStreaming: boolean;
  readonly idempotency: 'unknown' | 'no-side-effects' | 'idempotent';
  readonly deprecated: boolean;
  readonly routing: Routing;
  readonly httpRule: HttpRule | undefined;
  /** The labels of its policy, or else of its service's default policy, for selectors. */
  readonly labels: readonly string[];
  /** `protogate.v1.policy` as written; `policy/` interprets it. */
  readonly policy: OptionMessage | undefined;
  /** `protogate.v1.aggregate` as written; `aggregate/` interprets it. */
  readonly aggregate: OptionMessage | undefined;
  readonly comment: string | undefined;
  /** Of the `rpc` keyword. */
  readonly position: Position;
}

/** Which sides of a method send a stream of messages. */
export type Streaming = 'unary' | 'server' | 'client' | 'bidi';

export function streamingOf({ clientStreaming, serverStreaming }: MethodDescriptor): Streaming {
  if (clientStreaming) return serverStreaming ? 'bidi' : 'client';
  return serverStreaming ? 'server' : 'unary';
}

/** The linked view over all loaded files. */
export interface Registry {
  readonly services: readonly ServiceDescriptor[];
  message(fullName: string): MessageDescriptor | undefined;
  enum(fullName: string): EnumDescriptor | undefined;
  /** `pkg.Service/Method`. */
  method(fullName: string): MethodDescriptor | undefined;
  /**
   * Everything that the message needs, transitively: a name that is nowhere, a repeated field number… Empty: it links.
   * Remembered per message.
   */
  problems(message: MessageDescriptor): readonly Diagnostic[];
}

/** A reference to a type that no loaded file declares. */
export class LinkError extends Error {
  override readonly name = 'LinkError';
  constructor(readonly diagnostic: Diagnostic) {
    super(diagnostic.text);
  }
}
