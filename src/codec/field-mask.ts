/**
 * This module parses a FieldMask for a response (`$fields=title,author.born`), which selects the fields that are written. A
 * path may lead through lists and map values. It selects its last field with everything in it.
 */
import type { FieldDescriptor, MessageDescriptor } from '../schema/descriptor.js';
import { BindError } from './bound.js';

/** The selected fields inside of each selected field. Undefined when the whole field is selected. */
export type FieldMask = ReadonlyMap<FieldDescriptor, FieldMask | undefined>;

type MutableMask = Map<FieldDescriptor, MutableMask | undefined>;

const MAX_PATHS = 500;

/** Parses paths in proto or JSON names, separated by commas. Throws a BindError for a path with a part that is not a field. */
export function parseFieldMask(text: string, message: MessageDescriptor): FieldMask {
  const mask: MutableMask = new Map();
  const paths = text.split(',');
  if (paths.length > MAX_PATHS) throw new BindError(`expected at most ${MAX_PATHS} paths, got ${paths.length}`);
  for (const path of paths) addPath(mask, path, message);
  return mask;
}

function addPath(root: MutableMask, path: string, message: MessageDescriptor): void {
  let mask = root;
  let inside: MessageDescriptor | undefined = message;
  const segments = path.split('.');
  for (const [index, segment] of segments.entries()) {
    const field: FieldDescriptor | undefined = inside?.fieldNamed(segment);
    if (field === undefined) {
      const where = inside === undefined ? 'a path that ends at a scalar' : `a field of ${inside.fullName}`;
      throw new BindError(`expected ${where}, got ${JSON.stringify(path.slice(0, 60))}`);
    }
    const known = mask.get(field);
    if (mask.has(field) && known === undefined) {
      // The whole field is selected already, but the rest of the path must still be valid.
      mask = new Map();
    } else if (index === segments.length - 1) {
      mask.set(field, undefined);
    } else if (known === undefined) {
      const next: MutableMask = new Map();
      mask.set(field, next);
      mask = next;
    } else mask = known;
    inside = field.type.kind === 'message' ? field.type.message : undefined;
  }
}
