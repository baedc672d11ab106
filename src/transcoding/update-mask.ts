/**
 * PATCH without a mask (rule 14): the request's one FieldMask field is filled from the JSON keys that were sent. Nested
 * messages give nested paths; maps, lists and well-known types count as a whole; `null` counts, an unknown key or enum
 * name that is ignored does not, and neither does a field that the path binds.
 *
 *     PATCH /v1/{book.name=…}   {"title":"Emma","author":{"born":1775}}   →   update_mask: "title,author.born"
 */

import { isRecord } from '../base/record.js';
import type { Binding } from '../routing/binding.js';
import type { FieldDescriptor, MessageDescriptor } from '../schema/descriptor.js';

export interface UpdateMask {
  /** The FieldMask field of the request. */
  readonly field: FieldDescriptor;
  /** The paths that a body names, in proto names. What is no JSON object names none. */
  readonly pathsOf: (json: Uint8Array) => readonly string[];
}

/**
 * Undefined where rule 14 does not apply: no PATCH, no message in the body, not exactly one FieldMask. Deeper than
 * `maxDepth` nothing is looked at: the codec refuses it.
 */
export function compileUpdateMask(
  { httpMethod, body, method, variables }: Binding,
  maxDepth: number,
): UpdateMask | undefined {
  if (httpMethod !== 'PATCH' || body.kind !== 'field' || body.field.cardinality !== 'singular') return undefined;
  const { type } = body.field;
  const masks = method.input.fields.filter(isFieldMask);
  const [field] = masks;
  if (type.kind !== 'message' || field === undefined || masks.length > 1) return undefined;
  const bound = new Set(
    variables
      .filter(({ fieldPath }) => fieldPath[0] === body.field)
      .map(({ fieldPath }) =>
        fieldPath
          .slice(1)
          .map(({ name }) => name)
          .join('.'),
      ),
  );
  return {
    field,
    pathsOf(json) {
      const paths: string[] = [];
      collect(parsed(json), type.message, '', maxDepth, paths);
      return paths.filter((path) => !bound.has(path));
    },
  };
}

function collect(value: unknown, message: MessageDescriptor, prefix: string, depth: number, paths: string[]): void {
  if (!isRecord(value) || depth === 0) return;
  for (const [key, inner] of Object.entries(value)) {
    const field = message.fieldNamed(key);
    if (field === undefined || isUnknownName(field, inner)) continue;
    const path = prefix + field.name;
    const nested = isRecord(inner) && Object.keys(inner).length > 0 ? plainMessage(field) : undefined;
    if (nested === undefined) paths.push(path);
    else collect(inner, nested, `${path}.`, depth - 1, paths);
  }
}

/** A name that its enum does not have: where it is not refused it is ignored, and must not unset the field. */
function isUnknownName({ type, cardinality }: FieldDescriptor, value: unknown): boolean {
  if (type.kind !== 'enum' || cardinality !== 'singular' || typeof value !== 'string') return false;
  return type.enum.numberOf(value) === undefined;
}

/** The type of a field whose JSON is an object of its fields. */
function plainMessage({ type, cardinality }: FieldDescriptor): MessageDescriptor | undefined {
  if (cardinality !== 'singular' || type.kind !== 'message') return undefined;
  return type.message.fullName.startsWith('google.protobuf.') ? undefined : type.message;
}

function isFieldMask({ type, cardinality }: FieldDescriptor): boolean {
  return cardinality === 'singular' && type.kind === 'message' && type.message.fullName === 'google.protobuf.FieldMask';
}

/** The codec has the last word on what is no JSON, and says it better. */
function parsed(json: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString('utf8'));
  } catch {
    return undefined;
  }
}
