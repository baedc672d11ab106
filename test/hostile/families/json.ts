/** JSON bodies: values of every kind, the grammar octet by octet, names, depth, duplicates, well-known types. */
import type { TestGateway } from '../../support/gateway.js';
import { BODY_BYTES, sharedApi } from '../api.js';
import { type Case, type Family, shown } from '../family.js';
import { http1Case, type Sees } from '../http1.js';
import { integers, scalars, times, type Value } from './values.js';

export const jsonValues: Family = {
  name: 'values in JSON',
  async cases(t) {
    const gateway = await sharedApi(t);
    return [...integers(), ...scalars(), ...times()].flatMap((value) => valueCases(gateway, value));
  },
};

export const jsonTexts: Family = {
  name: 'JSON as text',
  async cases(t) {
    const gateway = await sharedApi(t);
    return [...grammar(gateway), ...octets(gateway), ...depth(gateway)];
  },
};

export const jsonFields: Family = {
  name: 'fields and well-known types in JSON',
  async cases(t) {
    const gateway = await sharedApi(t);
    return [...wrongTypes(gateway), ...names(gateway), ...wellKnown(gateway)];
  },
};

function json(gateway: TestGateway, body: string | Buffer, sees?: Sees, status = sees === undefined ? 400 : 200): Case {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const head = `POST /v1/all HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${bytes.length}\r\n\r\n`;
  return http1Case(gateway, {
    fact: shown(bytes.toString('latin1')),
    bytes: Buffer.concat([Buffer.from(head), bytes]),
    status,
    ends: status === 413,
    ...(sees === undefined ? { reason: status === 413 ? 'BODY_TOO_LARGE' : 'INVALID_BODY' } : { sees }),
  });
}

/** In quotes, and without them where JSON allows it. Doubles and integers take both, bools and enums do not. */
function valueCases(gateway: TestGateway, { field, text, isBare, sees }: Value): Case[] {
  const message = sees === null ? {} : { [field]: sees };
  const one = (value: string, isGood: boolean) => json(gateway, `{"${field}":${value}}`, isGood ? message : undefined);
  const cases: Case[] = [];
  const isBool = field === 'flag' || field === 'wflag';
  const isNumberedEnum = field === 'kind' && isBare;
  cases.push(one(JSON.stringify(text), sees !== undefined && !(isBool && isBare) && !isNumberedEnum));
  if (isBare) cases.push(one(text, sees !== undefined));
  return cases;
}

/** Texts that are JSON, and those that a lenient parser would take. */
function* grammar(gateway: TestGateway): Generator<Case> {
  for (const [text, sees] of [
    ['{}', {}], [' {} ', {}], ['\t\r\n {\n}\n', {}], ['', {}], ['{"i32":1}', { i32: 1 }],
      ['{ "i32" : 1 , "u32" : 2 }', { i32: 1, u32: 2 }], ['{"\\u0069\\u00332":1}', { i32: 1 }],
      ['{"text":"\\ud83d\\ude00"}', { text: '😀' }], ['{"text":"\\u0000\\u001f\\b\\f\\n\\r\\t\\/\\\\\\""}',
      { text: '\0\x1f\b\f\n\r\t/\\"' }], ['{"i32":null,"parts":null,"labels":null}', {}], ['{"text":"\u2028\u2029"}',
      { text: '\u2028\u2029' }],
  ] as const)
    yield json(gateway, text, sees);
  for (const text of [
    '[]', 'null', '1', '"a"', 'true', '{', '}', '{}}', '{}{}', '{} x', '{}\0', '\0{}', '\ufeff{}', '{,}', '{"i32"}',
      '{"i32":}', '{"i32":1,}', '{,"i32":1}', '{"i32":1,,"u32":1}', '{"i32":1 "u32":1}', '{"i32" 1}', '{"i32"=1}',
      '{i32:1}', "{'i32':1}", '{"text":\'a\'}', '{"text":`a`}', '{"text":a}', '{1:1}', '{null:1}', '{"i32":1;}',
      '// a\n{}', '/* a */{}', '{}//', '{"i32":1}#', '{"i32":01}', '{"i32":+1}', '{"i32":.5}', '{"i32":1.}',
      '{"i32":1e}', '{"i32":1e+}', '{"i32":-}', '{"i32":--1}', '{"i32":0x1}', '{"i32":1_0}', '{"i32":NaN}',
      '{"real":NaN}', '{"real":Infinity}', '{"real":-Infinity}', '{"i32":undefined}', '{"flag":True}',
      '{"flag":tru}', '{"flag":truee}', '{"flag":nul}', '{"numbers":[1,]}', '{"numbers":[,1]}', '{"numbers":[1,,2]}',
      '{"numbers":[1 2]}', '{"numbers":[1}', '{"numbers":1]}', '{"numbers":[', '{"text":"', '{"text":"a',
      '{"text":"a\\"}', '{"text":"\\"', '{"text":"\\x41"}', '{"text":"\\u"}', '{"text":"\\u00"}',
      '{"text":"\\u00g0"}', '{"text":"\\U0041"}', '{"text":"\\\'"}', '{"text":"\\0"}', '{"text":"\\ud800"}',
      '{"text":"\\udc00"}', '{"text":"\\ud800\\ud800"}', '{"text":"\\ud800a"}', '{"text":"\\udc00\\ud800"}',
      '{"text":"a\nb"}', '{"text":"a\tb"}', '{"\\ud800":1}', '{"i32":1}{"i32":2}', '{"i32":1}\n{"i32":2}', '<xml/>',
      'i32=1', 'undefined', 'NaN', '{"a":', '{"i32":1\u00a0}', '{\u2028}', '\u00a0{}', '\x0b{}', '\x0c{}',
      '{"i32":1,"u32"', '-', '"', '{"i32":1e1e1}', '{"i32":1.1.1}', '{"i32":- 1}', '{"i32":1 .0}',
  ])
    yield json(gateway, text);
}

