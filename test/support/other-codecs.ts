/** Two other libraries for protobuf and its JSON: @bufbuild/protobuf, and protobufjs with `ext/protojson`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileRegistry, fromBinary, fromJsonString, toBinary, toJsonString } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import protobuf from 'protobufjs';
import { buf } from './buf.js';

/** Converts messages of one type. Each function throws if it refuses its input. */
export interface OtherCodec {
  readonly name: string;
  write(wire: Uint8Array): string;
  read(json: string): Uint8Array;
}

/** Compiles the protos. Returns for each library a function that returns the codec of a message type. */
export function otherCodecs(files: Readonly<Record<string, string>>): readonly ((type: string) => OtherCodec)[] {
  const folder = mkdtempSync(join(tmpdir(), 'protogate-codecs-'));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const set = buf(['build', '-o', '-#format=binpb'], { cwd: folder, maxBuffer: 1 << 28 });
    return [bufbuild(set), protobufjs(set)];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function bufbuild(set: Uint8Array) {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, set));
  return (type: string): OtherCodec => {
    const schema = registry.getMessage(type)!;
    return {
      name: '@bufbuild/protobuf',
      write: (wire) => toJsonString(schema, fromBinary(schema, wire), { registry }),
      read: (json) => toBinary(schema, fromJsonString(schema, json, { registry })),
    };
  };
}

function protobufjs(set: Uint8Array) {
  const load = createRequire(import.meta.url);
  load('protobufjs/ext/descriptor');
  (load('protobufjs/ext/protojson') as { install?: (module: unknown) => void }).install?.(protobuf);
  const fromSet = protobuf.Root as unknown as { fromDescriptor(set: Uint8Array): protobuf.Root };
  const root = fromSet.fromDescriptor(set);
  return (type: string): OtherCodec => {
    const message = root.lookupType(type) as protobuf.Type & {
      fromJsonString(json: string): protobuf.Message;
      toJsonString(message: protobuf.Message): string;
    };
    return {
      name: 'ext/protojson',
      write: (wire) => message.toJsonString(message.decode(wire)),
      read: (json) => message.encode(message.fromJsonString(json)).finish(),
    };
  };
}
