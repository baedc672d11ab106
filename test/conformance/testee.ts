/**
 * The testee of protobuf's official conformance runner. It reads requests on stdin and writes answers on stdout
 * (conformance/conformance.proto). The messages of the tests pass through our codec alone; protobufjs only unpacks the
 * runner's own envelope.
 *
 * protogate has no message objects, so binary to binary does what the gateway does with bytes that it passes on: it reads
 * them whole, refuses broken ones, and sends the others unchanged.
 */
import { readFileSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { createCodecs } from '../../src/codec/codec.js';
import { validateWire } from '../../src/codec/validate.js';
import type { Registry } from '../../src/schema/descriptor.js';
import { loadSchema } from '../../src/schema/source.js';
import { JSON_OPTIONS, jsonOf } from '../support/json.js';

interface ConformanceRequest {
  readonly protobuf_payload?: Uint8Array;
  readonly json_payload?: string;
  readonly requested_output_format: string;
  readonly message_type: string;
  readonly test_category: string;
}

type ConformanceResponse =
  | { readonly parse_error: string }
  | { readonly serialize_error: string }
  | { readonly skipped: string }
  | { readonly protobuf_payload: Uint8Array }
  | { readonly json_payload: string };

/** Serves until stdin ends. `include` is the runner's folder of protos. */
export async function serveConformance(include: string): Promise<void> {
  const envelope = new protobuf.Root();
  protobuf.parse(readFileSync(join(include, 'conformance/conformance.proto'), 'utf8'), envelope, { keepCase: true });
  const requestType = envelope.lookupType('conformance.ConformanceRequest');
  const responseType = envelope.lookupType('conformance.ConformanceResponse');
  const { registry } = loadSchema({ protos: [include], imports: [], descriptorSets: [] });
  const answer = createTestee(registry);
  for (let head = read(4); head !== undefined; head = read(4)) {
    const request = requestType.decode(read(head.readUInt32LE(0)) ?? Buffer.alloc(0));
    const plain = requestType.toObject(request, {
      enums: String,
      defaults: true,
      oneofs: true,
    }) as ConformanceRequest & {
      payload?: string;
    };
    const bytes = responseType.encode(responseType.fromObject(answer(plain, plain.payload))).finish();
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    writeAll(Buffer.concat([length, bytes]));
  }
}

function createTestee(registry: Registry) {
  const strict = createCodecs(registry, JSON_OPTIONS);
  const lenient = createCodecs(registry, { ...JSON_OPTIONS, unknownFields: 'ignore' });

  return (request: ConformanceRequest, payload: string | undefined): ConformanceResponse => {
    const { message_type, requested_output_format: format } = request;
    if (message_type === 'conformance.FailureSet') return { protobuf_payload: new Uint8Array() };
    const message = registry.message(message_type);
    if (message === undefined) return { skipped: `no message ${message_type}` };
    if (format !== 'PROTOBUF' && format !== 'JSON') return { skipped: `no ${format}` };
    const codec = (request.test_category === 'JSON_IGNORE_UNKNOWN_PARSING_TEST' ? lenient : strict).of(message);
    let wire: Uint8Array;
    try {
      if (payload === 'json_payload') wire = codec.read(Buffer.from(request.json_payload ?? ''));
      else if (payload === 'protobuf_payload') {
        wire = request.protobuf_payload ?? new Uint8Array();
        validateWire(message, wire, JSON_OPTIONS.maxDepth);
      } else return { skipped: `no ${payload}` };
    } catch (error) {
      return { parse_error: (error as Error).message };
    }
    if (format === 'PROTOBUF') return { protobuf_payload: wire };
    try {
      return { json_payload: jsonOf(codec, wire) };
    } catch (error) {
      return { serialize_error: (error as Error).message };
    }
  };
}

/** Reads exactly so many bytes from stdin; undefined at its end. */
function read(count: number): Buffer | undefined {
  const bytes = Buffer.alloc(count);
  for (let at = 0; at < count; ) {
    const got = readSync(0, bytes, at, count - at, null);
    if (got === 0) return undefined;
    at += got;
  }
  return bytes;
}

function writeAll(bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
}
