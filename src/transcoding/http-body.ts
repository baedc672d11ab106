/**
 * google.api.HttpBody (google/api/httpbody.proto) passes as it is: its bytes are the HTTP body, its content type is the
 * content type, both ways. Nothing of it becomes JSON (rules 15 and 18).
 *
 *     PUT /v1/files/a.png   content-type: image/png   ‹bytes›
 *     → HttpBody { 1: "image/png", 2: ‹bytes› }
 */
import { wireProblem } from '../codec/codec.js';
import { fieldValues } from '../codec/field-values.js';
import { BrokenWire, WIRE_LENGTH, WireReader } from '../codec/wire-reader.js';
import type { FieldDescriptor } from '../schema/descriptor.js';

const CONTENT_TYPE = 1;
const DATA = 2;

/** The bytes of an HttpBody message. `contentType`: undefined: none was sent, or an earlier piece has said it. */
export function encodeHttpBody(contentType: string | undefined, data: Uint8Array): Uint8Array {
  const encoded = lengthDelimited(DATA, data);
  if (contentType === undefined) return encoded;
  return Buffer.concat([lengthDelimited(CONTENT_TYPE, Buffer.from(contentType)), encoded]);
}

/** A length-delimited field around the bytes of a message. */
export function encodeField({ number }: FieldDescriptor, message: Uint8Array): Uint8Array {
  return lengthDelimited(number, message);
}

export interface DecodedHttpBody {
  readonly contentType: string;
  /** A view of the message's bytes. */
  readonly body: Uint8Array;
}

/**
 * The parts of an HttpBody answer, or of the `field` of an answer that is one. Throws INTERNAL (502) for bytes that are
 * none, and for a content type that is none.
 */
export function decodeHttpBody(wire: Uint8Array, field?: FieldDescriptor): DecodedHttpBody {
  try {
    return decode(field === undefined ? wire : (fieldValues(wire, field)[0] ?? NOTHING));
  } catch (error) {
    throw wireProblem(error);
  }
}

const NOTHING = new Uint8Array(0);
/** Groups in unknown fields. */
const MAX_DEPTH = 100;
/** RFC 9110 §5.5, without what is obsolete there. */
const HEADER_VALUE = /^[\t\x20-\x7e]*$/;

function decode(wire: Uint8Array): DecodedHttpBody {
  const reader = new WireReader(wire);
  let type: Uint8Array = NOTHING;
  let body: Uint8Array = NOTHING;
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if (tag !== CONTENT_TYPE * 8 + WIRE_LENGTH && tag !== DATA * 8 + WIRE_LENGTH) {
      reader.skip(tag, MAX_DEPTH);
      continue;
    }
    const length = reader.length();
    const value = wire.subarray(reader.at, reader.at + length);
    reader.at += length;
    if (tag >>> 3 === DATA) body = value;
    else type = value;
  }
  const contentType = Buffer.from(type).toString('latin1');
  if (!HEADER_VALUE.test(contentType)) throw new BrokenWire('HttpBody: content_type is no header value');
  return { contentType: contentType === '' ? 'application/octet-stream' : contentType, body };
}

/** Wire type 2: key, length, bytes (protobuf.dev/programming-guides/encoding). */
function lengthDelimited(fieldNumber: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([varint(fieldNumber * 8 + WIRE_LENGTH), varint(bytes.length), bytes]);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.of(...bytes, rest);
    bytes.push((rest % 128) + 128);
  }
}
