/**
 * The writer that the codec had before it wrote in one pass: it finds the spans of all fields first. It is kept as an
 * oracle, because it shares nothing with today's writer but the reading of the wire and the writing of FieldMasks.
 */
import type { FieldMask } from '../../../src/codec/field-mask.js';
import type { JsonOptions } from '../../../src/codec/json-options.js';
import { WireSource } from '../../../src/codec/wire-source.js';
import type { FieldDescriptor, MessageDescriptor, Registry } from '../../../src/schema/descriptor.js';
import { JsonWriter } from './json-writer.js';
import { createWriters } from './proto-to-json.js';

/** Returns a function that writes messages as JSON. It throws for messages that are broken. */
export function createReference(registry: Registry, options: JsonOptions) {
  const writers = createWriters(registry, options);
  return function referenceJson(
    message: MessageDescriptor,
    wire: Uint8Array,
    mask?: FieldMask,
    field?: FieldDescriptor,
  ) {
    const source = new WireSource();
    source.open(wire);
    const writer = writers.of(message);
    return new JsonWriter().collectString((out) => {
      if (field === undefined) writer.write(source, 0, 1, out, options.maxDepth + 1, mask);
      else writer.writeField(source, 0, 1, field, out, options.maxDepth + 1, mask);
    });
  };
}
