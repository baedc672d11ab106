/** What writes a message of one type as JSON: the contract between `proto-to-json.ts` and the writers of well-known types. */
import type { FieldDescriptor, MessageDescriptor, Registry } from '../schema/descriptor.js';
import type { FieldMask } from './field-mask.js';
import type { JsonOptions } from './json-options.js';
import type { JsonWriter } from './json-writer.js';
import type { WireReader } from './wire-reader.js';

/** Pieces of one message in the buffer: start, end, start, end… */
export type Ranges = readonly number[];

/** Writes a message of one type. `depth`: how many levels may still nest, of which JSON has no fewer. */
export type WriteMessage = (
  source: WireReader,
  ranges: Ranges,
  out: JsonWriter,
  depth: number,
  mask?: FieldMask,
) => void;

/** What is known of a type: the whole value as JSON, or its fields alone, for Any. */
export interface MessageWriter {
  readonly write: WriteMessage;
  /** The fields without braces, `first`: no comma in front of the first one. Absent: the type has a JSON form of its own. */
  readonly writeFields: ((...args: [...Parameters<WriteMessage>, boolean]) => void) | undefined;
  /** The value of one field; the default where it is unset. */
  writeField(source: WireReader, field: FieldDescriptor, out: JsonWriter, depth: number, mask?: FieldMask): void;
}

export interface Writers {
  readonly registry: Registry;
  readonly options: JsonOptions;
  of(message: MessageDescriptor): MessageWriter;
}
