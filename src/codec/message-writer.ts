/** The contract between `proto-to-json.ts` and the writers of well-known types: how a message of one type becomes JSON. */
import type { FieldDescriptor, MessageDescriptor, Registry } from '../schema/descriptor.js';
import type { FieldMask } from './field-mask.js';
import type { JsonOptions } from './json-options.js';
import type { JsonWriter } from './json-writer.js';
import type { WireReader } from './wire-reader.js';

/** The positions of the pieces of one message in the buffer: start, end, start, end and so on. */
export type Ranges = readonly number[];

/**
 * Writes a message of one type. `depth` is the most levels of messages that it may have, itself included. Its JSON has
 * at least as many levels.
 */
export type WriteMessage = (
  source: WireReader,
  ranges: Ranges,
  out: JsonWriter,
  depth: number,
  mask?: FieldMask,
) => void;

/** Writes values of one type: the whole value as JSON or, for Any, only its fields. */
export interface MessageWriter {
  readonly write: WriteMessage;
  /**
   * Writes the fields without braces. The last argument is true if no comma comes before the first field. Undefined
   * when the type has a JSON form of its own.
   */
  readonly writeFields: ((...args: [...Parameters<WriteMessage>, boolean]) => void) | undefined;
  /** Writes the value of one field; the default if it is unset. */
  writeField(source: WireReader, field: FieldDescriptor, out: JsonWriter, depth: number, mask?: FieldMask): void;
}

export interface Writers {
  readonly registry: Registry;
  readonly options: JsonOptions;
  of(message: MessageDescriptor): MessageWriter;
}
