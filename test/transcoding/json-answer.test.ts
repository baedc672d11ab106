/** A large answer is written in parts, between which others have the event loop. */
import test from 'ava';
import { createCodecs } from '../../src/codec/codec.js';
import { jsonAnswer } from '../../src/transcoding/json-answer.js';
import { JSON_OPTIONS } from '../support/json.js';
import { schemaOf } from '../support/schema.js';

const { registry } = schemaOf('syntax = "proto3"; package t; message M { repeated string tags = 1; }');
const codec = createCodecs(registry, JSON_OPTIONS).of(registry.message('t.M')!);
const LIMIT = 1 << 26;
const value = (count: number) => ({ tags: Array.from({ length: count }, (_, n) => `tag number ${n} of some`) });
const read = (message: object) => codec.read(Buffer.from(JSON.stringify(message)));
const large = value(180_000);
const wire = read(large);

test('a small answer is there at once', (t) => {
  const text = jsonAnswer((out) => codec.begin(read(value(2)), out), {}, LIMIT);
  t.true(text instanceof Uint8Array);
  t.is(Buffer.from(text as Uint8Array).toString(), JSON.stringify(value(2)));
});

for (const [kind, level, expected] of [
  ['compact', undefined, JSON.stringify(large)],
  ['indented', 0, JSON.stringify(large, null, 2)],
] as const) {
  test(`a large ${kind} answer stands in its frame, and others have turns meanwhile`, async (t) => {
    let turns = 0;
    let isOver = false;
    const tick = () => {
      turns++;
      if (!isOver) setImmediate(tick);
    };
    const written: number[] = [];
    const text = jsonAnswer(
      (out) => codec.begin(wire, out),
      {
        level,
        before: (out) => out.ascii('<'),
        after: (out) => out.ascii('>'),
        between(bytes) {
          written.push(bytes);
          return undefined;
        },
      },
      LIMIT,
    );
    t.true(text instanceof Promise);
    tick();
    const whole = Buffer.from(await text).toString();
    isOver = true;
    t.true(whole === `<${expected}>`);
    t.true(turns >= 4, `${turns} turns`);
    t.true(written.length >= 4 && written.reduce((sum, bytes) => sum + bytes) < whole.length);
  });
}

test('when no request waits any more, no further part is written', async (t) => {
  let parts = 0;
  const text = jsonAnswer(
    (out) => codec.begin(wire, out),
    {
      async between() {
        if (++parts === 2) throw new Error('gone');
      },
    },
    LIMIT,
  );
  await t.throwsAsync(async () => text, { message: 'gone' });
  t.is(parts, 2);
});

test('the limit holds for indented JSON too', async (t) => {
  const length = Buffer.byteLength(JSON.stringify(large, null, 2));
  const text = (most: number) => jsonAnswer((out) => codec.begin(wire, out), { level: 0 }, most);
  t.is((await text(length)).length, length);
  await t.throwsAsync(async () => text(length - 1), { message: /larger than/ });
});

test('large answers take turns', async (t) => {
  const order: string[] = [];
  const write = (name: string) =>
    jsonAnswer(
      (out) => codec.begin(wire, out),
      {
        between() {
          order.push(name);
          return undefined;
        },
      },
      LIMIT,
    );
  await Promise.all([write('a'), write('b')]);
  t.regex(order.join(''), /^(ab)+$/);
});
