/** Writes one answer of the shape that the argument names, and prints by how much the process has grown. */
import { existsSync, readFileSync } from 'node:fs';
import { createCodecs } from '../../src/codec/codec.js';
import { JsonWriter } from '../../src/codec/json-writer.js';
import { WireWriter } from '../../src/codec/wire-writer.js';
import { StatusError } from '../../src/status/status-error.js';
import { JSON_OPTIONS } from '../support/json.js';
import { schemaOf } from '../support/schema.js';

const MiB = 1 << 20;
/** Half of it is enough to see how the memory grows. With TEST_ALL, as in CI, it is all. */
const WIRE = (process.env.TEST_ALL === undefined ? 4 : 8) * MiB;
const LIMIT = 2 * WIRE;
const LONG = `A_VALUE_WITH_A_NAME_THAT_GOES${'_ON'.repeat(20)}`;

const { registry } = schemaOf(`syntax = "proto3"; package t;
import "google/protobuf/struct.proto"; import "google/protobuf/wrappers.proto";
enum Color { NONE = 0; ${LONG} = 1; }
message Empty { string a_field_with_a_long_name = 1; int32 another_field_with_a_long_name = 2; }
message M { repeated Color colors = 1; repeated Empty nothing = 2; repeated int32 one = 3 [packed = false]; repeated int32 two = 4 [packed = false];
  repeated google.protobuf.Int64Value boxed = 5; map<string, string> texts = 6; map<int32, int32> numbers = 7; google.protobuf.Struct free = 8; }`);

/** Repeats what `record` writes until the wire is complete. */
function many(record: (writer: WireWriter, index: number) => void): Uint8Array {
  const writer = new WireWriter();
  for (let i = 0; writer.pos < WIRE; i++) record(writer, i);
  return writer.slice();
}

function entry(writer: WireWriter, field: number, write: () => void): void {
  writer.tag(field, 2);
  const start = writer.fork();
  write();
  writer.join(start);
}

const SHAPES: Readonly<Record<string, () => Uint8Array>> = {
  'packed enums with long names': () => {
    const writer = new WireWriter();
    writer.tag(1, 2);
    writer.delimited(Buffer.alloc(WIRE, 1));
    return writer.slice();
  },
  'empty messages, defaults written': () => many((writer) => entry(writer, 2, () => {})),
  'two lists in turn': () =>
    many((writer, i) => {
      // Ten elements and then the other list: as many spans as are allowed, and more.
      writer.tag(i % 16 < 8 ? 3 : 4, 0);
      writer.uint32(1);
    }),
  wrappers: () => many((writer) => entry(writer, 5, () => {})),
  'a map of texts': () =>
    many((writer, i) =>
      entry(writer, 6, () => {
        writer.tag(1, 2);
        writer.string(i.toString(36));
      }),
    ),
  'a map of numbers, each key twice': () =>
    many((writer, i) =>
      entry(writer, 7, () => {
        writer.tag(1, 0);
        writer.uint32(i >>> 1);
      }),
    ),
  'a Struct': () => {
    const entries = many((writer, i) =>
      entry(writer, 1, () => {
        writer.tag(1, 2);
        writer.string(i.toString(36));
        entry(writer, 2, () => {
          writer.tag(4, 0);
          writer.uint32(1);
        });
      }),
    );
    const writer = new WireWriter();
    writer.tag(8, 2);
    writer.delimited(entries);
    return writer.slice();
  },
};

const shape = process.argv[2] ?? '';
const wire = SHAPES[shape]!();
const options = { ...JSON_OPTIONS, maxBytes: LIMIT, emitDefaults: shape.includes('defaults') };
const codec = createCodecs(registry, options).of(registry.message('t.M')!);
const before = process.memoryUsage().rss;
let status = 200;
let written = 0;
try {
  written = new JsonWriter().collect((out) => codec.write(wire, out)).length;
} catch (error) {
  status = error instanceof StatusError ? error.httpStatus : 500;
}
const grown = peak() - before;
process.stdout.write(JSON.stringify({ grown, wire: wire.length, written, limit: LIMIT, status }));

/**
 * Returns the most memory that this process has had, in bytes. On Linux `maxRSS` begins with that of the process that started
 * this one, so the peak of this program alone is read from the kernel.
 */
function peak(): number {
  const status = '/proc/self/status';
  const [, kibibytes] = (existsSync(status) && /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(status, 'utf8'))) || [];
  return (kibibytes === undefined ? process.resourceUsage().maxRSS : Number(kibibytes)) * 1024;
}
