/** The default options of a codec, and a function that returns its JSON as text. */
import type { MessageCodec } from '../../src/codec/codec.js';
import type { FieldMask } from '../../src/codec/field-mask.js';
import type { JsonOptions } from '../../src/codec/json-options.js';
import { JsonWriter } from '../../src/codec/json-writer.js';
import type { FieldDescriptor } from '../../src/schema/descriptor.js';

/** The defaults, for tests that do not concern the options. */
export const JSON_OPTIONS: JsonOptions = {
  emitDefaults: false,
  enumsAsInts: false,
  protoNames: false,
  unknownFields: 'reject',
  maxDepth: 100,
  omitFields: new Set(),
};

export function jsonOf(codec: MessageCodec, wire: Uint8Array, mask?: FieldMask): string {
  return new JsonWriter().collectString((out) => codec.write(wire, out, mask));
}

export function fieldJsonOf(codec: MessageCodec, field: FieldDescriptor, wire: Uint8Array): string {
  return new JsonWriter().collectString((out) => codec.writeField(field, wire, out));
}
