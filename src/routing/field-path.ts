/**
 * This module resolves field paths (`book.shelf.name`) in descriptors. Each segment is a field of the message before
 * it.
 */
import { didYouMean, hintOf } from '../base/did-you-mean.js';
import type { FieldDescriptor, MessageDescriptor } from '../schema/descriptor.js';
import { isTextMessage } from '../schema/text-messages.js';

export type FieldPath =
  | { readonly kind: 'found'; readonly fields: readonly FieldDescriptor[] }
  /** `offset` is the offset of the wrong segment in the path's text. `text` has the form `expected …, got …`. */
  | { readonly kind: 'failed'; readonly offset: number; readonly text: string };

/**
 * Resolves the field path of a path variable: singular messages, then a singular field whose JSON is one text, number
 * or bool. http.proto allows primitive types; wrappers, Timestamp, Duration and FieldMask are accepted too. Throws
 * LinkError if no file declares the type of a field.
 */
export function resolvePathVariable(root: MessageDescriptor, path: string): FieldPath {
  return resolveLeaf(root, path, ({ type }) => type.kind !== 'message' || isTextMessage(type.message), WRITTEN_AS_TEXT);
}

const WRITTEN_AS_TEXT = 'a singular scalar or enum field, or one whose JSON is a string, such as a Timestamp';

/** Resolves like {@link resolvePathVariable}, but the last field must be a singular scalar or enum. */
export function resolveScalar(root: MessageDescriptor, path: string): FieldPath {
  return resolveLeaf(root, path, ({ type }) => type.kind !== 'message', 'a singular scalar or enum field');
}

function resolveLeaf(
  root: MessageDescriptor,
  path: string,
  fits: (field: FieldDescriptor) => boolean,
  expected: string,
): FieldPath {
  const resolved = resolveFieldPath(root, path);
  if (resolved.kind === 'failed') return resolved;
  const last = resolved.fields.at(-1)!;
  if (last.cardinality === 'singular' && fits(last)) return resolved;
  const text = `expected ${expected}, got ${kindOfField(last)} '${last.name}'`;
  return { kind: 'failed', offset: path.lastIndexOf('.') + 1, text };
}

/** Resolves a path, starting at a message. All its fields except the last one are singular messages. */
function resolveFieldPath(root: MessageDescriptor, path: string): FieldPath {
  const fields: FieldDescriptor[] = [];
  let message = root;
  let offset = 0;
  for (const name of path.split('.')) {
    const before = fields.at(-1);
    if (before !== undefined) {
      if (before.cardinality !== 'singular' || before.type.kind !== 'message') {
        const what = `expected a singular message field '${before.name}' before '.${name}'`;
        return { kind: 'failed', offset: offset - 1 - before.name.length, text: `${what}, got ${kindOfField(before)}` };
      }
      message = before.type.message;
    }
    const field = fieldOf(message, name);
    if (field === undefined) {
      return {
        kind: 'failed',
        offset,
        text: `expected a field of ${message.fullName}, got '${name}'${fieldHint(message, name)}`,
      };
    }
    fields.push(field);
    offset += name.length + 1;
  }
  return { kind: 'found', fields };
}

/** Returns a field by its proto name. As in http.proto, JSON names and extensions are not accepted. */
export function fieldOf(message: MessageDescriptor, name: string): FieldDescriptor | undefined {
  const field = message.fieldNamed(name);
  if (field?.name === name && !field.extension) return field;
  return message.fields.find((other) => other.name === name && !other.extension);
}

/** Returns a hint with the field that was probably meant by an unknown name. */
export function fieldHint({ fields }: MessageDescriptor, name: string): string {
  const names = fields.flatMap((field) => (field.extension ? [] : [field.name]));
  // For example, `order_id` was written and the message has an `id`.
  const meant = didYouMean(name, names) ?? names.find((one) => name.endsWith(`_${one}`));
  return hintOf(meant);
}

/** True if both paths consist of the same fields. */
export function isSamePath(a: readonly FieldDescriptor[], b: readonly FieldDescriptor[]): boolean {
  return a.length === b.length && a.every((field, index) => field === b[index]);
}

function kindOfField(field: FieldDescriptor): string {
  if (field.cardinality !== 'singular') return `a ${field.cardinality} field`;
  const { type } = field;
  if (type.kind === 'message') return `a ${type.message.fullName} field`;
  return type.kind === 'enum' ? `an enum ${type.enum.fullName} field` : `a ${type.scalar} field`;
}
