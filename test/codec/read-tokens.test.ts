/** The numbers, strings and base64 that the reader decodes itself mean what they mean to V8: JSON.parse, BigInt and Buffer. */
import test from 'ava';
import { createCodecs } from '../../src/codec/codec.js';
import { WireReader } from '../../src/codec/wire-reader.js';
import { casesOf, draws } from '../support/draws.js';
import { JSON_OPTIONS } from '../support/json.js';
import { pause } from '../support/pause.js';
import { schemaOf } from '../support/schema.js';

const { registry } = schemaOf(`syntax = "proto3"; package t;
message Tokens { sfixed64 signed = 1; fixed64 unsigned = 2; double real = 3; string text = 4; bytes blob = 5; }`);
const codec = createCodecs(registry, JSON_OPTIONS).of(registry.message('t.Tokens')!);

/** Returns what the only field of the JSON is on the wire, without its tag; undefined if the JSON is refused. */
function read(json: string): Buffer | undefined {
  try {
    return Buffer.from(codec.read(Buffer.from(json)).subarray(1));
  } catch {
    return undefined;
  }
}

function contentOf(wire: Buffer | undefined): Buffer | undefined {
  if (wire === undefined) return undefined;
  const reader = new WireReader(wire);
  const length = wire.length === 0 ? 0 : reader.length();
  return wire.subarray(reader.at, reader.at + length);
}

test('an integer of any size is its BigInt, or refused if it is out of range', async (t) => {
  const draw = draws(5);
  const bounds = [2n ** 63n, 2n ** 64n, 2n ** 53n, 2n ** 32n, 10n ** 15n, 10n ** 16n, 10n ** 19n, 10n ** 20n];
  let refused = 0;
  for (let i = 0; i < casesOf(6000); i++) {
    await pause();
    let value = 1n + BigInt(draw(9));
    for (let digits = draw(21); digits > 0; digits--) value = value * 10n + BigInt(draw(10));
    if (draw(3) === 0) value = bounds[draw(bounds.length)]! + BigInt(draw(7) - 3);
    const isSigned = draw(2) === 0;
    if (isSigned && draw(2) === 0) value = -value;
    const token = draw(2) === 0 ? `"${value}"` : `${value}`;
    const wire = read(`{"${isSigned ? 'signed' : 'unsigned'}":${token}}`);
    const fits = value === (isSigned ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value));
    if (!fits) refused++;
    const got = isSigned ? wire?.readBigInt64LE() : wire?.readBigUInt64LE();
    if (got !== (fits ? value : undefined)) return void t.is(got, value);
  }
  t.true(refused > casesOf(800));
});

test('a decimal of any length is the double of JSON.parse', async (t) => {
  const draw = draws(6);
  const digits = (count: number) => Array.from({ length: count }, () => draw(10)).join('');
  for (let i = 0; i < casesOf(20_000); i++) {
    await pause();
    let token = draw(3) === 0 ? '0' : `${1 + draw(9)}${digits(draw(20))}`;
    if (draw(4) > 0) token += `.${'0'.repeat(draw(4))}${digits(1 + draw(20))}`;
    if (draw(6) === 0) token += `e${draw(60) - 30}`;
    const value = JSON.parse(token) as number;
    const wire = read(`{"real":-${token}}`)!;
    const got = wire.length === 0 ? 0 : wire.readDoubleLE();
    if (got !== -value) return void t.is(got, -value, token);
  }
  t.pass();
});

test('a string with escapes of all kinds, close and far, is the string of JSON.parse', async (t) => {
  const draw = draws(7);
  const pieces = ['a', 'plain text ', 'é', '日', '\\n', '\\"', '\\\\', '\\/', '\\u00e9', '\\ud83d\\ude00', '\\', '\\x'];
  let refused = 0;
  for (let i = 0; i < casesOf(8000); i++) {
    await pause();
    const some = pieces.slice(0, pieces.length - draw(3));
    const few = draw(2) === 0 ? some : [some[0]!, some[1]!, some[draw(some.length)]!];
    const length = draw([4, 30, 400][draw(3)]!);
    const json = `{"text":"${Array.from({ length }, () => few[draw(few.length)]!).join('')}"${draw(50) === 0 ? '' : '}'}`;
    let text: string | undefined;
    try {
      ({ text } = JSON.parse(json) as { text: string });
    } catch {}
    // UTF-8 has no lone surrogates.
    if (text !== undefined && /\p{Surrogate}/u.test(text)) text = undefined;
    if (text === undefined) refused++;
    const got = contentOf(read(json))?.toString();
    if (got !== text) return void t.is(got, text, json);
  }
  t.true(refused > casesOf(1200));
});

test('bytes that are not UTF-8 are reported as such, also behind a backslash', (t) => {
  for (const text of ['\\\x80', 'a\\\xc3', '\x80\\n', '\\n\xff']) {
    const json = Buffer.from(`{"text":"${text}"}`, 'latin1');
    t.throws(() => codec.read(json), { message: 'text: expected UTF-8, got other bytes' }, text);
  }
});

test('base64 of any length is what Buffer decodes, or refused if it has other characters', async (t) => {
  const draw = draws(8);
  let refused = 0;
  for (let i = 0; i < casesOf(4000); i++) {
    await pause();
    const bytes = Buffer.from(Array.from({ length: draw([8, 300, 2000][draw(3)]!) }, () => draw(256)));
    let text = bytes.toString(draw(2) === 0 ? 'base64' : 'base64url');
    const isChanged = draw(3) === 0 && text.length > 0;
    if (isChanged) {
      const at = draw(text.replaceAll('=', '').length);
      text = text.slice(0, at) + ['=', ' ', '.', 'é', '\\n'][draw(5)] + text.slice(at + 1);
    }
    const got = contentOf(read(`{"blob":"${text}"}`));
    const isPadding = isChanged && /^[\w+/-]*=$/.test(text) && text.length % 4 === 0;
    if (isChanged && !isPadding) {
      refused++;
      if (got !== undefined) return void t.fail(`${text} is read`);
    } else if (!isChanged && !got?.equals(bytes)) return void t.fail(`${text} is not ${bytes.toString('hex')}`);
  }
  t.true(refused > casesOf(800));
});
