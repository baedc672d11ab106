/** The contract between `proto-to-json.ts` and the writers of fields and well-known types: how a message of one type becomes JSON. */

import type { FieldMask } from '../../../src/codec/field-mask.js';
import type { JsonOptions } from '../../../src/codec/json-options.js';
import type { KeyTable } from '../../../src/codec/key-table.js';
import type { WireSource } from '../../../src/codec/wire-source.js';
import type { FieldDescriptor, MessageDescriptor, Registry } from '../../../src/schema/descriptor.js';
import type { JsonWriter } from './json-writer.js';

/**
 * Writes a message of one type. The spans `from` to `to` (exclusive) of the source are its pieces. `depth` is the most
 * levels of messages that it may have, itself included. Its JSON has at least as many levels. The reader may have moved
 * afterwards, while the stack has as many spans as before.
 */
export type WriteMessage = (
  source: WireSource,
  from: number,
  to: number,
  out: JsonWriter,
  depth: number,
  mask?: FieldMask,
) => void;

/** Writes only the fields, without braces. The last argument is true if a comma comes before the first field. */
export type WriteFields = (
  source: WireSource,
  from: number,
  to: number,
  out: JsonWriter,
  depth: number,
  mask: FieldMask | undefined,
  comma: boolean,
) => void;

/** Writes values of one type: the whole value as JSON or, for Any, only its fields. */
export interface MessageWriter {
  readonly write: WriteMessage;
  /** Undefined when the type has a JSON form of its own. */
  readonly writeFields: WriteFields | undefined;
  /** Writes the value of one field; the default if it is unset. */
  readonly writeField: WriteField;
}

export type WriteField = (
  source: WireSource,
  from: number,
  to: number,
  field: FieldDescriptor,
  out: JsonWriter,
  depth: number,
  mask?: FieldMask,
) => void;

export interface Writers {
  readonly registry: Registry;
  readonly options: JsonOptions;
  /** The table with which maps find repeated keys. A map uses it only until it writes its first value. */
  readonly keys: KeyTable;
  of(message: MessageDescriptor): MessageWriter;
}
