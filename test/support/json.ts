/** What a codec writes, as text. */
import type { MessageCodec } from '../../src/codec/codec.js';
import type { FieldMask } from '../../src/codec/field-mask.js';
import { JsonWriter } from '../../src/codec/json-writer.js';
import type { FieldDescriptor } from '../../src/schema/descriptor.js';

export function jsonOf(codec: MessageCodec, wire: Uint8Array, mask?: FieldMask): string {
  return new JsonWriter().collectString((out) => codec.write(wire, out, mask));
}

export function fieldJsonOf(codec: MessageCodec, field: FieldDescriptor, wire: Uint8Array): string {
  return new JsonWriter().collectString((out) => codec.writeField(field, wire, out));
}
