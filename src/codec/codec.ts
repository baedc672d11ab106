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
import { createJsonReader } from './json-to-proto.js';
import { JsonWriter } from './json-writer.js';
import { createWriters } from './proto-to-json.js';
import { BrokenWire, WireReader } from './wire-reader.js';

export interface JsonOptions {
  /** Write fields without presence even when they hold their default. Default false. */
  readonly emitDefaults: boolean;
  /** Write enums as numbers. Default false. */
  readonly enumsAsInts: boolean;
  /** Write `display_name` instead of `displayName`; both are always read. Default false. */
  readonly protoNames: boolean;
  /** What an unknown JSON field in a request gets, and an unknown name of an enum. Default reject. */
  readonly unknownFields: 'reject' | 'ignore';
  /** Deepest nesting of JSON that is read; whatever was read is also written. Default 100. */
  readonly maxDepth: number;
  /** Of the JSON of one answer, counted while it is written; more is 502. Default: no bound. */
  readonly maxBytes?: number;
  /** Full names of fields that are neither written nor read (to a client they do not exist). */
  readonly omitFields: ReadonlySet<string>;
}

/**
 * Requests: JSON → wire, weaving `bound` (path and query values) into the message while it is written.
 * Throws a StatusError (INVALID_ARGUMENT, BadRequest details with JSON path, expected, found).
 *
 * Responses: wire → JSON as UTF-8 bytes. Throws a StatusError (INTERNAL, HTTP 502, source `upstream`) for broken bytes, and
 * for more JSON than `maxBytes`.
 */
export interface MessageCodec {
  readonly descriptor: MessageDescriptor;
  /** `body: "*"`, or no body (`json` undefined): the whole message. */
  read(json: Uint8Array | undefined, bound?: BoundMessage): Uint8Array;
  /** `body: "field"`: the JSON is the value of one field, the rest of the message is `bound`. */
  readField(field: FieldDescriptor, json: Uint8Array | undefined, bound?: BoundMessage): Uint8Array;
  /** The message as JSON, only what `mask` names if there is one. */
  write(wire: Uint8Array, mask?: FieldMask): Uint8Array;
  /** `response_body`: the value of one field; the default value (`{}`, `[]`, `""`, `0`, `null` for a wrapper…) when it is unset. */
  writeField(field: FieldDescriptor, wire: Uint8Array, mask?: FieldMask): Uint8Array;
}

export interface Codecs {
  /** Deeper JSON is refused. */
  readonly maxDepth: number;
  /** Longer JSON of an answer is refused. */
  readonly maxBytes: number;
  of(message: MessageDescriptor): MessageCodec;
  /** The same, but for enums, which are written as numbers; made when it is asked for first. */
  readonly withEnumsAsInts: Codecs;
}

/** One writer's buffer for all codecs: writing never waits, so it is never used twice at once. */
const OUT = new JsonWriter();

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
      write: (wire, mask) =>
        written(maxBytes, () => writer.write(new WireReader(wire), [0, wire.length], OUT, writtenDepth, mask)),
      writeField: (field, wire, mask) =>
        written(maxBytes, () => writer.writeField(new WireReader(wire), field, OUT, writtenDepth, mask)),
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

function written(maxBytes: number, write: () => void): Uint8Array {
  try {
    OUT.limit(maxBytes);
    write();
    return OUT.take();
  } catch (error) {
    OUT.reset();
    throw wireProblem(isStackOverflow(error) ? new BrokenWire('nested too deep for the stack') : error);
  }
}

/** What a BrokenWire is to who asked the upstream; other errors are given back as they are. */
export function wireProblem(cause: unknown): unknown {
  if (!(cause instanceof BrokenWire)) return cause;
  const details = [errorInfoDetail('UPSTREAM_BROKEN_ANSWER')];
  const options = { httpStatus: 502, source: 'upstream', details, cause } as const;
  return new StatusError(Code.INTERNAL, 'the upstream sent a broken message', options);
}
