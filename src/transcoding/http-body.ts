/**
 * This module passes google.api.HttpBody (google/api/httpbody.proto) unchanged in both directions: its bytes are the HTTP body,
 * and its content type is the content type. None of it becomes JSON (docs/http-mapping.md#files-and-other-content-httpbody).
 *
 *     PUT /v1/files/a.png   content-type: image/png   ‹bytes›
 *     → HttpBody { 1: "image/png", 2: ‹bytes› }
 */
import { wireProblem } from '../codec/codec.js';
import { fieldValues } from '../codec/field-values.js';
import { BrokenWire, WIRE_LENGTH, WireReader } from '../codec/wire-reader.js';
import type { FieldDescriptor } from '../schema/descriptor.js';
import { gatewayError } from '../status/status-error.js';

const CONTENT_TYPE = 1;
const DATA = 2;

/**
 * Encodes an HttpBody message. `contentType` is undefined if the client sent none, or if an earlier message of the same upload
 * has it. Throws 415 if it is no valid header value.
 */
export function encodeHttpBody(contentType: string | undefined, data: Uint8Array): Uint8Array {
  const encoded = lengthDelimited(DATA, data);
  if (contentType === undefined) return encoded;
  // A content type that no answer could have must not reach an upstream that stores it.
  if (!HEADER_VALUE.test(contentType))
    throw gatewayError('UNSUPPORTED_MEDIA_TYPE', 'content-type: expected a media type in ASCII, got other characters');
  return Buffer.concat([lengthDelimited(CONTENT_TYPE, Buffer.from(contentType)), encoded]);
}

/** Encodes a length-delimited field that holds the bytes of a message. */
export function encodeField({ number }: FieldDescriptor, message: Uint8Array): Uint8Array {
  return lengthDelimited(number, message);
}

export interface DecodedHttpBody {
  readonly contentType: string;
  /** A part of the message's bytes, without a copy. */
  readonly body: Uint8Array;
}

/**
 * Reads an HttpBody answer, or the `field` of an answer that is an HttpBody. Throws INTERNAL (502) if the bytes do not
 * parse, or if the content type is no valid header value.
 */
export function decodeHttpBody(wire: Uint8Array, field?: FieldDescriptor): DecodedHttpBody {
  try {
    return decode(field === undefined ? wire : (fieldValues(wire, field)[0] ?? NOTHING));
  } catch (error) {
    throw wireProblem(error);
  }
}

const NOTHING = new Uint8Array(0);
/** The most levels of nested groups in unknown fields. */
const MAX_DEPTH = 100;
/** Matches a header value (RFC 9110 §5.5) without the obsolete bytes from 0x80 on. */
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
  if (!HEADER_VALUE.test(contentType))
    throw new BrokenWire('google.api.HttpBody: expected a content_type that is a valid header value');
  return { contentType: contentType === '' ? 'application/octet-stream' : contentType, body };
}

/** Encodes a field of wire type 2: key, length, bytes (protobuf.dev/programming-guides/encoding). */
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
