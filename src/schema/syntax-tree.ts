/** What a `.proto` file says, as it is written: nothing is resolved, inherited or linked. Offsets are into its text. */
import type { Position } from '../base/diagnostic.js';
import type { ScalarType } from './descriptor.js';
import type { OptionValue } from './option-tree.js';
import type { SourceText } from './source-text.js';

/** Where a statement starts, and where its declaration is said to stand: of a field at its name. */
interface Statement {
  readonly name: string;
  readonly start: number;
  readonly at: number;
  readonly options: readonly OptionNode[];
}

/** What a file and a message may hold. */
export interface Block {
  readonly messages: MessageNode[];
  readonly enums: EnumNode[];
  readonly extensions: FieldNode[];
}

export interface FileNode extends Block {
  /** `proto3`, `2023`; undefined: it does not say, which is `proto2`. */
  readonly syntax: { readonly name: string; readonly at: number } | undefined;
  package: string;
  readonly imports: { readonly path: string; readonly at: number }[];
  readonly services: ServiceNode[];
  readonly options: OptionNode[];
}

/** A group's message stands beside the group's field. */
export interface MessageNode extends Statement, Block {
  readonly fields: readonly FieldNode[];
  readonly oneofs: readonly string[];
}

export interface FieldNode extends Statement {
  readonly label: 'optional' | 'required' | 'repeated' | undefined;
  /** As written: `int32`, `.pkg.Message`; of a map that of its values. */
  readonly type: string;
  readonly mapKey: ScalarType | undefined;
  readonly number: number;
  readonly group: boolean;
  readonly oneof: string | undefined;
  /** Of an extension. */
  readonly extendee: string | undefined;
}

export interface EnumNode extends Statement {
  readonly values: readonly EnumValueNode[];
}

export interface EnumValueNode {
  readonly name: string;
  readonly at: number;
  readonly number: number;
}

export interface ServiceNode extends Statement {
  readonly rpcs: readonly RpcNode[];
}

export interface RpcNode extends Statement {
  readonly input: string;
  readonly output: string;
  readonly clientStreaming: boolean;
  readonly serverStreaming: boolean;
}

/** `option (google.api.http).additional_bindings.get = "/a";` and the same in brackets behind a field. */
export interface OptionNode {
  /** As written, without blanks: `(google.api.http)`, `deprecated`. */
  readonly name: string;
  /** `additional_bindings`, `get`; of an extension `[its.name]`. */
  readonly path: readonly string[];
  /** Of the name. */
  readonly at: number;
  readonly value: ValueNode;
}

/** A value and, when somebody asks, its place: of a string that of its first character. */
export class ValueNode<T extends OptionValue['value'] = OptionValue['value']> implements OptionValue {
  constructor(
    private readonly source: SourceText,
    private readonly at: number,
    readonly value: T,
    /** Of a string with escapes, which may be no UTF-8. */
    readonly bytes?: Buffer,
  ) {}

  get position(): Position {
    return this.source.at(this.at);
  }
}
