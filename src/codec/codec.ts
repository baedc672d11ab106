/**
 * One codec per message type and option set: JSON text ⇄ protobuf bytes, with no message object in between (ProtoJSON:
 * protobuf.dev/programming-guides/json). Compiled on first use and kept.
 */
import { isStackOverflow } from '../base/stack-overflow.js';
import type { FieldDescriptor, MessageDescriptor, Registry } from '../schema/descriptor.js';
import { Code } from '../status/code.js';
import { errorInfoDetail } from '../status/details.js';
import { StatusError } from '../status/status-error.js';
import type { BoundMessage } from './bound.js';
import type { FieldMask } from './field-mask.js';
import type { JsonOptions } from './json-options.js';
import { createJsonReader } from './json-to-proto.js';
import type { JsonWriter } from './json-writer.js';
import { createWriters } from './proto-to-json.js';
import { BrokenWire, WireReader } from './wire-reader.js';

/**
 * Requests: JSON → wire, weaving `bound` (path and query values) into the message while it is written. Throws a
 * StatusError (INVALID_ARGUMENT, BadRequest details with JSON path, expected, found).
 *
 * Responses: wire → JSON, into a writer that the caller owns. Throws a StatusError (INTERNAL, HTTP 502, source
 * `upstream`) for broken bytes, and for more JSON than `maxBytes`; the writer then holds an incomplete text.
 */
export interface MessageCodec {
  readonly descriptor: MessageDescriptor;
  /** `body: "*"`, or no body (`json` undefined): the whole message. */
  read(json: Uint8Array | undefined, bound?: BoundMessage): Uint8Array;
  /** `body: "field"`: the JSON is the value of one field, the rest of the message is `bound`. */
  readField(field: FieldDescriptor, json: Uint8Array | undefined, bound?: BoundMessage): Uint8Array;
  /** Writes the message as JSON into `out`; with a `mask`, only the fields that it names. */
  write(wire: Uint8Array, out: JsonWriter, mask?: FieldMask): void;
  /** `response_body`: the value of one field; the default value (`{}`, `[]`, `""`, `0`, `null` for a wrapper…) when it is unset. */
  writeField(field: FieldDescriptor, wire: Uint8Array, out: JsonWriter, mask?: FieldMask): void;
}

export interface Codecs {
  /** Deeper JSON is refused. */
  readonly maxDepth: number;
  /** The most bytes of JSON that one answer may have. */
  readonly maxBytes: number;
  of(message: MessageDescriptor): MessageCodec;
  /** The same codecs, except that they write enums as numbers. Created on first use. */
  readonly withEnumsAsInts: Codecs;
}

export type CreateCodecs = (registry: Registry, options: JsonOptions) => Codecs;

/** Codecs by message type, compiled on first use. */
export function createCodecs(registry: Registry, options: JsonOptions): Codecs {
  const reader = createJsonReader(registry, options);
  const writers = createWriters(registry, options);
  const { maxDepth, maxBytes = Number.POSITIVE_INFINITY } = options;
  const codecs = new Map<MessageDescriptor, MessageCodec>();

  // What is the body of one request, or a field of it, may be a field of another's answer.
  const writtenDepth = maxDepth + 1;

  function compile(descriptor: MessageDescriptor): MessageCodec {
    const writer = writers.of(descriptor);
    return {
      descriptor,
      read: (json, bound) => reader.read(descriptor, json, bound),
      readField: (field, json, bound) => reader.readField(descriptor, field, json, bound),
      write(wire, out, mask) {
        try {
          out.limit(maxBytes);
          writer.write(new WireReader(wire), [0, wire.length], out, writtenDepth, mask);
          out.endLimit();
        } catch (error) {
          throw writingProblem(error);
        }
      },
      writeField(field, wire, out, mask) {
        try {
          out.limit(maxBytes);
          writer.writeField(new WireReader(wire), field, out, writtenDepth, mask);
          out.endLimit();
        } catch (error) {
          throw writingProblem(error);
        }
      },
    };
  }

  let withEnumsAsInts: Codecs | undefined;
  return {
    maxDepth,
    maxBytes,
    get withEnumsAsInts() {
      withEnumsAsInts ??= options.enumsAsInts ? this : createCodecs(registry, { ...options, enumsAsInts: true });
      return withEnumsAsInts;
    },
    of(message) {
      let codec = codecs.get(message);
      if (codec === undefined) {
        codec = compile(message);
        codecs.set(message, codec);
      }
      return codec;
    },
  };
}

function writingProblem(error: unknown): unknown {
  return wireProblem(isStackOverflow(error) ? new BrokenWire('nested too deep for the stack') : error);
}

/** What a BrokenWire is to who asked the upstream; other errors are given back as they are. */
export function wireProblem(cause: unknown): unknown {
  if (!(cause instanceof BrokenWire)) return cause;
  const details = [errorInfoDetail('UPSTREAM_BROKEN_ANSWER')];
  const options = { httpStatus: 502, source: 'upstream', details, cause } as const;
  return new StatusError(Code.INTERNAL, 'the upstream sent a broken message', options);
}