/** Each octet at each kind of place. */
function* octets(gateway: TestGateway): Generator<Case> {
  for (let octet = 0; octet < 256; octet++) {
    const char = Buffer.from([octet]);
    const at = (before: string, after: string) => Buffer.concat([Buffer.from(before), char, Buffer.from(after)]);
    const isSpace = octet === 0x20 || octet === 0x09 || octet === 0x0a || octet === 0x0d;
    yield json(gateway, at('{', '"i32":1}'), isSpace ? { i32: 1 } : undefined);
    yield json(gateway, at('{"i32":1}', ''), isSpace ? { i32: 1 } : undefined);
    yield json(gateway, at('{"i32":', '1}'),
      isSpace ? { i32: 1 } : octet === 0x2d ? { i32: -1 } : /[1-9]/.test(String(char)) ? { i32: octet - 48 === 0 ? 1
      : Number(`${String(char)}1`) } : undefined);
    // Within a string: no control, no quote, no lone backslash, and no octet that is not UTF-8.
    const isText = octet >= 0x20 && octet < 0x80 && octet !== 0x22 && octet !== 0x5c;
    yield json(gateway, at('{"text":"a', 'b"}'),
      isText ? { text: `a${String.fromCharCode(octet)}b` } : octet === 0x5c ? { text: 'a\b' } : undefined);
    yield json(gateway, at('{"text":"\\', '"}'), new Map([[0x22, '"'], [0x5c, '\\'], [0x2f, '/'], [0x62, '\b'],
      [0x66, '\f'], [0x6e, '\n'], [0x72, '\r'], [0x74,
      '\t']]).get(octet) === undefined ? undefined : { text: JSON.parse(`"\\${String.fromCharCode(octet)}"`) });
  }
  for (const bytes of ['c0af', 'c080', 'eda080', 'edbfbf', 'edb080', 'f4908080', 'f5808080', 'ff', 'c3', 'e282',
    'f09f98', 'c328', 'e28228', 'f0288cbc', 'f8a1a1a1a1'])
    for (const place of ['{"text":"', '{"labels":{"a":"', '{"value":"', '{"free":{"a":"'])
      yield json(gateway, Buffer.concat([Buffer.from(place), Buffer.from(bytes, 'hex'),
        Buffer.from(`"}${place.includes('":{"') ? '}' : ''}`)]));
}

