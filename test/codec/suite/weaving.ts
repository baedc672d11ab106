/** Without a socket: texts of path and query are read into fields, and path values are woven into bodies. */
import ava, { type ExecutionContext } from 'ava';
import { BoundMessage, bindText, isTextual } from '../../../src/codec/bound.js';
import type { CreateCodecs } from '../../../src/codec/codec.js';
import type { FieldDescriptor, MessageDescriptor } from '../../../src/schema/descriptor.js';
import type { StatusError } from '../../../src/status/status-error.js';
import { JSON_OPTIONS, jsonOf } from '../../support/json.js';
import { schemaOf } from '../../support/schema.js';

const { registry } = schemaOf({
  'a.proto': `syntax = "proto3";
package t;
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Color { NONE = 0; RED = 1; }
message All {
  string name = 1; int64 i64 = 2; double d = 3; bytes b = 4; bool yes = 5; Color color = 6; optional int32 maybe = 7;
  All child = 8; repeated int32 list = 9; repeated string texts = 10; map<int32, string> labels = 11;
  google.protobuf.Timestamp at = 12; google.protobuf.Duration wait = 13; google.protobuf.FieldMask mask = 14;
  google.protobuf.UInt32Value limit = 15; google.protobuf.Struct extra = 16; google.protobuf.Any any = 17;
  google.protobuf.Value value = 18; repeated google.protobuf.Timestamp times = 19; uint64 u64 = 20; float f = 21;
  map<string, google.protobuf.Duration> waits = 22;
  oneof scope { string site = 30; string host = 31; All inner = 32; }
}`,
  'b.proto': `syntax = "proto2";
package t;
message Old { required string name = 1; optional group Part = 2 { optional int32 n = 3; } repeated int32 loose = 4; }`,
});
const all = registry.message('t.All')!;
const old = registry.message('t.Old')!;
export function weavingCases(name: string, createCodecs: CreateCodecs): void {
  const test = (fact: string, body: (t: ExecutionContext) => void) => ava(`${name}: ${fact}`, body);
  const codecs = createCodecs(registry, JSON_OPTIONS);

  type Bindings = readonly (readonly [path: string, text: string, key?: string])[];

  function pathOf(dotted: string, root: MessageDescriptor): FieldDescriptor[] {
    let message = root;
    return dotted.split('.').map((name) => {
      const field = message.fieldNamed(name)!;
      if (field.type.kind === 'message') message = field.type.message;
      return field;
    });
  }

  function bind(bindings: Bindings, root = all): BoundMessage {
    const bound = new BoundMessage();
    for (const [path, text, key] of bindings) bindText(bound, pathOf(path, root), text, 'path', key);
    return bound;
  }

  /** Returns the message that the upstream would receive. */
  function woven(json: string | undefined, bindings: Bindings, root = all): unknown {
    const codec = codecs.of(root);
    const wire = codec.read(json === undefined ? undefined : Buffer.from(json), bind(bindings, root));
    return JSON.parse(jsonOf(codec, wire));
  }

  function violation(task: () => void): string {
    const [detail] = catchStatus(task).details;
    const [first] = (detail as unknown as { fieldViolations: { field: string; description: string }[] })
      .fieldViolations;
    return `${first?.field}: ${first?.description}`;
  }

  function catchStatus(task: () => void): StatusError {
    try {
      task();
    } catch (error) {
      return error as StatusError;
    }
    throw new Error('expected a StatusError, got none');
  }

  const values: readonly (readonly [path: string, text: string, json: unknown])[] = [
    ['i64', '-9223372036854775808', '-9223372036854775808'],
    ['i64', '-9007199254740993', '-9007199254740993'],
    ['i64', '1e3', '1000'],
    ['i64', '1.0', '1'],
    ['i64', '-4294967296', '-4294967296'],
    ['u64', '18446744073709551615', '18446744073709551615'],
    ['d', '-Infinity', '-Infinity'],
    ['d', 'NaN', 'NaN'],
    ['d', '-0', -0],
    ['b', '-_8', '+/8='],
    ['b', '+/8=', '+/8='],
    ['color', 'RED', 'RED'],
    ['color', '1', 'RED'],
    ['color', '7', 7],
    ['maybe', '0', 0],
    ['at', '2026-01-02T03:04:05.5+01:00', '2026-01-02T02:04:05.500Z'],
    ['at', '0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
    ['at', '9999-12-31T23:59:59.999999999Z', '9999-12-31T23:59:59.999999999Z'],
    ['at', '2024-02-29T00:00:00Z', '2024-02-29T00:00:00Z'],
    ['wait', '-0.5s', '-0.500s'],
    ['wait', '315576000000s', '315576000000s'],
    ['mask', 'display_name,a.bC', 'displayName,a.bC'],
    ['mask', '', ''],
    ['limit', '0', 0],
    ['name', '€ "', '€ "'],
  ];
  for (const [path, text, json] of values) {
    test(`text: ${path} takes ${text}`, (t) => t.deepEqual(woven(undefined, [[path, text]]), { [path]: json }));
  }

  const misfits: readonly (readonly [bindings: Bindings, message: string])[] = [
    [[['i64', 'a']], 'expected int64, got "a"'],
    [[['i64', '']], 'expected int64, got ""'],
    [[['i64', '+1']], 'expected int64, got "+1"'],
    [[['i64', ' 1']], 'expected int64, got " 1"'],
    [[['i64', '01']], 'expected int64, got "01"'],
    [[['i64', '0x10']], 'expected int64, got "0x10"'],
    [[['i64', '1.5']], 'expected int64, got "1.5"'],
    [[['i64', '9223372036854775808']], 'expected int64, got "9223372036854775808"'],
    [[['i64', '-9223372036854775809']], 'expected int64, got "-9223372036854775809"'],
    [[['i64', '1e1000000000000000000000']], 'expected int64, got "1e1000000000000000000000"'],
    [[['u64', '-1']], 'expected uint64, got "-1"'],
    [[['u64', '18446744073709551616']], 'expected uint64, got "18446744073709551616"'],
    [[['u64', '99999999999999999999']], 'expected uint64, got "99999999999999999999"'],
    [[['d', '1e400']], 'expected double, got "1e400"'],
    [[['f', '1e39']], 'expected float, got "1e39"'],
    [[['d', 'infinity']], 'expected double, got "infinity"'],
    [[['yes', '1']], 'expected true or false, got "1"'],
    [[['b', 'a']], 'expected base64, got "a"'],
    [[['b', 'YQ=']], 'expected base64, got "YQ="'],
    [[['color', 'PINK']], 'expected a value of t.Color, got "PINK"'],
    [[['at', '2026-02-29T00:00:00Z']], 'expected a Timestamp such as 2026-01-02T03:04:05Z, got "2026-02-29T00:00:00Z"'],
    [
      [['at', '0001-01-01T00:00:00+00:01']],
      'expected a Timestamp such as 2026-01-02T03:04:05Z, got "0001-01-01T00:00:00+00:01"',
    ],
    [[['wait', '3']], 'expected a Duration such as 3.5s, got "3"'],
    [[['wait', '315576000001s']], 'expected a Duration such as 3.5s, got "315576000001s"'],
    [[['limit', '-1']], 'expected uint32, got "-1"'],
    [
      [
        ['name', 'a'],
        ['name', 'a'],
      ],
      'expected once, found twice',
    ],
    [
      [
        ['labels', 'a', '7'],
        ['labels', 'b', '7.0'],
      ],
      'expected once, found twice',
    ],
    [
      [
        ['site', 'a'],
        ['host', 'b'],
      ],
      'expected at most one member of oneof scope, found site and host',
    ],
    [
      [
        ['inner.name', 'a'],
        ['host', 'b'],
      ],
      'expected at most one member of oneof scope, found inner and host',
    ],
    [[['i64', '7'.repeat(100)]], `expected int64, got "${'7'.repeat(40)}…"`],
  ];
  for (const [bindings, message] of misfits) {
    test(`text: ${message}, ${bindings[0]![0]}`, (t) => {
      t.throws(() => bind(bindings), { name: 'BindError', message });
    });
  }

  test('textual are scalars, enums and messages whose JSON is one text', (t) => {
    const names = all.fields.filter((field) => !isTextual(field)).map(({ name }) => name);
    t.deepEqual(names, ['child', 'extra', 'any', 'value', 'inner']);
  });

  test('repeated values are packed where the field is, maps keep each key', (t) => {
    const bound = bind([
      ['list', '1'],
      ['list', '0'],
      ['texts', ''],
      ['labels', 'x', '-1'],
      ['labels', '', '0'],
    ]);
    const wire = Buffer.from(codecs.of(all).read(undefined, bound)).toString('hex');
    t.is(wire, ['4a020100', '5200', '5a0e08ffffffffffffffffff01120178', '5a0408001200'].join(''));
    const loose = bind(
      [
        ['loose', '1'],
        ['loose', '2'],
        ['name', 'x'],
      ],
      old,
    );
    t.is(Buffer.from(codecs.of(old).read(undefined, loose)).toString('hex'), '200120020a0178');
  });

  test('a bound default is not written without presence, and written with it', (t) => {
    const wire = codecs.of(all).read(
      undefined,
      bind([
        ['name', ''],
        ['i64', '0'],
        ['maybe', '0'],
        ['child.name', ''],
      ]),
    );
    t.is(Buffer.from(wire).toString('hex'), '38004200');
  });

  const accepted: readonly (readonly [fact: string, json: string | undefined, bindings: Bindings, sent: unknown])[] = [
    ['no body at all', undefined, [['child.child.name', 'x']], { child: { child: { name: 'x' } } }],
    ['absent yields', '{"yes":true}', [['name', 'x']], { name: 'x', yes: true }],
    ['null yields', '{"name":null}', [['name', 'x']], { name: 'x' }],
    [
      'the default yields',
      '{"i64":"0","maybe":0}',
      [
        ['i64', '5'],
        ['maybe', '6'],
      ],
      { i64: '5', maybe: 6 },
    ],
    ['1e3 equals 1000', '{"i64":1e3}', [['i64', '1000']], { i64: '1000' }],
    ['an enum by number equals its name', '{"color":1}', [['color', 'RED']], { color: 'RED' }],
    ['base64 of both kinds is equal', '{"b":"+/8="}', [['b', '-_8']], { b: '+/8=' }],
    [
      'one instant in two zones is equal',
      '{"at":"2026-01-01T01:00:00+01:00"}',
      [['at', '2026-01-01T00:00:00Z']],
      { at: '2026-01-01T00:00:00Z' },
    ],
    ['a null message around it', '{"child":null}', [['child.name', 'x']], { child: { name: 'x' } }],
    ['an empty message around it', '{"child":{}}', [['child.name', 'x']], { child: { name: 'x' } }],
    [
      'two levels down, beside other fields',
      '{"child":{"yes":true,"child":{"i64":1,"name":"x"}}}',
      [['child.child.name', 'x']],
      { child: { yes: true, child: { i64: '1', name: 'x' } } },
    ],
    ['the bound member of a oneof again', '{"site":"a","host":null}', [['site', 'a']], { site: 'a' }],
  ];
  for (const [fact, json, bindings, sent] of accepted) {
    test(`weaving: ${fact}`, (t) => t.deepEqual(woven(json, bindings), sent));
  }

  const conflicts: readonly (readonly [fact: string, json: string, bindings: Bindings, says: string])[] = [
    ['another string', '{"name":"x"}', [['name', 'shelves/1']], 'name: expected "shelves/1" as in the path, got "x"'],
    [
      'another number deep inside',
      '{"child":{"i64":1}}',
      [['child.i64', '2']],
      'child.i64: expected "2" as in the path, got 1',
    ],
    ['no value for the field at all', '{"i64":"y"}', [['i64', '2']], 'i64: expected int64, got "y"'],
    [
      'another member of a oneof',
      '{"host":"b"}',
      [['site', 'a']],
      'host: expected at most one member of oneof scope, found site and host',
    ],
    [
      'a member of the oneof around the bound field',
      '{"host":"b"}',
      [['inner.name', 'a']],
      'host: expected at most one member of oneof scope, found inner and host',
    ],
    [
      'the conflict comes before a duplicate',
      '{"name":"a","name":"x"}',
      [['name', 'a']],
      'name: expected once, found twice',
    ],
    ['a list around the bound field', '{"child":[]}', [['child.name', 'a']], 'child: expected an object, got a list'],
  ];
  for (const [fact, json, bindings, says] of conflicts) {
    test(`weaving: refused: ${fact}`, (t) =>
      t.is(
        violation(() => woven(json, bindings)),
        says,
      ));
  }

  test('a body field: nothing, blank, null, woven, in conflict', (t) => {
    const codec = codecs.of(all);
    const child = all.fieldNamed('child')!;
    const read = (json: string | undefined, bindings: Bindings) => {
      const wire = codec.readField(child, json === undefined ? undefined : Buffer.from(json), bind(bindings));
      return JSON.parse(jsonOf(codec, wire));
    };
    t.deepEqual(read(undefined, []), { child: {} });
    t.deepEqual(read(undefined, [['name', 'q']]), { name: 'q', child: {} });
    t.deepEqual(read('null', []), {});
    const inner = all.fieldNamed('inner')!;
    const otherMember = codec.readField(inner, undefined, bind([['site', 's']]));
    t.deepEqual(JSON.parse(jsonOf(codec, otherMember)), { site: 's' });
    t.deepEqual(read(undefined, [['child.name', 'x']]), { child: { name: 'x' } });
    t.deepEqual(read(' \n', [['child.name', 'x']]), { child: { name: 'x' } });
    t.deepEqual(read('null', [['child.name', 'x']]), { child: { name: 'x' } });
    t.deepEqual(
      read('{"yes":true}', [
        ['child.name', 'x'],
        ['mask', 'yes'],
      ]),
      { child: { yes: true, name: 'x' }, mask: 'yes' },
    );
    t.is(
      violation(() => read('{"name":"z"}', [['child.name', 'x']])),
      'name: expected "x" as in the path, got "z"',
    );
    t.is(
      violation(() => read('{"host":"z","yes":1}', [])),
      'yes: expected true or false, got 1',
    );
    t.is(
      violation(() => read('7', [])),
      'body: expected an object, got 7',
    );
  });

  test('proto2: a required field may be bound, woven or missing; groups are read', (t) => {
    t.deepEqual(woven('{"part":{"n":1}}', [['name', 'x']], old), { name: 'x', part: { n: 1 } });
    t.is(
      violation(() => woven('{"part":{"n":1}}', [], old)),
      'name: expected a value for this required field, got none',
    );
    t.is(
      violation(() => woven(undefined, [], old)),
      'name: expected a value for this required field, got none',
    );
    t.is(
      violation(() => woven('{"name":null}', [], old)),
      'name: expected a value, got null',
    );
  });

  test('text that is no JSON is that, not a wrong value', (t) => {
    t.is(
      violation(() => woven('{"name":tru}', [])),
      'body: line 1:9: expected a value, got "t"',
    );
    t.is(
      violation(() => woven('nul', [])),
      'body: line 1:1: expected a value, got "n"',
    );
    t.is(
      violation(() => woven('{\n  "name" 1}', [])),
      'body: line 2:10: expected ":", got "1"',
    );
  });

  test('after an error a reader reads the next body correctly', (t) => {
    for (let i = 0; i < 50; i++) t.throws(() => woven('{"child":{"child":{"child":{"name":1', []));
    t.deepEqual(woven('{"child":{"name":"x"},"site":"s"}', []), { child: { name: 'x' }, site: 's' });
  });
}
