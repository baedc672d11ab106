import test from 'ava';
import { createJsonElements, type ElementForm } from '../../src/transcoding/stream/json-elements.js';

function read(form: ElementForm, pieces: readonly Buffer[], maxBytes = 100): string[] {
  const elements = createJsonElements(form, maxBytes);
  const found = pieces.flatMap((piece) => [...elements.push(piece)]);
  return [...found, ...elements.end()].map((one) => one.toString().trim());
}

const SAMPLES: readonly (readonly [form: ElementForm, text: string, elements: readonly string[]])[] = [
  ['lines', '', []],
  ['lines', '{"a":1}', ['{"a":1}']],
  ['lines', '{"a":1}\n\n \r\n{"b":"\\n]"}\r\n', ['{"a":1}', '{"b":"\\n]"}']],
  ['array', '[]', []],
  ['array', ' [ ] \n', []],
  ['array', '', []],
  ['array', '[{"a":[1,2],"b":"],\\"[{"}, 7 ,[[]],"x\\\\"]', ['{"a":[1,2],"b":"],\\"[{"}', '7', '[[]]', '"x\\\\"']],
  ['array', '[{"é":"\\u005d😀"}]\r\n', ['{"é":"\\u005d😀"}']],
];

for (const [form, text, elements] of SAMPLES) {
  test(`${form}: ${JSON.stringify(text)}, over all ways to cut it in three`, (t) => {
    const bytes = Buffer.from(text);
    for (let a = 0; a <= bytes.length; a++) {
      for (let b = a; b <= bytes.length; b++) {
        t.deepEqual(read(form, [bytes.subarray(0, a), bytes.subarray(a, b), bytes.subarray(b)]), elements);
      }
    }
    t.deepEqual(
      read(
        form,
        [...bytes].map((byte) => Buffer.from([byte])),
      ),
      elements,
    );
  });
}

test('what is no array, has no value or goes on behind its end is refused', (t) => {
  for (const [text, expected] of [
    [
      '{"a":1}',
      'body: expected an array of messages, got "{" (or lines of messages: content-type application/x-ndjson)',
    ],
    ['7', 'body: expected an array of messages, got "7"'],
    ['[1,]', 'body: expected a value after message 1, got "]"'],
    ['[{},{},,1]', 'body: expected a value after message 2, got ","'],
    ['[,1]', 'body: expected a value, got ","'],
    ['[1] x', 'body: expected the end, got "x"'],
    ['[1', "body: expected ']' at the end of the array, got the end"],
    ['["a]', "body: expected ']' at the end of the array, got the end"],
    ['[', "body: expected ']' at the end of the array, got the end"],
    ['[{"a":1}', "body: expected ']' at the end of the array, got the end after message 1"],
    ['[{"a":1} 2]', `body: expected ',' or ']' after message 1, got "2"`],
    ['[1,{"a":1} {"b":2}]', `body: expected ',' or ']' after message 2, got "{"`],
  ] as const) {
    const bytes = Buffer.from(text);
    for (let cut = 0; cut <= bytes.length; cut++) {
      t.throws(
        () => read('array', [bytes.subarray(0, cut), bytes.subarray(cut)]),
        { message: expected },
        `${text} at ${cut}`,
      );
    }
  }
});

test('an object is there with its last byte, not with what separates it from the next', (t) => {
  const elements = createJsonElements('array', 100);
  t.deepEqual(elements.push(Buffer.from('[ {"a":{}}')).map(String), [' {"a":{}}']);
  t.deepEqual(elements.push(Buffer.from(' , {"b":1}, 2')).map(String), [' {"b":1}']);
  t.deepEqual(elements.push(Buffer.from(']')).map(String), [' 2']);
});

test('one element has a size, all of them none', (t) => {
  const line = Buffer.from(`${'x'.repeat(100)}\n`);
  t.is(
    read(
      'lines',
      Array.from({ length: 50 }, () => line),
    ).length,
    50,
  );
  t.throws(() => read('lines', [Buffer.from('x'.repeat(60)), Buffer.from('x'.repeat(41))]), {
    message: /at most 100 bytes/,
  });
  t.throws(() => read('array', [Buffer.from(`["${'x'.repeat(60)}`), Buffer.from('x'.repeat(60))]), {
    message: /at most 100 bytes/,
  });
});
