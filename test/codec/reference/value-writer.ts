/** This module is the contract of the writers of fields, lists and maps: how values become one JSON value. */

import type { FieldMask } from '../../../src/codec/field-mask.js';
import type { WireSource } from '../../../src/codec/wire-source.js';
import type { FieldDescriptor } from '../../../src/schema/descriptor.js';
import type { JsonWriter } from './json-writer.js';

/** The parts of a field that decide how its values are written. */
export type ValueShape = Pick<
  FieldDescriptor,
  'type' | 'cardinality' | 'presence' | 'validateUtf8' | 'mapKey' | 'defaultText'
>;

/**
 * Writes `key` and the values that lie in the spans `from` to `to` (exclusive) as one JSON value. Returns false, having
 * written nothing, if there is no value to show: a default without presence, a number that a closed enum does not know.
 */
export type WriteValues = (
  source: WireSource,
  from: number,
  to: number,
  out: JsonWriter,
  depth: number,
  mask: FieldMask | undefined,
  key: Uint8Array,
) => boolean;

/** Writes the values of a field, or the values of a map's entry. */
export interface ValueWriter {
  readonly accepts: (wireType: number) => boolean;
  readonly write: WriteValues;
  /** The JSON of the unset field when it is a whole answer. */
  readonly unset: string;
  /**
   * Returns true if the value at the reader, after its tag, is a number that a closed enum does not know, and so an
   * unknown field. It does not move the reader. Undefined for other types.
   */
  readonly isUnknown: ((source: WireSource) => boolean) | undefined;
}

/** The key of a value that is a whole answer, an element or a map's value. */
export const NO_KEY = new Uint8Array(0);
