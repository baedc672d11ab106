/** The two libraries that the codec is compared with: @bufbuild/protobuf, and protobufjs with `ext/protojson`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileRegistry, fromBinary, fromJsonString, toBinary, toJsonString } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import protobuf from 'protobufjs';
import { buf } from '../test/support/buf.js';

/** Converts messages of one type. */
export interface PeerCodec {
  read(json: Uint8Array): Uint8Array;
  write(wire: Uint8Array): Uint8Array;
}

export async function peerCodecs(proto: string) {
  const folder = mkdtempSync(join(tmpdir(), 'protogate-peers-'));
  try {
    writeFileSync(join(folder, 't.proto'), proto);
    const set = buf(['build', '-o', '-#format=binpb'], { cwd: folder });
    return [bufbuild(set), protobufjs(set)];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function bufbuild(set: Uint8Array) {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, set));
  const codecOf = (type: string): PeerCodec => {
    const schema = registry.getMessage(type)!;
    return {
      read: (json) =>
        toBinary(schema, fromJsonString(schema, Buffer.from(json.buffer, json.byteOffset, json.length).toString())),
      write: (wire) => Buffer.from(toJsonString(schema, fromBinary(schema, wire))),
    };
  };
  return { name: '@bufbuild/protobuf', codecOf };
}

function protobufjs(set: Uint8Array) {
  const load = createRequire(import.meta.url);
  load('protobufjs/ext/descriptor');
  (load('protobufjs/ext/protojson') as { install?: (module: unknown) => void }).install?.(protobuf);
  const fromSet = protobuf.Root as unknown as { fromDescriptor(set: Uint8Array): protobuf.Root };
  const root = fromSet.fromDescriptor(set);
  const codecOf = (type: string): PeerCodec => {
    const message = root.lookupType(type) as protobuf.Type & {
      fromJsonString(json: string): protobuf.Message;
      toJsonString(message: protobuf.Message): string;
    };
    return {
      read: (json) =>
        message
          .encode(message.fromJsonString(Buffer.from(json.buffer, json.byteOffset, json.length).toString()))
          .finish(),
      write: (wire) => Buffer.from(message.toJsonString(message.decode(wire))),
    };
  };
  return { name: 'ext/protojson', codecOf };
}
