/** Long texts are copied with SIMD, and without it where there is none. Both ways mean what they mean to JSON.stringify and JSON.parse. */
import test from 'ava';
import { JsonScanner } from '../../src/codec/json-scanner.js';
import { JsonWriter } from '../../src/codec/json-writer.js';
import { LONG_TEXT, PIECE, textSimd } from '../../src/codec/text-simd.js';
import { WireReader } from '../../src/codec/wire-reader.js';
import { WireWriter } from '../../src/codec/wire-writer.js';
import { casesOf, draws } from '../support/draws.js';

type Draw = ReturnType<typeof draws>;

const WAYS = [textSimd, () => undefined];
/** Returns one character or more. The first kinds need no escape, and the others do. */
const KINDS: readonly ((draw: Draw) => string)[] = [
  (draw) => 'plain text without an escape '.slice(0, 1 + draw(29)),
  (draw) => ['é', '日', '😀', '\x7f', '/', 'u', '0'][draw(7)]!,
  (draw) => ['"', '\\', '\n', '\t', '\b', '\f', '\r'][draw(7)]!,
  () => '\\',
  (draw) => String.fromCharCode(draw(0x20)),
];

/** Returns a text of some kinds, with a length at which something else may happen. */
function drawText(draw: Draw): string {
  const size = [LONG_TEXT, PIECE, 2 * PIECE][draw(3)]! + draw(80) - 20;
  const kinds = 1 + draw(KINDS.length);
  const rarely = draw(3) === 0 ? 200 : 2;
  let text = '';
  while (text.length < size) text += KINDS[draw(rarely) === 0 ? draw(kinds) : 0]!(draw);
  return text;
}

/** Returns the text as a JSON string with as few escapes as may be, or with a short or long one where it is not needed. */
function jsonOf(text: string, draw: Draw): string {
  const json = JSON.stringify(text);
  if (draw(3) > 0) return json;
  const at = text.indexOf('/', draw(text.length));
  return at < 0 ? json : `"${json.slice(1, -1).replace('/', ['\\/', '\\u002f'][draw(2)]!)}"`;
}

/** Returns the text of a JSON string; undefined if it is refused. */
function read(json: Buffer, simd: (typeof WAYS)[number]): Buffer | undefined {
  const scanner = new JsonScanner(1, simd);
  const writer = new WireWriter();
  try {
    scanner.start(json);
    scanner.copyString(writer);
    scanner.expectEnd();
  } catch {
    return undefined;
  }
  const wire = Buffer.from(writer.slice());
  const reader = new WireReader(wire);
  const length = reader.length();
  return reader.at + length === wire.length ? wire.subarray(reader.at) : Buffer.from('a wrong length');
}

function write(text: Buffer, simd: (typeof WAYS)[number]): Buffer | undefined {
  let isWritten = false;
  const json = new JsonWriter(simd).collect((out) => {
    // The bytes before and after the text must make no difference.
    const bytes = Buffer.concat([Buffer.from('"'), text, Buffer.from('\\"\n')]);
    isWritten = out.utf8(bytes, 1, bytes.length - 3);
  });
  return isWritten ? Buffer.from(json) : undefined;
}

test('SIMD is used where there is WebAssembly', (t) => {
  t.is(textSimd() !== undefined, 'WebAssembly' in globalThis);
});

for (const [index, simd] of WAYS.entries()) {
  const way = index === 0 ? 'with SIMD' : 'without SIMD';

  test(`a long text is written as JSON.stringify writes it, ${way}`, (t) => {
    const draw = draws(3);
    for (let i = 0; i < casesOf(400); i++) {
      const text = drawText(draw);
      const json = write(Buffer.from(text), simd);
      if (json?.toString() !== JSON.stringify(text)) return void t.is(json?.toString(), JSON.stringify(text));
    }
    t.pass();
  });

  test(`a long JSON string is read as JSON.parse reads it, ${way}`, (t) => {
    const draw = draws(4);
    for (let i = 0; i < casesOf(400); i++) {
      const text = drawText(draw);
      const json = jsonOf(text, draw);
      const got = read(Buffer.from(json), simd)?.toString();
      if (got !== text) return void t.is(got, text, json);
    }
    t.pass();
  });

  test(`each special byte at each offset is written, and read or refused, as in a short text, ${way}`, (t) => {
    for (let at = 0; at < 20; at++) {
      for (let byte = 0; byte < 256; byte++) {
        for (const before of ['', '\\']) {
          const begun = Buffer.alloc(LONG_TEXT + at, 'a').toString();
          const content = Buffer.from(`${begun}${before}${String.fromCharCode(byte)}ab\\nc`, 'latin1');
          const text = byte < 0x80 ? JSON.stringify(content.toString('latin1')) : undefined;
          if (write(content, simd)?.toString() !== text)
            return void t.fail(`${before}${byte} is written wrong at ${at}`);
          const json = Buffer.concat([Buffer.from('"'), content, Buffer.from('"')]);
          const got = read(json, simd)?.toString();
          if (got !== parsed(json)) return void t.fail(`${before}${byte} is read wrong at ${at}`);
        }
      }
    }
    t.pass();
  });

  test(`a long text that is not UTF-8 is neither written nor read, ${way}`, (t) => {
    for (const bad of ['\xff', '\xc3', '\xed\xa0\x80', '\x80']) {
      const text = Buffer.concat([Buffer.alloc(PIECE - 1, 'a'), Buffer.from(bad, 'latin1'), Buffer.alloc(40, 'b')]);
      t.is(write(text, simd), undefined);
      t.is(read(Buffer.concat([Buffer.from('"'), text, Buffer.from('"')]), simd), undefined);
    }
  });
}

/** Returns what JSON.parse reads; undefined if it refuses the text, or if the text is not UTF-8. */
function parsed(json: Buffer): string | undefined {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json)) as string;
  } catch {
    return undefined;
  }
}
