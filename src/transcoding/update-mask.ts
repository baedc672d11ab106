/**
 * This module fills the update mask of a PATCH that has none: the request's only FieldMask field gets the paths of the JSON
 * keys that were sent. Nested messages give nested paths; maps, repeated fields and well-known types count as a whole. A key
 * with the value `null` counts. Ignored unknown keys and enum names do not count, and neither do fields that the path sets
 * (docs/patch.md).
 *
 *     PATCH /v1/{book.name=…}   {"title":"Emma","author":{"born":1775}}   →   update_mask: "title,author.born"
 */
import type { Steps } from '../base/slices.js';
import { JsonKeys } from '../codec/json-keys.js';
import type { Binding } from '../routing/binding.js';
import type { FieldDescriptor, MessageDescriptor } from '../schema/descriptor.js';
import { invalidRequest } from '../status/status-error.js';

export interface UpdateMask {
  /** The FieldMask field of the request. */
  readonly field: FieldDescriptor;
  /**
   * Returns the paths of a body's keys, in proto names. The list is empty unless the body is a JSON object. Throws
   * INVALID_ARGUMENT (400) for more than 65,536 paths, which would be slow to encode.
   */
  readonly pathsOf: (json: Uint8Array) => Steps<readonly string[]>;
}

const MOST_PATHS = 1 << 16;

/**
 * Compiles how the mask of a binding is filled. Returns undefined if it is not: the method is not PATCH, its `body` does not
 * name a single field that is a message, or its request does not have exactly one FieldMask. Keys deeper than `maxDepth` are
 * not read, because the codec refuses such a body.
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
    *pathsOf(json) {
      const paths = new Set<string>();
      const keys = new JsonKeys(json);
      if (keys.isObject()) yield* collect(keys, type.message, '', maxDepth, paths);
      if (paths.size > MOST_PATHS) {
        const description = `expected at most ${MOST_PATHS} fields, got more`;
        throw invalidRequest('INVALID_BODY', [{ field: body.field.name, description }]);
      }
      return [...paths].filter((path) => !bound.has(path));
    },
  };
}

/**
 * Adds the paths of the keys of the object that comes next in `keys`. Returns false for a body that the codec refuses, such as
 * one with a key twice: the paths then do not matter.
 */
function* collect(
  keys: JsonKeys,
  message: MessageDescriptor,
  prefix: string,
  depth: number,
  paths: Set<string>,
): Steps<boolean> {
  if (depth === 0) return false;
  keys.enter();
  while (keys.next()) {
    if (keys.isTired()) yield;
    const field = message.fieldNamed(keys.key());
    const nested = field === undefined || !keys.isObject() || keys.isEmpty() ? undefined : plainMessage(field);
    if (field !== undefined && nested !== undefined) {
      if (!(yield* collect(keys, nested, `${prefix}${field.name}.`, depth - 1, paths))) return false;
      continue;
    }
    if (field !== undefined && !isUnknownName(field, keys)) {
      const path = prefix + field.name;
      if (paths.has(path) || paths.size > MOST_PATHS) return false;
      paths.add(path);
    }
    while (!keys.skip()) yield;
  }
  return true;
}

/**
 * True for a string that the enum of the field does not define. The codec refuses or ignores such a name. If it is ignored, the
 * field must stay as it is, so the mask must not name it.
 */
function isUnknownName({ type, cardinality }: FieldDescriptor, keys: JsonKeys): boolean {
  if (type.kind !== 'enum' || cardinality !== 'singular') return false;
  const value = keys.string();
  return value !== undefined && type.enum.numberOf(value) === undefined;
}

/** Returns the message type of a field whose JSON is an object with that type's fields; undefined for all other fields. */
function plainMessage({ type, cardinality }: FieldDescriptor): MessageDescriptor | undefined {
  if (cardinality !== 'singular' || type.kind !== 'message') return undefined;
  return type.message.fullName.startsWith('google.protobuf.') ? undefined : type.message;
}

export function isFieldMask({ type, cardinality }: FieldDescriptor): boolean {
  return cardinality === 'singular' && type.kind === 'message' && type.message.fullName === 'google.protobuf.FieldMask';
}