/** Deep, wide and long. The limit of the depth is 100. */
function* depth(gateway: TestGateway): Generator<Case> {
  const nested = (open: string, inner: string, close: string,
    times: number) => open.repeat(times) + inner + close.repeat(times);
  yield json(gateway, nested('{"inner":', '{}', '}', 90), 'anything');
  for (const times of [101, 200, 1000, 5000]) yield json(gateway, nested('{"inner":', '{}', '}', times));
  yield json(gateway, `{"value":${nested('[', '', ']', 90)}}`, 'anything');
  for (const times of [101, 1000, 10_000, 30_000]) {
    yield json(gateway, `{"value":${nested('[', '', ']', times)}}`);
    yield json(gateway, `{"nope":${nested('[', '', ']', times)}}`);
    yield json(gateway, '['.repeat(times));
    yield json(gateway, `{"value":${'['.repeat(times)}`);
  }
  for (const times of [101, 1000, 10_000]) {
    yield json(gateway, `{"value":${nested('{"a":', '1', '}', times)}}`);
    yield json(gateway, '{"a":'.repeat(times));
    yield json(gateway, `{"free":${'{"a":'.repeat(times)}`);
  }
  yield json(gateway, `{"parts":[${'{},'.repeat(15_000)}{}]}`, 'anything');
  yield json(gateway, `{"labels":{${Array.from({ length: 5000 }, (_, i) => `"${i}":""`).join(',')}}}`, 'anything');
  yield json(gateway, `{"text":"${'a'.repeat(60_000)}"}`, 'anything');
  yield json(gateway, `{"i32":${'1'.repeat(60_000)}}`);
  yield json(gateway, `{"real":0.${'1'.repeat(60_000)}}`, 'anything');
  yield json(gateway, `{"${'a'.repeat(60_000)}":1}`);
  yield json(gateway, `{${Array.from({ length: 5000 }, (_, i) => `"k${i}":1`).join(',')}}`);
  yield json(gateway, `{"blob":"${'A'.repeat(60_000)}"}`, 'anything');
  yield json(gateway, `${' '.repeat(BODY_BYTES - 2)}{}`, {});
  yield json(gateway, `${' '.repeat(BODY_BYTES)}{}`, undefined, 413);
  yield json(gateway, `{"mask":"${'a,'.repeat(30_000)}a"}`, 'anything');
}

const VALUES = ['1', '-1', '1.5', '"a"', '""', 'true', 'false', '[]', '[1]', '["a"]', '[null]', '{}', '{"a":1}',
  '{"a":null}', '[[]]', '[{}]'];
/** The values of VALUES that each field takes. */
const TAKES: Readonly<Record<string, readonly string[]>> = {
  i32: ['1', '-1'], u64: ['1'], i64: ['1', '-1'], real: ['1', '-1', '1.5'], flag: ['true', 'false'], text: ['"a"',
    '""'], blob: ['""'], kind: ['1', '-1'],
  numbers: ['[]', '[1]'], words: ['[]', '["a"]'], kinds: ['[]', '[1]'], parts: ['[]', '[{}]'], inner: ['{}'],
    labels: ['{}'], by_number: ['{}'], by_name: ['{}'],
  free: ['{}', '{"a":1}', '{"a":null}'], value: VALUES, list: ['[]', '[1]', '["a"]', '[null]', '[[]]', '[{}]'],
    any: ['{}'], nothing: ['{}'],
  w32: ['1', '-1'], w64: ['1', '-1'], wflag: ['true', 'false'], wtext: ['"a"', '""'], wblob: ['""'], wreal: ['1',
    '-1', '1.5'], mask: ['""', '"a"'], named: ['{}'], word: ['"a"', '""'], number: ['1', '-1'], at: [], wait: [],
};

function* wrongTypes(gateway: TestGateway): Generator<Case> {
  for (const [field, takes] of Object.entries(TAKES))
    for (const value of VALUES) yield json(gateway, `{"${field}":${value}}`,
      takes.includes(value) ? 'anything' : undefined);
}

