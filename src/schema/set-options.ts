/** This module reads the options of a descriptor set, as protobufjs has decoded them. */
import type { Position } from '../base/diagnostic.js';
import type { DocumentOptions } from './descriptor.js';
import { DEPRECATED, DOCUMENT_EXTENSIONS, NO_OPTIONS } from './document-options.js';
import type { OptionTree, OptionValue } from './option-tree.js';

export type Options = Readonly<Record<string, unknown>> & { readonly features?: Readonly<Record<string, unknown>> };

/**
 * The parts of buf/validate/validate.proto and validate/validate.proto that documents show. Other fields are skipped when a
 * descriptor set is decoded.
 */
export const RULES_PROTO = `
  syntax = "proto2";
  package buf.validate;
  extend google.protobuf.FieldOptions { optional FieldRules field = 1159; }
  extend google.protobuf.FieldOptions { optional FieldRules rules = 1071; }
  message FieldRules {
    optional FloatRules float = 1; optional DoubleRules double = 2;
    optional Int32Rules int32 = 3; optional Int64Rules int64 = 4;
    optional UInt32Rules uint32 = 5; optional UInt64Rules uint64 = 6;
    optional SInt32Rules sint32 = 7; optional SInt64Rules sint64 = 8;
    optional Fixed32Rules fixed32 = 9; optional Fixed64Rules fixed64 = 10;
    optional SFixed32Rules sfixed32 = 11; optional SFixed64Rules sfixed64 = 12;
    optional BoolRules bool = 13; optional StringRules string = 14;
    optional EnumRules enum = 16; optional MessageRules message = 17;
    optional RepeatedRules repeated = 18; optional MapRules map = 19;
    optional bool required = 25;
  }
${numberRules()}
  message BoolRules { optional bool const = 1; }
  message StringRules {
    optional string const = 1; optional uint64 min_len = 2; optional uint64 max_len = 3; optional uint64 len = 19;
    optional string pattern = 6; optional string prefix = 7; optional string suffix = 8; optional string contains = 9;
    repeated string in = 10; repeated string not_in = 11;
    optional bool email = 12; optional bool hostname = 13; optional bool ipv4 = 15; optional bool ipv6 = 16;
    optional bool uri = 17; optional bool uri_ref = 18; optional bool uuid = 22;
  }
  message EnumRules {
    optional int32 const = 1; optional bool defined_only = 2; repeated int32 in = 3; repeated int32 not_in = 4;
  }
  message MessageRules { optional bool required = 2; }
  message RepeatedRules {
    optional uint64 min_items = 1; optional uint64 max_items = 2; optional bool unique = 3;
    optional FieldRules items = 4;
  }
  message MapRules {
    optional uint64 min_pairs = 1; optional uint64 max_pairs = 2;
    optional FieldRules keys = 4; optional FieldRules values = 5;
  }
`;

/** Returns the messages with the rules of numbers, which differ in the type of their fields only. */
function numberRules(): string {
  const types = ['Float', 'Double', 'Int32', 'Int64', 'UInt32', 'UInt64', 'SInt32', 'SInt64'];
  const fixed = ['Fixed32', 'Fixed64', 'SFixed32', 'SFixed64'];
  const rules = ['const', 'lt', 'lte', 'gt', 'gte'];
  return [...types, ...fixed]
    .map((name) => {
      const type = name.toLowerCase();
      const single = rules.map((rule, i) => `optional ${type} ${rule} = ${i + 1};`).join(' ');
      return `  message ${name}Rules { ${single} repeated ${type} in = 6; repeated ${type} not_in = 7; }`;
    })
    .join('\n');
}

/**
 * The extension under whose name another one is decoded. RULES_PROTO declares protoc-gen-validate's rules in the package of
 * protovalidate, because both have the same form.
 */
const DECODED_AS: ReadonlyMap<string, string> = new Map([['validate.rules', 'buf.validate.rules']]);

/** Returns the document options among the options of a declaration. */
export function documentOptionsIn(options: Options | undefined, position: Position): DocumentOptions {
  if (options === undefined) return NO_OPTIONS;
  const found = new Map<string, readonly OptionValue[]>();
  if (options[DEPRECATED] === true) found.set(DEPRECATED, [{ value: true, position }]);
  for (const extension of DOCUMENT_EXTENSIONS) {
    const value = extensionOf(options, DECODED_AS.get(extension) ?? extension);
    if (typeof value === 'object' && value !== null)
      found.set(extension, [{ value: treeOf(value, position), position }]);
  }
  return found.size === 0 ? NO_OPTIONS : found;
}

/** Returns the value of an extension. protobufjs stores it under its full name with a leading dot. */
export function extensionOf(options: Options | undefined, name: string): unknown {
  return options?.[`.${name}`];
}

/** Turns a message that protobufjs has decoded into an option tree. In such a message a repeated field is an array. */
export function treeOf(message: object, position: Position): OptionTree {
  const placed = (one: OptionValue['value'] | object): OptionValue => ({
    value: typeof one === 'object' ? treeOf(one, position) : one,
    position,
  });
  return new Map(Object.entries(message).map(([name, value]) => [name, asList(value).map(placed)]));
}

export function asList<T>(value: T | readonly T[] | undefined): readonly T[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value as T];
}
