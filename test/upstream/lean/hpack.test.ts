/** HPACK as RFC 7541 shows it, as nghttp2 encodes it, and as nobody may send it. */
import { once } from 'node:events';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { systemClock } from '../../../src/base/clock.js';
import type { Metadata, MetadataEntry } from '../../../src/call/metadata.js';
import { ConnectionError, ErrorCode } from '../../../src/upstream/lean/frames.js';
import { HpackDecoder } from '../../../src/upstream/lean/hpack-decoder.js';
import { decodeHuffman } from '../../../src/upstream/lean/huffman.js';
import { RequestBlock } from '../../../src/upstream/lean/request-block.js';
import { createLeanTransport } from '../../../src/upstream/lean/transport.js';
import { draws } from '../../support/draws.js';
import { CALL } from '../../support/http2-upstream.js';
import { openTransport } from '../../support/transport.js';

const LIST_BYTES = 64 * 1024;

function bytes(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');
}

/** Decodes blocks one after the other, as `name: value` lines. */
function decoded(...blocks: readonly string[]): string[][] {
  const decoder = new HpackDecoder(LIST_BYTES);
  return blocks.map((block) => lines(decoder.decode(bytes(block))!));
}

function lines(list: readonly string[]): string[] {
  return Array.from({ length: list.length / 2 }, (_, i) => `${list[2 * i]}: ${list[2 * i + 1]}`);
}

for (const [section, block, line] of [
  ['C.2.1', '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572', 'custom-key: custom-header'],
  ['C.2.2', '040c 2f73 616d 706c 652f 7061 7468', ':path: /sample/path'],
  ['C.2.3', '1008 7061 7373 776f 7264 0673 6563 7265 74', 'password: secret'],
  ['C.2.4', '82', ':method: GET'],
] as const)
  test(`RFC 7541 ${section}: a header by itself`, (t) => t.deepEqual(decoded(block), [[line]]));

const FIRST_REQUEST = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'];
const REQUESTS = [
  FIRST_REQUEST,
  [...FIRST_REQUEST, 'cache-control: no-cache'],
  [':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com', 'custom-key: custom-value'],
];
test('RFC 7541 C.3: requests without Huffman code', (t) =>
  t.deepEqual(
    decoded(
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ),
    REQUESTS,
  ));
test('RFC 7541 C.4: requests with Huffman code', (t) =>
  t.deepEqual(
    decoded(
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ),
    REQUESTS,
  ));

