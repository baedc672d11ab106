/**
 * Fills the update mask of a PATCH that has none: the request's only FieldMask field gets the paths of the JSON keys that
 * were sent. Nested messages give nested paths; maps, repeated fields and well-known types count as a whole. A key with the
 * value `null` counts. Ignored unknown keys and enum names do not count, and neither do fields that the path sets
 * (docs/patch.md).
 *
 *     PATCH /v1/{book.name=…}   {"title":"Emma","author":{"born":1775}}   →   update_mask: "title,author.born"
 */

import { isRecord } from '../base/record.js';
import type { Binding } from '../routing/binding.js';
import type { FieldDescriptor, MessageDescriptor } from '../schema/descriptor.js';

export interface UpdateMask {
  /** The FieldMask field of the request. */
  readonly field: FieldDescriptor;
  /** Returns the paths of a body's keys, in proto names. The list is empty unless the body is a JSON object. */
  readonly pathsOf: (json: Uint8Array) => readonly string[];
}

/**
 * Returns undefined if masks are not filled for the binding: its method is not PATCH, its body is not a message, or its
 * request does not have exactly one FieldMask. Keys deeper than `maxDepth` are not read, because the codec refuses such a
 * body.
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

/**
 * True for a string that its enum does not define. If the codec does not refuse such a name it ignores it, so the mask must
 * not unset the field.
 */
function isUnknownName({ type, cardinality }: FieldDescriptor, value: unknown): boolean {
  if (type.kind !== 'enum' || cardinality !== 'singular' || typeof value !== 'string') return false;
  return type.enum.numberOf(value) === undefined;
}

/** Returns the message type of a field whose JSON is an object with that type's fields; undefined for all other fields. */
function plainMessage({ type, cardinality }: FieldDescriptor): MessageDescriptor | undefined {
  if (cardinality !== 'singular' || type.kind !== 'message') return undefined;
  return type.message.fullName.startsWith('google.protobuf.') ? undefined : type.message;
}

function isFieldMask({ type, cardinality }: FieldDescriptor): boolean {
  return cardinality === 'singular' && type.kind === 'message' && type.message.fullName === 'google.protobuf.FieldMask';
}

/** Parses the body; undefined when it is no JSON. The codec then refuses it with a better error. */
function parsed(json: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString('utf8'));
  } catch {
    return undefined;
  }
}
