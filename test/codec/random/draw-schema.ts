/** Draws protos: messages with fields of every type, in proto2 and proto3, whose numbers are not always in order. */
import type { MessageDescriptor, Registry } from '../../../src/schema/descriptor.js';
import { draws } from '../../support/draws.js';
import { schemaOf } from '../../support/schema.js';

type Draw = (n: number) => number;

const SCALARS =
  'double float int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64 bool string bytes'.split(' ');
const KEYS = 'int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64 bool string'.split(' ');
const WELL_KNOWN = [
  'Timestamp',
  'Duration',
  'FieldMask',
  'Struct',
  'Value',
  'ListValue',
  'Any',
  'Empty',
  'NullValue',
  'DoubleValue',
  'FloatValue',
  'Int64Value',
  'UInt64Value',
  'Int32Value',
  'UInt32Value',
  'BoolValue',
  'StringValue',
  'BytesValue',
].map((name) => `google.protobuf.${name}`);
const IMPORTS = ['any', 'duration', 'empty', 'field_mask', 'struct', 'timestamp', 'wrappers'];
/** The messages of a drawn proto, which may contain each other. The first one is the outermost. */
export const MESSAGES = ['M0', 'M1', 'M2'];

/** Returns the text of a proto in package `t`. */
export function drawProto(draw: Draw): string {
  const isOld = draw(3) === 0;
  const imports = IMPORTS.map((name) => `import "google/protobuf/${name}.proto";`).join('\n');
  const enums = `enum Open { ${isOld ? 'A = 1;' : 'NONE = 0; A = 1;'} LONG_NAME_OF_A_VALUE = 2; MINUS = -1; FAR = 70000; }`;
  const messages = MESSAGES.map((name) => drawMessage(draw, name, isOld)).join('\n');
  return `syntax = "${isOld ? 'proto2' : 'proto3'}";\npackage t;\n${imports}\n${enums}\n${messages}\n`;
}

function drawMessage(draw: Draw, name: string, isOld: boolean): string {
  const count = 1 + draw(9);
  const numbers = new Set<number>();
  while (numbers.size < count) numbers.add(draw(12) === 0 ? 200 + draw(4000) : 1 + draw(15));
  // Half of the messages are declared in the order of their numbers, as most are.
  const ordered = draw(2) === 0 ? [...numbers] : [...numbers].sort((a, b) => a - b);
  const parts: string[] = [];
  let oneofs = 0;
  for (let i = 0; i < ordered.length; i++) {
    if (draw(5) === 0 && i + 1 < ordered.length) {
      const members = ordered.slice(i, i + 3).map((number) => `${drawType(draw)} f_${number} = ${number};`);
      parts.push(`oneof one${oneofs++} { ${members.join(' ')} }`);
      i += 2;
    } else parts.push(drawField(draw, ordered[i]!, isOld));
  }
  return `message ${name} { ${parts.join(' ')} }`;
}

function drawType(draw: Draw): string {
  switch (draw(6)) {
    case 0:
      return 'Open';
    case 1:
      return MESSAGES[draw(MESSAGES.length)]!;
    case 2:
      return WELL_KNOWN[draw(WELL_KNOWN.length)]!;
    default:
      return SCALARS[draw(SCALARS.length)]!;
  }
}

function drawField(draw: Draw, number: number, isOld: boolean): string {
  const name = `f_${number}`;
  if (draw(6) === 0) return `map<${KEYS[draw(KEYS.length)]}, ${drawType(draw)}> ${name} = ${number};`;
  if (isOld && draw(8) === 0) {
    const label = draw(2) === 0 ? 'optional' : 'repeated';
    return `${label} group G${number} = ${number} { ${label} int32 a = 2; optional string b = 1; }`;
  }
  const label = draw(3) === 0 ? 'repeated' : isOld || draw(4) === 0 ? 'optional' : '';
  return `${label} ${drawType(draw)} ${name} = ${number};`;
}

export interface DrawnSchema {
  readonly seed: number;
  /** Draws on, behind the schema. */
  readonly draw: Draw;
  readonly proto: string;
  /** The registry of a batch of schemas. */
  readonly registry: Registry;
  /** The outermost message. */
  readonly message: MessageDescriptor;
}

/** Loading many schemas together is much faster than one by one. */
const BATCH = 50;

/** Draws `count` schemas, each in a package of its own. `change` may change the text of a schema. */
export function* drawSchemas(
  seed: number,
  count: number,
  change = (proto: string) => proto,
): Generator<readonly DrawnSchema[]> {
  for (let from = 0; from < count; from += BATCH) {
    const drawn = Array.from({ length: Math.min(BATCH, count - from) }, (_, index) => {
      const draw = draws(seed + from + index);
      const proto = change(drawProto(draw)).replace('package t;', `package t${index};`);
      return { seed: seed + from + index, draw, proto };
    });
    const { registry } = schemaOf(filesOf(drawn));
    yield drawn.map((one, index) => ({ ...one, registry, message: registry.message(`t${index}.${MESSAGES[0]}`)! }));
  }
}

/** Returns the protos as files. */
export function filesOf(drawn: readonly { readonly proto: string }[]): Record<string, string> {
  return Object.fromEntries(drawn.map(({ proto }, index) => [`t${index}.proto`, proto]));
}
