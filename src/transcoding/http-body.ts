/**
 * google.api.HttpBody (google/api/httpbody.proto) passes as it is: its bytes are the HTTP body, its content type is the
 * content type, both ways. Nothing of it becomes JSON (rules 15 and 18, unary).
 *
 *     PUT /v1/files/a.png   content-type: image/png   ‹bytes›
 *     → HttpBody { 1: "image/png", 2: ‹bytes› }
 */
import type { MessageCodec } from '../codec/codec.js';
import type { FieldDescriptor, MessageDescriptor } from '../schema/descriptor.js';

const HTTP_BODY = 'google.api.HttpBody';

export function isHttpBody(message: MessageDescriptor): boolean {
  return message.fullName === HTTP_BODY;
}

export function isHttpBodyField({ type, cardinality }: FieldDescriptor): boolean {
  return cardinality === 'singular' && type.kind === 'message' && isHttpBody(type.message);
}

/** The bytes of an HttpBody message. */
export function encodeHttpBody(contentType: string | undefined, data: Uint8Array): Uint8Array {
  const type = Buffer.from(contentType ?? '');
  return Buffer.concat([lengthDelimited(1, type), lengthDelimited(2, data)]);
}

/** A length-delimited field around the bytes of a message. */
export function encodeField({ number }: FieldDescriptor, message: Uint8Array): Uint8Array {
  return lengthDelimited(number, message);
}

export interface DecodedHttpBody {
  readonly contentType: string;
  readonly body: Buffer;
}

/** The parts of an HttpBody answer; broken bytes throw as the codec says. */
export function decodeHttpBody(codec: MessageCodec, wire: Uint8Array): DecodedHttpBody {
  const json = JSON.parse(Buffer.from(codec.write(wire)).toString('utf8')) as { contentType?: string; data?: string };
  return {
    contentType: json.contentType ?? 'application/octet-stream',
    body: Buffer.from(json.data ?? '', 'base64'),
  };
}

/** Wire type 2: key, length, bytes (protobuf.dev/programming-guides/encoding). */
function lengthDelimited(fieldNumber: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([varint(fieldNumber * 8 + 2), varint(bytes.length), bytes]);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.of(...bytes, rest);
    bytes.push((rest % 128) + 128);
  }
}
