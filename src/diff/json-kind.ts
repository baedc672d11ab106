/**
 * This module describes the form of a type in JSON and in the text of a path or a query, and the effect of another type
 * on clients. For example, int64 is a string in JSON, so `int32` → `int64` breaks all clients that read the field, and
 * none that send it.
 */
import { wrappedScalar } from '../codec/well-known-reader.js';
import type { FieldType, MessageDescriptor, ScalarType } from '../schema/descriptor.js';
import type { Severity } from './changes.js';

/** A class of types that have the same form for REST clients. */
export type JsonKind =
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'float'
  | 'double'
  | 'bool'
  | 'string'
  | 'bytes'
  | 'enum'
  | 'timestamp'
  | 'duration'
  | 'mask'
  | 'null'
  | 'struct'
  | 'value'
  | 'list'
  | 'any'
  | 'message';

const SCALARS: Readonly<Record<string, JsonKind>> = {
  int32: 'int32',
  sint32: 'int32',
  sfixed32: 'int32',
  uint32: 'uint32',
  fixed32: 'uint32',
  int64: 'int64',
  sint64: 'int64',
  sfixed64: 'int64',
  uint64: 'uint64',
  fixed64: 'uint64',
};

const MESSAGES: ReadonlyMap<string, JsonKind> = new Map([
  ['google.protobuf.Timestamp', 'timestamp'],
  ['google.protobuf.Duration', 'duration'],
  ['google.protobuf.FieldMask', 'mask'],
  ['google.protobuf.Struct', 'struct'],
  ['google.protobuf.Value', 'value'],
  ['google.protobuf.ListValue', 'list'],
  ['google.protobuf.Any', 'any'],
]);

export function kindOf(type: FieldType): JsonKind {
  if (type.kind === 'scalar') return kindOfScalar(type.scalar);
  if (type.kind === 'message') return kindOfMessage(type.message);
  return type.enum.fullName === 'google.protobuf.NullValue' ? 'null' : 'enum';
}

function kindOfScalar(scalar: ScalarType): JsonKind {
  return SCALARS[scalar] ?? (scalar as JsonKind);
}

function kindOfMessage({ fullName }: MessageDescriptor): JsonKind {
  const scalar = wrappedScalar(fullName);
  return scalar === undefined ? (MESSAGES.get(fullName) ?? 'message') : kindOfScalar(scalar);
}

type Json = 'number' | 'string' | 'boolean' | 'object' | 'list' | 'null' | 'any JSON';

/** Returns the type of JSON that a value of the kind has in answers. */
function jsonOf(kind: JsonKind, enumsAsInts: boolean): Json {
  switch (kind) {
    case 'int32':
    case 'uint32':
    case 'float':
    case 'double':
      return 'number';
    case 'bool':
      return 'boolean';
    case 'enum':
      return enumsAsInts ? 'number' : 'string';
    case 'struct':
    case 'any':
    case 'message':
      return 'object';
    case 'list':
      return 'list';
    case 'value':
      return 'any JSON';
    case 'null':
      return 'null';
    default:
      return 'string';
  }
}

type Range = readonly [least: number, most: number];

/**
 * The ranges of numbers. The limits of 64 bits are not exact, but good enough to be compared with each other and with smaller
 * ones.
 */
const RANGES: ReadonlyMap<JsonKind, Range> = new Map([
  ['int32', [-(2 ** 31), 2 ** 31 - 1]],
  ['uint32', [0, 2 ** 32 - 1]],
  ['int64', [-(2 ** 63), 2 ** 63]],
  ['uint64', [0, 2 ** 64]],
  ['float', [-3.5e38, 3.5e38]],
  ['double', [-Infinity, Infinity]],
]);

const FRACTIONS: ReadonlySet<JsonKind> = new Set(['float', 'double']);

