/** Masks are filled and guarded in steps, so that no body holds the event loop for long. Drawn strings do not change a mask. */
import test from 'ava';
import type { Steps } from '../../src/base/slices.js';
import { createCodecs } from '../../src/codec/codec.js';
import { registryWithout } from '../../src/schema/field-omission.js';
import { StatusError } from '../../src/status/status-error.js';
import { compileMaskGuard } from '../../src/transcoding/mask-guard.js';
import { compileUpdateMask } from '../../src/transcoding/update-mask.js';
import { draws } from '../support/draws.js';
import { JSON_OPTIONS } from '../support/json.js';
import { schemaOf } from '../support/schema.js';

const { registry } = schemaOf(`syntax = "proto3"; package t;
import "google/protobuf/any.proto";
import "google/protobuf/field_mask.proto";
message Node {
  string name = 1; repeated Node nodes = 2; google.protobuf.FieldMask mask = 3; string notes = 5;
  repeated google.protobuf.Any anys = 6; map<string, Node> map = 7; Node left = 8; Node right = 9; string title = 10;
}
message Update { Node node = 1; google.protobuf.FieldMask update_mask = 2; }
service Nodes { rpc Change(Update) returns (Node); }`);
const view = registryWithout(registry, new Set(['t.Node.notes']));
const method = view.services.find(({ fullName }) => fullName === 't.Nodes')!.methods[0]!;
const field = method.input.fieldNamed('node')!;
const binding = { httpMethod: 'PATCH', method, body: { kind: 'field', field }, variables: [] } as unknown as Parameters<
  typeof compileUpdateMask
>[0];
const { pathsOf } = compileUpdateMask(binding, 100)!;
const guard = compileMaskGuard(view, binding)!;
const codec = createCodecs(view, { ...JSON_OPTIONS, unknownFields: 'ignore' }).of(method.input);

/** Returns the result of the steps and their number. */
function counted<T>(steps: Steps<T>): [result: T, count: number] {
  for (let count = 1; ; count++) {
    const { done, value } = steps.next();
    if (done === true) return [value, count];
  }
}

const BYTES = 1 << 18;
const LARGE: readonly (readonly [name: string, open: string, one: (n: number) => string, close: string])[] = [
  ['unknown keys', '{', (n) => `"${n}":0,`, '"name":""}'],
  ['keys in a nested message', '{"left":{', (n) => `"${n}":0,`, '"name":""}}'],
  ['a list of empty messages', '{"nodes":[', () => '{},', '{}]}'],
  ['a list of messages', '{"nodes":[', () => '{"name":"a"},', '{}]}'],
  ['a mask of many paths', '{"mask":"', () => 'name,', 'name"}'],
  ['a list of Anys', '{"anys":[', () => '{"@type":"x/t.Node","name":"a"},', '{"@type":"x/t.Node"}]}'],
  ['a map', '{"map":{', (n) => `"${n}":{},`, '"name":{}}}'],
];

for (const [name, open, one, close] of LARGE) {
  test(`${name}: the mask is filled and guarded in many steps`, (t) => {
    const parts = [open];
    for (let n = 0, size = 0; size < BYTES; n++) {
      parts.push(one(n));
      size += parts.at(-1)!.length;
    }
    const json = Buffer.from([...parts, close].join(''));
    const [paths, steps] = counted(pathsOf(json));
    t.deepEqual(
      paths,
      [Object.keys(JSON.parse(json.toString())).findLast((key) => Number.isNaN(Number(key)))].map(nested),
    );
    // One long string is searched by a native function.
    t.true(name === 'a mask of many paths' || steps > 20, `${steps} steps`);
    const wire = codec.readField(field, json);
    const [guarded, guardSteps] = counted(guard(wire));
    t.is(guarded, wire);
    t.true(wire.length < 1000 || guardSteps > 10, `${guardSteps} steps for ${wire.length} bytes`);
  });
}

const nested = (key: string | undefined) => (key === 'left' ? 'left.name' : key);

test('strings with quotes and backslashes, short and long, do not change the paths of a mask', (t) => {
  const draw = draws(3);
  const keys = ['name', 'mask', 'nodes', 'map', 'title'];
  const pieces = ['"', '\\', '\\\\"', 'plain text ', '}', ',', '\n', 'é'];
  for (let i = 0; i < 2000; i++) {
    const text = () => Array.from({ length: draw([3, 100][draw(2)]!) }, () => pieces[draw(pieces.length)]).join('');
    const sent = keys.filter(() => draw(2) === 0);
    const body = Object.fromEntries(sent.map((key) => [key, draw(2) === 0 ? text() : [text(), { [text()]: text() }]]));
    const [paths] = counted(pathsOf(Buffer.from(JSON.stringify(body))));
    if (paths.join() !== sent.join()) return void t.deepEqual(paths, sent);
  }
  t.pass();
});

/** Returns the JSON of a tree whose leaves are empty messages. */
const tree = (depth: number): string => (depth === 0 ? '{}' : `{"left":${tree(depth - 1)},"right":${tree(depth - 1)}}`);

test('a body with more fields than a mask can name is refused', (t) => {
  t.is(counted(pathsOf(Buffer.from(tree(14))))[0].length, 1 << 14);
  const error = t.throws(() => counted(pathsOf(Buffer.from(tree(17)))), { instanceOf: StatusError });
  t.regex(JSON.stringify(error.details), /expected at most 65536 fields/);
});

test('a path of more than a thousand names is refused as one that names no field', (t) => {
  const wire = (names: number) => codec.readField(field, Buffer.from(`{"mask":"${'left.'.repeat(names - 1)}name"}`));
  t.notThrows(() => counted(guard(wire(1000))));
  const error = t.throws(() => counted(guard(wire(1001))), { instanceOf: StatusError });
  t.regex(JSON.stringify(error.details), /expected paths of fields/);
});

test('a mask that is narrowed has each path once, however often it was sent', (t) => {
  const wire = codec.read(Buffer.from(`{"node":{},"updateMask":"${'*,'.repeat(50_000)}name"}`));
  const [narrowed, steps] = counted(guard(wire));
  t.true(narrowed.length < 200, `${narrowed.length} bytes`);
  t.true(steps > 100, `${steps} steps`);
});
