import test from 'ava';
import { Code } from '../../src/status/code.js';
import type { StatusError } from '../../src/status/status-error.js';
import { framed, MessageReader } from '../../src/upstream/message-reader.js';

type Found = readonly [compressed: boolean, text: string];

function read(pieces: readonly Buffer[]): { found: Found[]; isCut: boolean } {
  const reader = new MessageReader(10);
  const found: Found[] = [];
  for (const piece of pieces) {
    reader.push(piece);
    for (let one = reader.next(); one !== undefined; one = reader.next()) found.push([one.compressed, `${one.bytes}`]);
  }
  return { found, isCut: reader.isCut };
}

function* waysToCut(bytes: Buffer): Generator<Buffer[]> {
  for (let a = 0; a <= bytes.length; a++) {
    for (let b = a; b <= bytes.length; b++) yield [bytes.subarray(0, a), bytes.subarray(a, b), bytes.subarray(b)];
  }
  yield [...bytes].map((byte) => Buffer.from([byte]));
}

const message = (text: string) => Buffer.concat(framed(Buffer.from(text)));
const compressed = Buffer.from([1, 0, 0, 0, 1, 0x7a]);

for (const [fact, bytes, found, isCut] of [
  ['nothing', Buffer.alloc(0), [], false],
  ['an empty message', message(''), [[false, '']], false],
  ['a message', message('a'), [[false, 'a']], false],
  ['the largest message', message('0123456789'), [[false, '0123456789']], false],
  [
    'several messages, one compressed',
    Buffer.concat([message('ab'), message(''), compressed, message('c')]),
    [
      [false, 'ab'],
      [false, ''],
      [true, 'z'],
      [false, 'c'],
    ],
    false,
  ],
  ['a cut prefix', Buffer.concat([message('ab'), Buffer.from([0, 0, 0])]), [[false, 'ab']], true],
  ['a prefix alone', Buffer.from([0, 0, 0, 0, 1]), [], true],
  ['a cut message', Buffer.concat([message('ab'), message('cd').subarray(0, 6)]), [[false, 'ab']], true],
] satisfies [string, Buffer, Found[], boolean][]) {
  test(`${fact}, over all ways to cut it in three`, (t) => {
    for (const pieces of waysToCut(bytes)) t.deepEqual(read(pieces), { found, isCut });
  });
}

for (const [fact, bytes, cause] of [
  ['a compressed flag of 2', [2, 0, 0, 0, 0], 'expected the compressed flag 0 or 1, got 2'],
  ['a message of 11 bytes', [0, 0, 0, 0, 11], 'a message of 11 bytes'],
  ['a message of 4 GiB', [0, 255, 255, 255, 255, 0], 'a message of 4294967295 bytes'],
] as const) {
  test(`${fact} is refused at its prefix, over all ways to cut it in three`, (t) => {
    for (const pieces of waysToCut(Buffer.concat([message('ab'), Buffer.from(bytes)]))) {
      const error = t.throws(() => read(pieces)) as StatusError;
      t.is(error.code, Code.INTERNAL);
      t.regex(String(error.cause), new RegExp(cause));
    }
  });
}

test('a piece that is one message and nothing else can be taken at once; any other is left for the reader', (t) => {
  const whole = (bytes: Buffer) => new MessageReader(10).whole(bytes);
  for (const text of ['', 'a', '0123456789']) {
    t.deepEqual(whole(message(text)), { compressed: false, bytes: Buffer.from(text) });
  }
  t.deepEqual(whole(compressed), { compressed: true, bytes: Buffer.from('z') });
  for (const bytes of [
    Buffer.alloc(0),
    message('ab').subarray(0, 4),
    message('ab').subarray(0, 6),
    Buffer.concat([message('ab'), Buffer.from([0])]),
    message('01234567890'),
    Buffer.from([2, 0, 0, 0, 0]),
  ]) {
    t.is(whole(bytes), undefined);
  }
});

test('no message is taken at once while another one has begun, or waits', (t) => {
  for (const begin of [message('ab').subarray(0, 3), message('abcdef').subarray(0, 7)]) {
    const reader = new MessageReader(10);
    reader.push(begin);
    reader.next();
    t.is(reader.whole(message('c')), undefined);
  }
});
