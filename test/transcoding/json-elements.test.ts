import test from 'ava';
import { createJsonElements, type ElementForm } from '../../src/transcoding/stream/json-elements.js';

function read(
  form: ElementForm,
  pieces: readonly Buffer[],
  maxBytes = 100,
  mayBeArray: boolean | 'flat' = false,
): string[] {
  const elements = createJsonElements(form, { maxBytes, mayBeArray });
  const found = pieces.flatMap((piece) => [...elements.push(piece)]);
  return [...found, ...elements.end()].map((one) => one.toString().trim());
}

const SAMPLES: readonly (readonly [form: ElementForm, text: string, elements: readonly string[]])[] = [
  ['lines', '', []],
  ['lines', '{"a":1}', ['{"a":1}']],
  ['lines', '{"a":1}\n\n \r\n{"b":"\\n]"}\r\n', ['{"a":1}', '{"b":"\\n]"}']],
  ['json', '[]', []],
  ['json', ' [ ] \n', []],
  ['json', '', []],
  ['json', '[{"a":[1,2],"b":"],\\"[{"}, 7 ,[[]],"x\\\\"]', ['{"a":[1,2],"b":"],\\"[{"}', '7', '[[]]', '"x\\\\"']],
  ['json', '[{"é":"\\u005d😀"}]\r\n', ['{"é":"\\u005d😀"}']],
  ['json', '{"a":1}', ['{"a":1}']],
  ['json', ' {"a":[1,{}]}{"b":"}\\"{"}\n\t{} ', ['{"a":[1,{}]}', '{"b":"}\\"{"}', '{}']],
  ['json', '7 true"x\\""null\n-1{"a":2}', ['7', 'true', '"x\\""', 'null', '-1', '{"a":2}']],
];

const ARRAYS = '[1,[2]] [] [{"a":"]"}]';
test(`${ARRAYS}, where each value may be an array, over all ways to cut it in two`, (t) => {
  for (let cut = 0; cut <= ARRAYS.length; cut++) {
    const pieces = [Buffer.from(ARRAYS.slice(0, cut)), Buffer.from(ARRAYS.slice(cut))];
    t.deepEqual(read('json', pieces, 100, true), ['[1,[2]]', '[]', '[{"a":"]"}]']);
    t.deepEqual(read('json', pieces, 100, 'flat'), ['[1,[2]]', '[]', '[{"a":"]"}]']);
  }
});

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

const NESTED = ' [ [1] , [{"a":"]"}],[]] ';
test(`${NESTED}, where no value holds an array, over all ways to cut it in two`, (t) => {
  for (let cut = 0; cut <= NESTED.length; cut++) {
    const pieces = [Buffer.from(NESTED.slice(0, cut)), Buffer.from(NESTED.slice(cut))];
    t.deepEqual(read('json', pieces, 100, 'flat'), ['[1]', '[{"a":"]"}]', '[]']);
    t.deepEqual(read('json', pieces, 100, true), [NESTED.trim()]);
  }
  t.throws(() => read('json', [Buffer.from(' [ ')], 100, 'flat'), { message: /the end of message 1, got the end/ });
});

test('a body that is no array, lacks a value or continues after its end is refused', (t) => {
  for (const [text, expected] of [
    [',', 'body: expected a message, got ","'],
    ['{"a":1},{"a":2}', 'body: expected a message after message 1, got ","'],
    ['{"a":1}{"a":2}]', 'body: expected a message after message 2, got "]"'],
    ['{"a":1} {"a"', 'body: expected the end of message 2, got the end'],
    ['"a', 'body: expected the end of message 1, got the end'],
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
        () => read('json', [bytes.subarray(0, cut), bytes.subarray(cut)]),
        { message: expected },
        `${text} at ${cut}`,
      );
    }
  }
});

test('an object is there with its last byte, not with what separates it from the next', (t) => {
  const elements = createJsonElements('json', { maxBytes: 100, mayBeArray: false });
  t.deepEqual(elements.push(Buffer.from('[ {"a":{}}')).map(String), [' {"a":{}}']);
  t.deepEqual(elements.push(Buffer.from(' , {"b":1}, 2')).map(String), [' {"b":1}']);
  t.deepEqual(elements.push(Buffer.from(']')).map(String), [' 2']);
});

test('one message has a largest size, all of them together have none', (t) => {
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
  for (const begin of ['["', '"', '{"a":"', '7']) {
    t.throws(() => read('json', [Buffer.from(`${begin}${'x'.repeat(60)}`), Buffer.from('x'.repeat(60))]), {
      message: /at most 100 bytes/,
    });
  }
});
