/**
 * Compares random messages of every kind with an independent implementation, @bufbuild/protobuf: both must write the same
 * JSON and read the same values.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileRegistry, fromBinary, fromJsonString, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import ava, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { CreateCodecs } from '../../../src/codec/codec.js';
import { buf } from '../../support/buf.js';
import { casesOf } from '../../support/draws.js';
import { JSON_OPTIONS, jsonOf } from '../../support/json.js';
import { pause } from '../../support/pause.js';
import { schemaOf } from '../../support/schema.js';

const PROTO = `syntax = "proto3";
package t;
import "google/protobuf/duration.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Color { NONE = 0; RED = 1; BLUE = -1; }
message All {
  int32 a = 1; int64 b = 2; uint32 c = 3; uint64 d = 4; sint32 e = 5; sint64 f = 6;
  fixed32 g = 7; fixed64 h = 8; sfixed32 i = 9; sfixed64 j = 10; double k = 11; float l = 12; bool m = 13;
  string n = 14; bytes o = 15; Color p = 16; All child = 17;
  repeated int32 rep_a = 21; repeated sint64 rep_f = 22; repeated double rep_k = 23; repeated string rep_n = 24;
  repeated Color rep_p = 25; repeated All rep_child = 26; repeated fixed64 rep_h = 27; repeated bytes rep_o = 28;
  map<string, int64> map_s = 31; map<int32, All> map_i = 32; map<bool, string> map_b = 33; map<uint64, Color> map_u = 34;
  oneof kind { string one = 41; int64 two = 42; All three = 43; }
  optional int32 opt_a = 51; optional string opt_n = 52;
  google.protobuf.Timestamp at = 61; google.protobuf.Duration wait = 62; google.protobuf.Struct struct = 63;
  google.protobuf.Value value = 64; google.protobuf.Int64Value wrapped = 65; google.protobuf.StringValue text = 66;
}
`;

const { registry } = schemaOf(PROTO);
/** Compiles the same proto with buf. */
function oracleSchema() {
  const folder = mkdtempSync(join(tmpdir(), 'protogate-oracle-'));
  writeFileSync(join(folder, 't.proto'), PROTO);
  const set = buf(['build', '-o', '-#format=binpb'], { cwd: folder });
  rmSync(folder, { recursive: true });
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, set)).getMessage('t.All')!;
}
const oracle = oracleSchema();

const int = (min: bigint, max: bigint) => fc.bigInt(min, max).map(String);
const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const base64 = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('base64'));
const double = fc.double({ noNaN: true, noDefaultInfinity: true });
const float = fc.float({ noNaN: true, noDefaultInfinity: true });
const i32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const i64 = int(-(2n ** 63n), 2n ** 63n - 1n);
const u64 = int(0n, 2n ** 64n - 1n);
const color = fc.constantFrom('NONE', 'RED', 'BLUE');
const json = fc.jsonValue({ maxDepth: 2 }).filter((value) => !JSON.stringify(value).includes('e+3'));
const seconds = fc.integer({ min: -62_135_596_800, max: 253_402_300_799 });
const timestamp = seconds.map((value) => new Date(value * 1000).toISOString().replace('.000Z', 'Z'));
const duration = fc
  .tuple(fc.integer({ min: -1e9, max: 1e9 }), fc.constantFrom('', '.500', '.000001', '.123456789'))
  .map(([s, f]) => `${s}${f}s`);
const list = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 1, maxLength: 4 });

/** Draws messages with every kind of field; `child` draws the messages in them. */
function messages(child: fc.Arbitrary<object>): fc.Arbitrary<object> {
  const fields = {
    a: i32,
    b: i64,
    c: u32,
    d: u64,
    e: i32,
    f: i64,
    g: u32,
    h: u64,
    i: i32,
    j: i64,
    k: double,
    l: float,
    m: fc.boolean(),
    n: text,
    o: base64,
    p: color,
    child,
    repA: list(i32),
    repF: list(i64),
    repK: list(double),
    repN: list(text),
    repP: list(color),
    repChild: list(child),
    repH: list(u64),
    repO: list(base64),
    mapS: fc.dictionary(text, i64, { minKeys: 1, maxKeys: 3 }),
    mapI: fc.dictionary(i32.map(String), child, { minKeys: 1, maxKeys: 2 }),
    mapB: fc.dictionary(fc.constantFrom('true', 'false'), text, { minKeys: 1 }),
    mapU: fc.dictionary(u64, color, { minKeys: 1, maxKeys: 3 }),
    one: text,
    optA: i32,
    optN: text,
    at: timestamp,
    wait: duration,
    struct: fc.dictionary(text, json, { maxKeys: 3 }),
    value: json,
    wrapped: i64,
    text,
  };
  return fc.record(fields, { requiredKeys: [], noNullPrototype: true });
}

const all = messages(messages(fc.constant({})));

const RUNS = { numRuns: casesOf(400), seed: 20_261_123 };

export function oracleCases(name: string, createCodecs: CreateCodecs): void {
  const test = (fact: string, body: (t: ExecutionContext) => Promise<void>) => ava(`${name}: ${fact}`, body);
  const codec = createCodecs(registry, JSON_OPTIONS).of(registry.message('t.All')!);

  test('JSON → wire means the same to the oracle', async (t) => {
    await fc.assert(
      fc.asyncProperty(all, async (message) => {
        await pause();
        const source = JSON.stringify(message);
        const ours = fromBinary(oracle, codec.read(Buffer.from(source)));
        t.deepEqual(toJson(oracle, ours) as JsonValue, toJson(oracle, fromJsonString(oracle, source)) as JsonValue);
      }),
      RUNS,
    );
  });

  test('wire → JSON is what the oracle writes', async (t) => {
    await fc.assert(
      fc.asyncProperty(all, async (message) => {
        await pause();
        const reference = fromJsonString(oracle, JSON.stringify(message));
        const wire = toBinary(oracle, reference);
        const ours = jsonOf(codec, wire);
        t.deepEqual(asFloats(ours), asFloats(JSON.stringify(toJson(oracle, reference))));
      }),
      RUNS,
    );
  });
}

/**
 * Replaces doubles by the shortest texts of the same floats: the oracle writes floats as doubles, and our codec writes the
 * shortest text.
 */
function asFloats(text: string): unknown {
  return JSON.parse(text, (key, value) => (key === 'l' && typeof value === 'number' ? Math.fround(value) : value));
}
