/**
 * This module has the JSON Schemas of values whose JSON is not an object of fields: scalars, and the well-known types. They
 * describe what the codec writes (`output`) and what clients should send (`input`). The codec reads a little more than that,
 * such as `"7"` for an int32; docs/openapi.md lists it.
 */
import { wrappedScalar } from '../codec/well-known-reader.js';
import type { ScalarType } from '../schema/descriptor.js';
import type { Json } from './api.js';

/** The use of a schema: for an answer, for a request, or for the body of a PATCH, in which every field may be left out. */
export type Direction = 'output' | 'input' | 'patch';

const MAX_SAFE = Number.MAX_SAFE_INTEGER;

/** The schema of a 64-bit number in a request: a string of digits, or a JSON number, which is exact only up to 2^53. */
const INT64_INPUT: Json = {
  type: ['string', 'integer'],
  format: 'int64',
  pattern: '^(0|-?[1-9][0-9]{0,17})$',
  minimum: -MAX_SAFE,
  maximum: MAX_SAFE,
};
const UINT64_INPUT: Json = {
  type: ['string', 'integer'],
  format: 'uint64',
  pattern: '^(0|[1-9][0-9]{0,18})$',
  minimum: 0,
  maximum: MAX_SAFE,
};
const INT32_INPUT: Json = { type: 'integer', format: 'int32', minimum: -2_147_483_648, maximum: 2_147_483_647 };
const UINT32_INPUT: Json = { type: 'integer', format: 'uint32', minimum: 0, maximum: 4_294_967_295 };
const NOT_FINITE: Json = { type: 'string', enum: ['NaN', 'Infinity', '-Infinity'] };
/** The largest float, rounded down to seven digits. */
const MAX_FLOAT = 3.402823e38;

const INPUTS: Readonly<Record<ScalarType, Json>> = {
  double: { anyOf: [{ type: 'number', format: 'double' }, NOT_FINITE] },
  float: { anyOf: [{ type: 'number', format: 'float', minimum: -MAX_FLOAT, maximum: MAX_FLOAT }, NOT_FINITE] },
  int32: INT32_INPUT,
  sint32: INT32_INPUT,
  sfixed32: INT32_INPUT,
  uint32: UINT32_INPUT,
  fixed32: UINT32_INPUT,
  int64: INT64_INPUT,
  sint64: INT64_INPUT,
  sfixed64: INT64_INPUT,
  uint64: UINT64_INPUT,
  fixed64: UINT64_INPUT,
  bool: { type: 'boolean' },
  string: { type: 'string' },
  bytes: { type: 'string', format: 'byte' },
};

const INT32: Json = { type: 'integer', format: 'int32' };
const UINT32: Json = { type: 'integer', format: 'uint32' };
const INT64: Json = { type: 'string', format: 'int64' };
const UINT64: Json = { type: 'string', format: 'uint64' };

const OUTPUTS: Readonly<Record<ScalarType, Json>> = {
  ...INPUTS,
  float: { anyOf: [{ type: 'number', format: 'float' }, NOT_FINITE] },
  int32: INT32,
  sint32: INT32,
  sfixed32: INT32,
  uint32: UINT32,
  fixed32: UINT32,
  int64: INT64,
  sint64: INT64,
  sfixed64: INT64,
  uint64: UINT64,
  fixed64: UINT64,
};

export function scalarSchema(scalar: ScalarType, direction: Direction): Json {
  return (direction === 'output' ? OUTPUTS : INPUTS)[scalar];
}

const MASK = '[A-Za-z*][A-Za-z0-9*]*';

const FIXED: ReadonlyMap<string, Json> = new Map(
  Object.entries({
    Timestamp: { type: 'string', format: 'date-time' },
    Duration: { type: 'string', pattern: '^-?[0-9]{1,11}(\\.[0-9]{1,9})?s$', examples: ['3.5s'] },
    FieldMask: {
      type: 'string',
      pattern: `^(${MASK}(\\.${MASK})*(,${MASK}(\\.${MASK})*)*)?$`,
      examples: ['title,author.displayName'],
    },
    Struct: { type: 'object', additionalProperties: true },
    Value: { description: 'Any JSON value.' },
    ListValue: { type: 'array', items: {} },
    Any: {
      type: 'object',
      description: 'The fields of a message, and its type.',
      properties: { '@type': { type: 'string', examples: ['type.googleapis.com/google.rpc.ErrorInfo'] } },
      additionalProperties: true,
    },
  }).map(([name, schema]) => [`google.protobuf.${name}`, schema]),
);

/** Returns the schema of a well-known type whose JSON is not an object of its fields. Undefined for other messages. */
export function wellKnownSchema(fullName: string, direction: Direction): Json | undefined {
  const scalar = wrappedScalar(fullName);
  if (scalar !== undefined) return scalarSchema(scalar, direction);
  const fixed = FIXED.get(fullName);
  // An Any with fields and without a type cannot be read. An answer may have an empty one.
  if (fullName === 'google.protobuf.Any' && direction !== 'output') return { ...fixed, required: ['@type'] };
  return fixed;
}

/** Returns the schema of a map's keys, which JSON writes as strings. Undefined when every string is a key. */
export function keySchema(key: ScalarType): Json | undefined {
  if (key === 'string') return undefined;
  if (key === 'bool') return { enum: ['true', 'false'] };
  return { pattern: key.startsWith('u') || key.startsWith('fixed') ? '^[0-9]+$' : '^-?[0-9]+$' };
}

/** Returns a schema that also takes `null`. */
export function orNull(schema: Json): Json {
  const { type } = schema;
  if (type === undefined && schema.$ref === undefined && schema.anyOf === undefined) return schema;
  if (typeof type === 'string' && schema.enum === undefined) return { ...schema, type: [type, 'null'] };
  if (Array.isArray(type)) return { ...schema, type: [...type, 'null'] };
  if (schema.anyOf === undefined) return { anyOf: [schema, { type: 'null' }] };
  return { ...schema, anyOf: [...(schema.anyOf as readonly Json[]), { type: 'null' }] };
}
