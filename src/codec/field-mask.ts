/**
 * A FieldMask over a response (`$fields=title,author.born`): which fields are written. Paths go through lists and map
 * values; a path that ends keeps what is below it whole.
 */
import type { FieldDescriptor, MessageDescriptor } from '../schema/descriptor.js';
import { BindError } from './bound.js';

/** Field → what of it; `undefined`: all of it. */
export type FieldMask = ReadonlyMap<FieldDescriptor, FieldMask | undefined>;

type MutableMask = Map<FieldDescriptor, MutableMask | undefined>;

const MAX_PATHS = 500;

/** Paths in proto or JSON names, separated by commas. Throws a BindError that names what is no field. */
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
      // All of it is wanted already; the rest of the path must be right all the same.
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
