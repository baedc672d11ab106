import test from 'ava';
import { JsonWriter } from '../../src/codec/json-writer.js';
import { casesOf, draws } from '../support/draws.js';
import { pause } from '../support/pause.js';

/** All ways to write a text. Each returns what the output must contain. */
const WAYS: readonly ((out: JsonWriter, text: string) => string)[] = [
  (out, text) => {
    out.ascii(text);
    return text;
  },
  (out, text) => {
    for (const byte of Buffer.from(text.slice(0, 200))) out.byte(byte);
    return text.slice(0, 200);
  },
  (out, text) => {
    out.raw(Buffer.from(text));
    return text;
  },
  (out, text) => {
    out.string(text);
    return JSON.stringify(text);
  },
  (out, text) => {
    const bytes = Buffer.from(`${text}"é\n`);
    out.utf8(bytes, 0, bytes.length);
    return JSON.stringify(bytes.toString());
  },
  (out, text) => {
    const bytes = Buffer.from(`..${text.slice(0, 60)}..`);
    out.utf8(bytes, 2, bytes.length - 2);
    return `"${text.slice(0, 60)}"`;
  },
];

test('collected text does not change when more is written', async (t) => {
  const out = new JsonWriter();
  const draw = draws(7);
  const kept: [bytes: Uint8Array, text: string][] = [];
  const write = (inside: JsonWriter) => {
    let text = '';
    // Most sizes are small: such texts share a buffer, and reach its end.
    const sizes = draw(50) === 0 ? [5000, 40_000] : [3, 60, 300];
    for (let pieces = draw(6); pieces >= 0; pieces--) {
      const size = sizes[draw(sizes.length)]!;
      text += WAYS[draw(WAYS.length)]!(inside, String.fromCharCode(97 + draw(26)).repeat(draw(size)));
    }
    return text;
  };
  for (let i = 0; i < casesOf(5000); i++) {
    await pause();
    if (draw(10) === 0)
      t.throws(() =>
        out.collect((inside) => {
          write(inside);
          throw new Error('no');
        }),
      );
    let text = '';
    const remember = (inside: JsonWriter) => {
      text = write(inside);
    };
    if (draw(10) === 0) t.is(out.collectString(remember), text);
    else kept.push([out.collect(remember), text]);
  }
  for (const [bytes, text] of kept)
    if (Buffer.from(bytes).toString() !== text) return t.fail(`${text.length} bytes changed`);
  t.pass();
});

test('text is whole wherever the end of a buffer falls', async (t) => {
  const out = new JsonWriter();
  const draw = draws(11);
  const writers: ((text: string) => [write: (to: JsonWriter) => void, json: string])[] = [
    (text) => [(to) => to.ascii(text), text],
    (text) => [(to) => to.raw(Buffer.from(text)), text],
    (text) => [(to) => to.string(text), JSON.stringify(text)],
    (text) => [
      (to) => to.utf8(Buffer.from(`${text}"é\n`), 0, Buffer.byteLength(text) + 4),
      JSON.stringify(`${text}"é\n`),
    ],
    (text) => [(to) => to.utf8(Buffer.from(text), 0, text.length), JSON.stringify(text)],
    () => [(to) => to.byte(0x2c), ','],
  ];
  for (let i = 0; i < casesOf(20_000); i++) {
    await pause();
    const parts = Array.from({ length: 1 + draw(6) }, () =>
      writers[draw(writers.length)]!('abcdefgh'.repeat(draw(12))),
    );
    const bytes = out.collect((to) => {
      for (const [write] of parts) write(to);
    });
    const expected = parts.map(([, json]) => json).join('');
    if (Buffer.from(bytes).toString() !== expected) return void t.is(Buffer.from(bytes).toString(), expected);
  }
  t.pass();
});

function fail(out: JsonWriter, text: string): void {
  out.ascii(text);
  throw new Error('no');
}

test('an empty text is an empty message', (t) => {
  const out = new JsonWriter();
  t.is(out.collect(() => {}).length, 0);
  t.is(
    out.collectString(() => {}),
    '',
  );
});

test('small texts share their memory, and none keeps the memory of a large one', (t) => {
  const out = new JsonWriter();
  const small: Uint8Array[] = [];
  for (let i = 0; i < 200; i++) {
    out.collect((inside) => inside.ascii('x'.repeat(1_000_000)));
    t.throws(() => out.collect((inside) => fail(inside, 'x'.repeat(1_000_000))));
    for (let j = 0; j < 20; j++) small.push(out.collect((inside) => inside.ascii('{"name":"shelves/7"}')));
  }
  const buffers = new Set(small.map(({ buffer }) => buffer));
  const bytes = [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
  t.true(bytes <= 200 * 16_384, `${bytes} bytes are kept`);
  t.true(buffers.size <= 200, `${buffers.size} buffers`);
});
