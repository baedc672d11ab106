/**
 * This module has one codec for each message type and set of options. A codec converts between JSON text and protobuf
 * bytes without a message object in between (ProtoJSON: protobuf.dev/programming-guides/json). It is compiled on first
 * use and kept.
 */
import { isStackOverflow } from '../base/stack-overflow.js';
import type { FieldDescriptor, MessageDescriptor, Registry } from '../schema/descriptor.js';
import { gatewayError } from '../status/status-error.js';
import type { BoundMessage } from './bound.js';
import type { FieldMask } from './field-mask.js';
import type { JsonOptions } from './json-options.js';
import { createJsonReader, type UnfinishedRead } from './json-to-wire.js';
import type { JsonWriter } from './json-writer.js';
import { BrokenWire } from './wire-reader.js';
import { WireToJson, type WriteTask } from './wire-to-json.js';
import { type MessagePlan, WritePlans } from './write-plan.js';

/**
 * Converts requests and responses of one message type.
 *
 * `read` and `readField` convert JSON to protobuf, and add the values of path and query (`bound`). They throw a
 * StatusError (INVALID_ARGUMENT) whose BadRequest details have the JSON path, what was expected and what was found.
 *
 * `write` and `writeField` convert protobuf to JSON, into a writer that the caller provides. They throw a StatusError
 * (INTERNAL, HTTP 502, source `upstream`) for broken bytes, and for more JSON than `maxBytes`. The writer then contains
 * an incomplete text.
 */
export interface MessageCodec {
  readonly descriptor: MessageDescriptor;
  /** Reads the whole message, for `body: "*"`, and returns its encoded bytes. Without a body, `json` is undefined. */
  read(json: Uint8Array | undefined, bound?: BoundMessage): Uint8Array;
  /** Reads the value of one field, for `body: "field"`. All other fields come from `bound`. */
  readField(field: FieldDescriptor, json: Uint8Array | undefined, bound?: BoundMessage): Uint8Array;
  /**
   * Begins to read the whole message or, if `field` is given, the value of this field. Returns the message if all is read, as
   * for almost any JSON of less than 256 KiB. Otherwise the first part is read, and the result reads the rest.
   */
  beginRead(json: Uint8Array | undefined, bound?: BoundMessage, field?: FieldDescriptor): Uint8Array | UnfinishedRead;
  /** Writes the message as JSON into `out`. With a `mask`, it writes only the fields in the mask. */
  write(wire: Uint8Array, out: JsonWriter, mask?: FieldMask): void;
  /**
   * Writes the value of one field, for `response_body`. For an unset field it writes the default value (`{}`, `[]`,
   * `""`, `0`, or `null` for a wrapper).
   */
  writeField(field: FieldDescriptor, wire: Uint8Array, out: JsonWriter, mask?: FieldMask): void;
  /**
   * Begins to write the message or, if `field` is given, the value of this field. Returns undefined if all is written, as for
   * almost any message whose JSON has less than a MiB. Otherwise the result has the JSON so far, and `out` is empty.
   */
  begin(wire: Uint8Array, out: JsonWriter, mask?: FieldMask, field?: FieldDescriptor): UnfinishedJson | undefined;
}

/** A message of which only the first part is written as JSON. */
export interface UnfinishedJson {
  /** The writer that has the JSON so far. Nothing else is written to it. */
  readonly out: JsonWriter;
  /** Writes the next part, for some milliseconds. Returns true when all is written. Throws as `write` does. */
  more(): boolean;
}

export interface Codecs {
  /** The most levels of nested objects and lists that JSON may have. */
  readonly maxDepth: number;
  /** The most bytes of JSON that one answer may have. */
  readonly maxBytes: number;
  of(message: MessageDescriptor): MessageCodec;
  /** The same codecs, except that they write enums as numbers. They are created on first use. */
  readonly withEnumsAsInts: Codecs;
}

export type CreateCodecs = (registry: Registry, options: JsonOptions) => Codecs;

/** Creates the codecs of all message types. Each is compiled on first use. */
export function createCodecs(registry: Registry, options: JsonOptions): Codecs {
  const reader = createJsonReader(registry, options);
  const plans = new WritePlans(registry, options);
  const { maxDepth, maxBytes = Number.POSITIVE_INFINITY } = options;
  /** The writer for the next answer. An answer that is not finished keeps its writer, and this variable gets a new one. */
  let writer = new WireToJson(plans);
  const codecs = new Map<MessageDescriptor, MessageCodec>();

  // A message that is the whole body of one request may be a field in the answer of another, one level deeper.
  const writtenDepth = maxDepth + 1;

  function compile(descriptor: MessageDescriptor): MessageCodec {
    const plan = plans.of(descriptor);

    return {
      descriptor,
      read: (json, bound) => reader.read({ message: descriptor, field: undefined, json, bound }),
      readField: (field, json, bound) => reader.read({ message: descriptor, field, json, bound }),
      beginRead: (json, bound, field) => reader.begin({ message: descriptor, field, json, bound }),
      write: (wire, out, mask) => void begin(out, taskOf(plan, wire, mask, undefined), true),
      writeField: (field, wire, out, mask) => void begin(out, taskOf(plan, wire, mask, field), true),
      begin: (wire, out, mask, field) => begin(out, taskOf(plan, wire, mask, field), false),
    };
  }

  function taskOf(
    plan: MessagePlan,
    wire: Uint8Array,
    mask: FieldMask | undefined,
    field: FieldDescriptor | undefined,
  ): WriteTask {
    const only = field === undefined ? undefined : (plan.of(field.number) ?? 'omitted');
    return { plan, only, wire, mask, depth: writtenDepth };
  }

  /** Writes everything, or the first part if `isWhole` is false. Returns the rest, or undefined if there is none. */
  function begin(out: JsonWriter, task: WriteTask, isWhole: boolean): UnfinishedJson | undefined {
    let isDone = true;
    try {
      out.limit(maxBytes);
      writer.begin(task, out);
      do isDone = writer.more();
      while (isWhole && !isDone);
      if (isDone) out.endLimit();
    } catch (error) {
      isDone = true;
      throw writingProblem(error);
    } finally {
      if (isDone) writer.release();
    }
    if (isDone) return undefined;
    const unfinished = new Unfinished(writer, out.handOver());
    writer = new WireToJson(plans);
    return unfinished;
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

class Unfinished implements UnfinishedJson {
  constructor(
    private readonly writer: WireToJson,
    readonly out: JsonWriter,
  ) {
    writer.moveTo(out);
  }

  more(): boolean {
    try {
      const isDone = this.writer.more();
      if (isDone) this.out.endLimit();
      return isDone;
    } catch (error) {
      throw writingProblem(error);
    }
  }
}

function writingProblem(error: unknown): unknown {
  return wireProblem(isStackOverflow(error) ? new BrokenWire('nested too deep for the stack') : error);
}

/** Returns the error that a client gets for a BrokenWire from an upstream. Other errors are returned unchanged. */
export function wireProblem(cause: unknown): unknown {
  if (!(cause instanceof BrokenWire)) return cause;
  return gatewayError('UPSTREAM_BROKEN_ANSWER', 'the upstream sent a broken message', { source: 'upstream', cause });
}
