/** The digits and the texts that the writer makes itself are those of V8: `String`, BigInt, `JSON.stringify` and `isUtf8`. */
import { isUtf8 } from 'node:buffer';
import test from 'ava';
import { writeWide } from '../../src/codec/json-digits.js';
import { writeDecimal } from '../../src/codec/json-doubles.js';
import { JsonWriter } from '../../src/codec/json-writer.js';
import { casesOf, draws } from '../support/draws.js';
import { pause } from '../support/pause.js';

const OUT = new JsonWriter();
const written = (write: (out: JsonWriter) => void) => Buffer.from(OUT.collect(write)).toString('latin1');
const numberOf = (write: (target: DataView, at: number) => number) =>
  written((out) => {
    const at = out.beginNumbers(1);
    out.endNumbers(write(out.target, at));
  });
const FLOAT = new Float64Array(1);
const HALVES = new Uint32Array(FLOAT.buffer);

const word = (draw: (n: number) => number) => draw(0x10000) * 0x10000 + draw(0x10000);

/** Returns drawn doubles: of any size, with few digits, and the neighbours of powers of ten and two. */
function doubles(draw: (n: number) => number): number[] {
  const unit = () => word(draw) / 2 ** 32 + draw(2 ** 20) / 2 ** 52;
  const near = (value: number) => {
    FLOAT[0] = value;
    HALVES[0]! += draw(9) - 4;
    return FLOAT[0]!;
  };
  HALVES[0] = word(draw);
  HALVES[1] = word(draw) % 0x7ff00000;
  return [
    FLOAT[0]!,
    unit(),
    (draw(1_000_000) + 1) / 7,
    unit() * 10 ** (draw(24) - 6),
    draw(1e9) / 10 ** draw(12),
    Number((unit() * 10 ** (draw(22) - 6)).toPrecision(1 + draw(17))),
    near(10 ** (draw(24) - 7)),
    near(2 ** (draw(76) - 21)),
    word(draw) * 2 ** (draw(60) - 52),
  ];
}

test('a double has the digits of String', async (t) => {
  const draw = draws(1);
  for (let i = 0; i < casesOf(20_000); i++) {
    await pause();
    for (const value of doubles(draw)) {
      const sign = draw(2) === 0 ? value : -value;
      const text = written((out) => out.double(sign));
      if (text !== (Object.is(sign, -0) ? '-0' : String(sign))) return void t.is(text, String(sign));
    }
  }
  t.pass();
});

test('a float has the fewest digits, six or more, that mean this float', async (t) => {
  const draw = draws(9);
  for (let i = 0; i < casesOf(40_000); i++) {
    await pause();
    for (const drawn of doubles(draw)) {
      const value = Math.fround(drawn);
      if (!Number.isFinite(value)) continue;
      const text = numberOf((target, at) => writeDecimal(target, at, value, true));
      const digits = [6, 7, 8, 9].find((count) => Math.fround(Number(value.toPrecision(count))) === value)!;
      const expected = Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(digits)));
      if (text !== (Object.is(value, -0) ? '-0' : expected)) return void t.is(text, expected, String(value));
    }
  }
  t.pass();
});

test('a 64-bit integer has the digits of its BigInt', async (t) => {
  const draw = draws(2);
  const edges = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 999_999_999, 1_000_000_000];
  for (let i = 0; i < casesOf(50_000); i++) {
    await pause();
    const half = () => (draw(3) === 0 ? edges[draw(edges.length)]! : word(draw));
    let bits = (BigInt(half()) << 32n) | BigInt(half());
    // The digits are made in groups of nine, so multiples of 10^9 and their neighbours are edges.
    if (draw(3) === 0) bits = BigInt.asUintN(64, (bits / 1_000_000_000n) * 1_000_000_000n + BigInt(draw(3) - 1));
    const [low, high] = [Number(BigInt.asIntN(32, bits)), Number(BigInt.asIntN(32, bits >> 32n))];
    const texts = [false, true].map((signed) => numberOf((target, at) => writeWide(target, at, low, high, signed)));
    const expected = [`"${bits}"`, `"${BigInt.asIntN(64, bits)}"`];
    if (texts.join() !== expected.join()) return void t.deepEqual(texts, expected);
  }
  t.pass();
});

test('an integer of at most 53 bits has the digits of String', async (t) => {
  const draw = draws(3);
  for (let i = 0; i < casesOf(50_000); i++) {
    await pause();
    const size = Math.floor((word(draw) * 2 ** 21 + draw(2 ** 21)) / 10 ** draw(16));
    const value = draw(2) === 0 ? size : -size;
    const text = written((out) => out.integer(value));
    if (text !== String(value)) return void t.is(text, String(value));
  }
  t.pass();
});

test('a text of any bytes is the string of JSON.stringify, or refused if it is not UTF-8', async (t) => {
  const draw = draws(4);
  const pieces = [
    'a',
    ' ',
    '"',
    '\\',
    '\n',
    '\u0001',
    '\u001f',
    '\u007f',
    'é',
    'ß',
    '日',
    '\u2028',
    '\ud7ff',
    '😀',
    '"\n',
  ];
  const lengths = [3, 20, 200, 3000];
  const counts = { good: 0, bad: 0 };
  for (let i = 0; i < casesOf(5000); i++) {
    await pause();
    // Some texts have only a few kinds of characters, so that their special bytes are far from each other or close.
    const some = draw(2) === 0 ? pieces : ['plain text ', pieces[draw(pieces.length)]!];
    const length = draw(lengths[draw(lengths.length)]!);
    const bytes = Buffer.from(Array.from({ length }, () => some[draw(some.length)]!).join(''));
    for (let changes = draw(3) === 0 ? 1 + draw(2) : 0; changes > 0; changes--) bytes[draw(bytes.length)] = draw(256);
    const end = bytes.length - (draw(4) === 0 ? draw(3) : 0);
    const text = bytes.subarray(0, Math.max(end, 0));
    let isGood = false;
    const json = OUT.collectString((out) => {
      isGood = out.utf8(text, 0, text.length);
    });
    counts[isGood ? 'good' : 'bad']++;
    if (isGood !== isUtf8(text) || json !== (isGood ? JSON.stringify(text.toString()) : '')) {
      return void t.fail(`${isGood} for ${text.toString('hex')}: ${json}`);
    }
  }
  t.log(counts);
  t.true(counts.good > casesOf(2000) && counts.bad > casesOf(800));
});