/** The examples of C.5 and C.6 have a table of 256 bytes, which this change of the size makes. */
const TABLE_OF_256 = '3fe1 01';
const RESPONSES = [
  [
    ':status: 302',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:21 GMT',
    'location: https://www.example.com',
  ],
  [
    ':status: 307',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:21 GMT',
    'location: https://www.example.com',
  ],
  [
    ':status: 200',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:22 GMT',
    'location: https://www.example.com',
    'content-encoding: gzip',
    'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
  ],
];
test('RFC 7541 C.5: answers without Huffman code, with evictions', (t) =>
  t.deepEqual(
    decoded(
      `${TABLE_OF_256} 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133
       3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
      '4803 3330 37c1 c0bf',
      `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f
       6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b
       2076 6572 7369 6f6e 3d31`,
    ),
    RESPONSES,
  ));
test('RFC 7541 C.6: answers with Huffman code, with evictions', (t) =>
  t.deepEqual(
    decoded(
      `${TABLE_OF_256} 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d
       29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
      '4883 640e ffc1 c0bf',
      `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335
       dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
    ),
    RESPONSES,
  ));

test('RFC 7541 C.1: integers, as a change of the size has them', (t) => {
  const entry = '4001 6101 62'; // a: b, which takes 34 bytes of the table
  t.deepEqual(decoded('3f9a 0a', `${entry} be`), [[], ['a: b', 'a: b']], 'C.1.2: 1337 bytes');
  t.throws(() => decoded(`2a ${entry} be`), { instanceOf: ConnectionError }, 'C.1.1: 10 bytes');
});

for (const [what, block] of [
  ['the index 0', '80'],
  ['an index behind both tables', 'be'],
  ['an index that is far behind them', 'ff80 8080 01'],
  ['a name behind both tables', '7e01 61'],
  ['an integer that does not end', 'ffff ffff ffff ffff ffff ffff ff00'],
  ['an integer of many empty bytes', '7f80 8080 8080 8080 8080 8080 8000 00'],
  ['an integer that is cut', 'ff'],
  ['a name that is cut', '4005 6162'],
  ['a value that is cut', '4001 6105 62'],
  ['no value', '4001 61'],
  ['a change of the size behind a header', '8220'],
  ['a table larger than is allowed', '3fe2 1f'],
  ['EOS inside a text', '0084 ffff ffff 0161'],
  ['padding of more than seven bits', '0082 1fff 0161'],
  ['padding that is not of ones', '0081 1801 61'],
] as const)
  test(`a header block with ${what} is none`, (t) => {
    const error = t.throws(() => decoded(block), { instanceOf: ConnectionError });
    t.is(error.errorCode, ErrorCode.COMPRESSION_ERROR);
  });

test('the table may have as many bytes as is allowed, and is empty after a change to 0', (t) => {
  const entry = '4001 6101 62';
  t.deepEqual(decoded(`3fe1 1f ${entry}`, 'be'), [['a: b'], ['a: b']]);
  t.throws(() => decoded(entry, '20 be'), { instanceOf: ConnectionError });
  t.deepEqual(decoded(entry, `20 3fe1 1f ${entry} be`), [['a: b'], ['a: b', 'a: b']]);
});

test('an entry that is larger than the table empties it, and a name survives its own eviction', (t) => {
  const large = Buffer.concat([bytes('4001 61 7f 81 1f'), Buffer.alloc(127 + 129 - 128 + 31 * 128, 0x62)]);
  const decoder = new HpackDecoder(LIST_BYTES);
  decoder.decode(bytes('4001 7801 79'));
  t.is(decoder.decode(large)!.length, 2);
  t.throws(() => decoder.decode(bytes('be')), { instanceOf: ConnectionError });
  const small = new HpackDecoder(LIST_BYTES);
  small.decode(bytes('3f0f 4001 7801 79')); // a table of 46 bytes, with one entry
  t.deepEqual(lines(small.decode(bytes('7e05 6161 6161 61'))!), ['x: aaaaa']);
});

test('a block that comes again is what the table says now', (t) => {
  const [ab, cd] = ['4001 61 01 62', '4001 63 01 64'];
  t.deepEqual(decoded(ab, 'be', 'be', 'be88'), [['a: b'], ['a: b'], ['a: b'], ['a: b', ':status: 200']]);
  t.deepEqual(decoded(ab, 'be', cd, 'be', 'bfbe', 'bf'), [
    ...[['a: b'], ['a: b'], ['c: d'], ['c: d']],
    ...[['a: b', 'c: d'], ['a: b']],
  ]);
  // The table is emptied, and filled with another header.
  t.throws(() => decoded(ab, 'be', '20 88', 'be'), { instanceOf: ConnectionError });
  t.deepEqual(decoded(ab, 'be', `20 3fe1 1f ${cd}`, 'be').at(-1), ['c: d']);
  // A table with room for one entry loses the first one.
  t.throws(() => decoded('3f03', ab, 'be', cd, 'bf'), { instanceOf: ConnectionError });
  t.deepEqual(decoded('3f03', ab, 'be', cd, 'be').at(-1), ['c: d']);
  t.throws(() => decoded('80'), { instanceOf: ConnectionError });
  t.throws(() => decoded('ff'), { instanceOf: ConnectionError });
});

test('few bytes that stand for many are counted, and the table stays whole', (t) => {
  const decoder = new HpackDecoder(LIST_BYTES);
  const value = 'v'.repeat(4000);
  t.is(decoder.decode(Buffer.concat([bytes('4001 61 7f a1 1e'), Buffer.from(value)]))!.length, 2);
  t.is(decoder.decode(Buffer.alloc(16_384, 0xbe)), undefined);
  t.deepEqual(decoder.decode(bytes('be')), ['a', value]);
});

test('a text in Huffman code may have all 256 values', (t) => {
  // The codes of 0, 1 and 255 are 13, 23 and 26 bits long (RFC 7541 Appendix B).
  const code = '1111111111000' + '11111111111111111011000' + '11111111111111111111101110';
  const padded = code.padEnd(Math.ceil(code.length / 8) * 8, '1');
  const packed = Buffer.from(padded.match(/.{8}/g)!.map((bits) => Number.parseInt(bits, 2)));
  t.is(decodeHuffman(packed, 0, packed.length), '\x00\x01\xff');
});

test('what nghttp2 encodes is decoded, over a table that overflows again and again', async (t) => {
  const draw = draws(3);
  const word = () => Array.from({ length: draw(60) }, () => String.fromCharCode(33 + draw(94))).join('');
  const keys = Array.from({ length: 40 }, (_, i) => `x-${i}-${'k'.repeat(draw(20))}`);
  const values = Array.from({ length: 60 }, word);
  const drawn = () => keys.filter(() => draw(6) === 0).map((key): MetadataEntry => [key, values[draw(values.length)]!]);
  let headers: Metadata = [];
  let trailers: Metadata = [];
  const server = createServer();
  server.on('stream', (stream) => {
    stream.respond({ 'content-type': 'application/grpc', ...Object.fromEntries(headers) }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', ...Object.fromEntries(trailers) }));
    stream.end(Buffer.alloc(5));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const transport = openTransport(createLeanTransport, `127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.teardown(async () => {
    await transport.close(0);
    server.close();
  });
  for (let i = 0; i < 200; i++) {
    [headers, trailers] = [drawn(), drawn()];
    const answer = await transport.call(CALL);
    t.deepEqual(answer.headers, headers);
    t.deepEqual(answer.trailers, trailers);
  }
});

test('headers of a call are encoded as a decoder reads them, whatever their length', (t) => {
  const block = new RequestBlock('https', 'orders:1', systemClock);
  const decoder = new HpackDecoder(1024 * 1024);
  for (const length of [0, 1, 126, 127, 128, 254, 255, 256, 16_510, 16_511, 16_512, 100_000]) {
    const metadata: Metadata = [
      ['x-a', 'v'.repeat(length)],
      ['te', 'never'],
      ['authorization', 'Bearer x'],
      ['x-b-bin', Uint8Array.from([0, 255])],
    ];
    const deadline = { at: systemClock.now() + 1e9, owner: 'route' } as const;
    const { buffer, length: end } = block.encode({ ...CALL, metadata, deadline });
    const list = decoder.decode(Buffer.from(buffer.subarray(0, end)))!;
    t.deepEqual(list.slice(0, 16), [
      ...[':method', 'POST', ':scheme', 'https', ':authority', 'orders:1', ':path', '/a.B/C'],
      ...['te', 'trailers', 'content-type', 'application/grpc', 'user-agent', 'protogate'],
      ...['grpc-accept-encoding', 'identity, gzip'],
    ]);
    t.deepEqual(list.slice(16, -2), ['x-a', 'v'.repeat(length), 'authorization', 'Bearer x', 'x-b-bin', 'AP8=']);
    t.regex(list.at(-1)!, /^1000000S|999999S|1000000000m$/);
  }
});

test('keys that many clients invent are sent, and not all of them are kept', (t) => {
  const block = new RequestBlock('http', 'orders:1', systemClock);
  const decoder = new HpackDecoder(LIST_BYTES);
  for (let i = 0; i < 5000; i++) {
    const { buffer, length } = block.encode({ ...CALL, metadata: [[`x-${i}`, 'v']] });
    t.is(decoder.decode(buffer.subarray(0, length))!.at(-2), `x-${i}`);
  }
  t.is((block as unknown as { keys: ReadonlyMap<string, unknown> }).keys.size, 1000);
});