/** True if each number of the inner kind is in the range of the outer one. */
function isWithin(inner: JsonKind, outer: JsonKind): boolean {
  const [a, b] = [RANGES.get(inner), RANGES.get(outer)];
  return a !== undefined && b !== undefined && a[0] >= b[0] && a[1] <= b[1];
}

/**
 * Returns how severe it is for clients that read a value that its kind is now `now` instead of `old`. Undefined if they cannot
 * distinguish the kinds.
 */
export function readingChanged(old: JsonKind, now: JsonKind, enumsAsInts: boolean): Severity | undefined {
  if (old === now) return undefined;
  if (old === 'value') return 'safe';
  if (now === 'value') return 'risky';
  if (jsonOf(old, enumsAsInts) !== jsonOf(now, enumsAsInts)) return 'breaking';
  switch (jsonOf(old, enumsAsInts)) {
    case 'number':
      if (FRACTIONS.has(now) && !FRACTIONS.has(old)) return 'risky';
      return isWithin(now, old) ? 'safe' : 'risky';
    case 'string':
      if (old === 'bytes' || now === 'bytes') return 'breaking';
      if (old === 'string') return 'safe';
      return now === 'string' || (RANGES.has(old) && RANGES.has(now)) ? 'risky' : 'breaking';
    case 'object':
      if (old === 'struct' && now === 'message') return 'safe';
      return old === 'message' && now === 'struct' ? 'risky' : 'breaking';
    default:
      return undefined;
  }
}

/**
 * Returns how severe it is for clients that send a value that its kind is now `now` instead of `old`. `asText` is true for
 * values in a path or a query. Undefined if they cannot distinguish the kinds.
 */
export function sendingChanged(old: JsonKind, now: JsonKind, asText: boolean): Severity | undefined {
  if (old === now) return undefined;
  if (now === 'value') return asText ? 'breaking' : 'safe';
  if (old === 'bytes' || now === 'bytes') return 'breaking';
  if (RANGES.has(old) && RANGES.has(now)) {
    if (FRACTIONS.has(old) && !FRACTIONS.has(now)) return 'breaking';
    return isWithin(old, now) || (FRACTIONS.has(now) && !FRACTIONS.has(old)) ? 'safe' : 'risky';
  }
  const isText = TEXTUAL.has(old) && TEXTUAL.has(now);
  if (now === 'string' && isText) {
    if (asText || TEXTS.has(old)) return 'safe';
    // ProtoJSON reads an enum from a number too.
    return old === 'enum' ? 'risky' : 'breaking';
  }
  if (now === 'enum' && (old === 'int32' || old === 'uint32')) return 'risky';
  return old === 'message' && now === 'struct' && !asText ? 'safe' : 'breaking';
}

/** Kinds that are always text in JSON. */
const TEXTS: ReadonlySet<JsonKind> = new Set(['string', 'timestamp', 'duration', 'mask']);
/** Kinds that a path and a query can have. */
const TEXTUAL: ReadonlySet<JsonKind> = new Set<JsonKind>([...RANGES.keys(), ...TEXTS, 'bool', 'enum', 'bytes']);

/** Returns a text for people with the form of a kind in an answer, such as `a string in base64`. */
export function shownInAnswer(kind: JsonKind, enumsAsInts: boolean): string {
  const json = jsonOf(kind, enumsAsInts);
  const how = FORMS[kind];
  return how === undefined ? withArticle(json) : `${withArticle(json)} ${how}`;
}

const FORMS: Readonly<Partial<Record<JsonKind, string>>> = {
  int64: 'of digits',
  uint64: 'of digits',
  bytes: 'in base64',
  timestamp: 'with a time',
  duration: 'with a duration',
  mask: 'with paths of fields',
  enum: 'of an enum',
  any: 'with @type',
};

function withArticle(json: Json): string {
  if (json === 'any JSON' || json === 'null') return json;
  return json === 'object' ? `an ${json}` : `a ${json}`;
}
