/** This module decides which declarations a document leaves out (google/api/visibility.proto). */
import type { Documented, FieldDescriptor, FieldType, MethodDescriptor } from '../schema/descriptor.js';
import { lastOf, VISIBILITIES } from '../schema/document-options.js';

/** True if the declaration has a visibility label, so that it is not for everybody. */
export function isRestricted(declaration: Documented): boolean {
  const options = declaration.documentOptions();
  if (options.size === 0) return false;
  return VISIBILITIES.some((extension) => Boolean(lastOf(options, extension, 'restriction')));
}

/** True if the field, or the type of its values, is restricted. */
export function isHiddenField(field: FieldDescriptor): boolean {
  return isRestricted(field) || isHiddenType(field.type);
}

/**
 * The types that were asked about, and whether they are restricted. Thousands of fields may have one type, and without this
 * map the file of the type would be read for each of them.
 */
const KNOWN = new WeakMap<Documented, boolean>();

function isHiddenType(type: FieldType): boolean {
  if (type.kind === 'scalar') return false;
  const declared = type.kind === 'enum' ? type.enum : type.message;
  const known = KNOWN.get(declared);
  if (known !== undefined) return known;
  const isHidden = isRestricted(declared);
  KNOWN.set(declared, isHidden);
  return isHidden;
}

/** True if the method or its service is restricted. */
export function isHiddenMethod(method: MethodDescriptor): boolean {
  return isRestricted(method) || isRestricted(method.service);
}
