/**
 * This module has the syntax tree of a `.proto` file. It contains what is written: nothing is resolved, inherited or
 * linked. All offsets are offsets in the file's text.
 */
import type { Position } from '../base/diagnostic.js';
import type { ScalarType } from './descriptor.js';
import type { OptionValue } from './option-tree.js';
import type { SourceText } from './source-text.js';

/**
 * A named statement. `start` is the offset of its first word. `at` is the offset that positions show: for a field it is the
 * offset of its name.
 */
interface Statement {
  readonly name: string;
  readonly start: number;
  readonly at: number;
  readonly options: readonly OptionNode[];
}

/** The declarations that are allowed in files and in messages. */
export interface Block {
  readonly messages: MessageNode[];
  readonly enums: EnumNode[];
  readonly extensions: FieldNode[];
}

export interface FileNode extends Block {
  /** The syntax or the edition: `proto3`, `2023`. Undefined when the file does not declare it, which means `proto2`. */
  readonly syntax: { readonly name: string; readonly at: number } | undefined;
  package: string;
  readonly imports: { readonly path: string; readonly at: number }[];
  readonly services: ServiceNode[];
  readonly options: OptionNode[];
}

/** A message. The message of a group is in the same block as the group's field. */
export interface MessageNode extends Statement, Block {
  readonly fields: readonly FieldNode[];
  readonly oneofs: readonly string[];
}

export interface FieldNode extends Statement {
  readonly label: 'optional' | 'required' | 'repeated' | undefined;
  /** The type as it is written: `int32`, `.pkg.Message`. For a map it is the type of the values. */
  readonly type: string;
  readonly mapKey: ScalarType | undefined;
  readonly number: number;
  readonly group: boolean;
  readonly oneof: string | undefined;
  /** The message that an extension extends. Undefined for other fields. */
  readonly extendee: string | undefined;
}

export interface EnumNode extends Statement {
  readonly values: readonly EnumValueNode[];
}

export interface EnumValueNode {
  readonly name: string;
  readonly at: number;
  readonly number: number;
  readonly options: readonly OptionNode[];
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

/** An option such as `option (google.api.http).additional_bindings.get = "/a";`, or in brackets after a field. */
export interface OptionNode {
  /** The name as it is written, without blanks: `(google.api.http)`, `deprecated`. */
  readonly name: string;
  /** The fields after the name: `additional_bindings`, `get`. The name of an extension is in brackets: `[its.name]`. */
  readonly path: readonly string[];
  /** The offset of the name. */
  readonly at: number;
  readonly value: ValueNode;
}

/** A value with its position, which is computed on demand. For a string it is the position of its first character. */
export class ValueNode<T extends OptionValue['value'] = OptionValue['value']> implements OptionValue {
  constructor(
    private readonly source: SourceText,
    private readonly at: number,
    readonly value: T,
    /** The bytes of a string with escapes, which may not be UTF-8. Undefined for other values. */
    readonly bytes?: Buffer,
  ) {}

  get position(): Position {
    return this.source.at(this.at);
  }
}