function* names(gateway: TestGateway): Generator<Case> {
  for (const name of ['nope', 'I32', 'i32 ', ' i32', '', '__proto__', 'constructor', 'prototype', 'toString',
    'hasOwnProperty', 'valueOf', '__defineGetter__', 'i32\u0000', '[i32]', '[hostile.v1.i32]', 'i32[]', 'inner.i32',
    '$ref', '$type', '@type', '1', '-1', 'hostile.v1.All.i32', 'I_32']) {
    yield json(gateway, `{${JSON.stringify(name)}:1}`);
    yield json(gateway, `{"inner":{${JSON.stringify(name)}:{}}}`);
  }
  for (const pair of ['"i32":1,"i32":1', '"i32":1,"i32":2', '"i32":1,"\\u0069\\u00332":1',
    '"other":"a","renamed":"a"', '"by_number":{},"byNumber":{}', '"inner":{},"inner":{}', '"labels":{},"labels":{}',
    '"numbers":[],"numbers":[]', '"word":"a","number":1', '"word":"a","named":{}', '"word":null,"word":"a"',
    '"i32":null,"i32":1', '"nope":1,"nope":1'])
    yield json(gateway, `{${pair}}`);
  for (const [map, key] of [['labels', 'a'], ['labels', '__proto__'], ['by_number', '1'], ['by_flag', 'true'],
    ['by_wide', '1'], ['by_name', 'a']] as const) {
    const value = map === 'by_name' ? '{}' : '"b"';
    yield json(gateway, `{"${map}":{"${key}":${value},"${key}":${value}}}`);
    yield json(gateway, `{"${map}":{"${key}":null}}`);
  }
  yield json(gateway, '{"by_number":{"1":"a","1.0":"b"}}');
  for (const key of ['a', '', '1.5', '2147483648', '-2147483649', ' 1', '1 ', '0x1', 'NaN', '__proto__',
    '1e400']) yield json(gateway, `{"by_number":{"${key}":"a"}}`);
  for (const key of ['-1', '18446744073709551616', 'a', '']) yield json(gateway, `{"by_wide":{"${key}":"a"}}`);
  for (const key of ['True', '1', '0', '', 'yes', 'null']) yield json(gateway, `{"by_flag":{"${key}":"a"}}`);
  for (const key of ['__proto__', 'constructor', 'toString', '', '\\u0000', 'a.b', ' '])
    for (const map of ['labels', 'free']) yield json(gateway, `{"${map}":{"${key}":"b"}}`, 'anything');
}

function* wellKnown(gateway: TestGateway): Generator<Case> {
  for (const any of ['{"@type":"x/hostile.v1.Named","name":"a"}',
    '{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}',
    '{"value":"1s","@type":"x/google.protobuf.Duration"}', '{"name":"a","@type":"x/hostile.v1.Named"}',
    '{"@type":"x/google.protobuf.Any","value":{"@type":"x/hostile.v1.Named"}}',
    '{"@type":"x/google.protobuf.Empty","value":{}}'])
    yield json(gateway, `{"any":${any}}`, 'anything');
  for (const any of ['{"@type":""}', '{"@type":1}', '{"@type":null}', '{"@type":"x"}', '{"@type":"x/"}',
    '{"@type":"/"}', '{"@type":"x/none.Such"}', '{"@type":"x/__proto__"}', '{"@type":"x/hostile.v1"}',
    '{"@type":"x/hostile.v1.Kind"}', '{"@type":"x/hostile.v1.Hostile"}', '{"@type":"x/hostile.v1.Named","nope":1}',
    '{"@type":"x/hostile.v1.Named","name":1}', '{"@type":"x/google.protobuf.Duration"}'.replace('"}',
    '","value":"x"}'), '{"@type":"x/google.protobuf.Duration","value":"1s","x":1}',
    '{"@type":"x/google.protobuf.Duration","seconds":1}', '{"name":"a"}', '{"value":"AA=="}',
    '{"@type":"x/hostile.v1.Named","@type":"x/hostile.v1.Named"}', '{"@type":"x/hostile.v1.Named\\u0000"}', '[]',
    '"x"', '{"@type":"x/.hostile.v1.Named"}', '{"type_url":"x/hostile.v1.Named","value":""}',
    '{"@type":"x/hostile.v1.Named","name":"a","name":"b"}'])
    yield json(gateway, `{"any":${any}}`);
  const deep = (times: number) =>
    `${'{"@type":"x/google.protobuf.Any","value":'.repeat(times)}{"@type":"x/hostile.v1.Named"}${'}'.repeat(times)}`;
  yield json(gateway, `{"any":${deep(20)}}`, 'anything');
  for (const times of [101, 500]) yield json(gateway, `{"any":${deep(times)}}`);
  for (const value of ['1e309', '-1e400', '"\\ud800"', '{"a":1,"a":2}', '{"\\ud800":1}']) yield json(gateway,
    `{"value":${value}}`);
  for (const value of ['"NaN"', '1e308', '-0', '123456789012345678901234567890', 'null', '{"fields":{}}',
    '{"a":{"b":[{"c":null}]}}']) yield json(gateway, `{"value":${value}}`, 'anything');
  for (const mask of ['{}', '{"paths":[]}', '["a"]', 'true']) yield json(gateway, `{"mask":${mask}}`);
  for (const at of ['{"seconds":1}', '1', '[]', '{}']) for (const field of ['at', 'wait']) yield json(gateway,
    `{"${field}":${at}}`);
  for (const field of ['w32', 'wtext', 'wflag']) yield json(gateway, `{"${field}":{"value":1}}`);
}
