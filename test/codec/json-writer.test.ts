import test from 'ava';
import { JsonWriter } from '../../src/codec/json-writer.js';
import { draws } from '../support/draws.js';

test('what was collected stays as it is, whatever is written after it', (t) => {
  const out = new JsonWriter();
  const draw = draws(7);
  const kept: [bytes: Uint8Array, text: string][] = [];
  for (let i = 0; i < 2000; i++) {
    const size = [3, 300, 5000, 40_000][draw(4)]!;
    const text = String.fromCharCode(97 + (i % 26)).repeat(draw(size));
    if (draw(10) === 0) t.throws(() => out.collect((inside) => fail(inside, text)));
    if (draw(10) === 0)
      t.is(
        out.collectString((inside) => inside.ascii(text)),
        text,
      );
    kept.push([out.collect((inside) => inside.ascii(text)), text]);
  }
  for (const [bytes, text] of kept) if (Buffer.from(bytes).toString() !== text) t.fail(`${text.length} bytes changed`);
  t.pass();
});

function fail(out: JsonWriter, text: string): void {
  out.ascii(text);
  throw new Error('no');
}

test('nothing is nothing', (t) => {
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
