/**
 * HTTP/2, in plaintext and over TLS: pseudo-headers, fields, bodies, frames that no library sends,
 * broken HPACK (RFC 9113).
 */

import { verdictOnStatus } from '../../fuzz/oracle.js';
import { certificates } from '../../support/certificates.js';
import { CONTINUATION, DATA, frame, GOAWAY, getBlock, getFrame, HEADERS, literals, PING, PREFACE, PRIORITY,
  RST_STREAM, SETTINGS, WINDOW_UPDATE } from '../../support/frames.js';
import type { TestGateway } from '../../support/gateway.js';
import { tlsFiles } from '../../support/tls-files.js';
import { sharedApi, startApi } from '../api.js';
import { type Case, type Family, shown } from '../family.js';
import { BEHIND, type Heard, type Http2Target, talk } from '../http2.js';

interface Place {
  readonly gateway: TestGateway;
  readonly target: Http2Target;
}

const PATH = '/v1/things/1';

export const http2Fields: Family = {
  name: 'fields of HTTP/2',
  async cases(t) {
    const gateway = await sharedApi(t);
    return [...fields({ gateway, target: { port: gateway.port } })];
  },
};

export const http2Frames: Family = {
  name: 'frames of HTTP/2',
  async cases(t) {
    const gateway = await sharedApi(t);
    return [...frames({ gateway, target: { port: gateway.port } })];
  },
};

export const http2OverTls: Family = {
  name: 'HTTP/2 over TLS',
  async cases(t) {
    const made = certificates();
    const gateway = await startApi(t, { listen: { tls: await tlsFiles(t, made), headersTimeout: '500ms' } });
    const place = { gateway, target: { port: gateway.port, ca: made.ca } };
    // A handshake costs a hundred times as much as the case, so every seventh neighbour is enough here.
    return [...fields(place)].filter((_, index) => index % 7 === 0).concat([...frames(place)]);
  },
};

type Expected = 'served' | 'refused' | 'either';

/** A request in HEADERS. Refused means a reset, a GOAWAY or an error answer, and that nothing reaches the upstream. */
function request({ gateway, target }: Place, fact: string, bytes: Buffer, expected: Expected, status?: number): Case {
  return {
    fact,
    async attempt() {
      gateway.upstream.calls.length = 0;
      const heard = await talk(target, bytes);
      const own = gateway.upstream.calls.filter(({ request }) => (request as {
        name?: string }).name !== 'things/after').length;
      return verdictOnRequest(heard, own, expected, status);
    },
  };
}

function verdictOnRequest(heard: Heard, calls: number, expected: Expected,
  status: number | undefined): string | undefined {
  const first = heard.streams.get(1);
  const found = first?.status ?? 0;
  if (heard.isSilent) return `no end: ${found}`;
  const isServed = found >= 200 && found < 300 && first?.reset === undefined;
  if (expected === 'served' && (!isServed
    || calls !== 1)) return `${found}, reset ${first?.reset}, GOAWAY ${heard.goneAway}, ${calls} calls`;
  if (expected === 'refused' && (isServed || calls > 0)) return `${found}, ${calls} calls`;
  if (calls > 1) return `${calls} calls`;
  if (status !== undefined && found !== status) return `${found} instead of ${status}`;
  if (found >= 500 && found !== 501) return `${found}: ${first?.body.toString()}`;
  if (found >= 400 && first !== undefined && first.body.length > 0) {
    const verdict = verdictOnStatus(first.body);
    if (verdict !== undefined) return verdict;
  }
  if (expected === 'refused' && found === 0 && first?.reset === undefined && heard.goneAway === undefined
    && !heard.isClosed)
    return 'neither an answer nor a reset';
  const behind = heard.streams.get(BEHIND);
  return heard.goneAway !== undefined || heard.isClosed || behind?.status === 200 ? undefined
    : `the request behind got ${behind?.status}, reset ${behind?.reset}`;
}

type Field = readonly [name: string, value: string];

function block(fields: readonly Field[]): Buffer {
  const text = (value: string) => {
    const bytes = Buffer.from(value, 'latin1');
    // An integer with a prefix of seven bits (RFC 7541 §5.1).
    if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
    const head = [127];
    for (let left = bytes.length - 127; ; left >>= 7) {
      head.push(left < 128 ? left : (left & 127) | 128);
      if (left < 128) break;
    }
    return Buffer.concat([Buffer.from(head), bytes]);
  };
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

const METHOD: Field = [':method', 'GET'];
const SCHEME: Field = [':scheme', 'http'];
const AUTHORITY: Field = [':authority', 'a'];
const TARGET: Field = [':path', PATH];
const GOOD: readonly Field[] = [METHOD, SCHEME, AUTHORITY, TARGET];
const head = (fields: readonly Field[], flags = 5) => frame(HEADERS, flags, 1, block(fields));
const without = (name: string) => GOOD.filter(([one]) => one !== name);
const changed = (name: string, value: string): Field[] => GOOD.map((one) => (one[0] === name ? [name, value] : one));

function* fields(place: Place): Generator<Case> {
  const one = (fact: string, list: readonly Field[], expected: Expected, status?: number) => request(place, fact,
    head(list), expected, status);
  yield one('a good request', GOOD, 'served', 200);
  for (const name of [':method', ':scheme', ':path']) {
    yield one(`no ${name}`, without(name), 'refused');
    yield one(`an empty ${name}`, changed(name, ''), 'refused');
    yield one(`two ${name}`, [...GOOD, GOOD.find(([found]) => found === name)!], 'refused');
    yield one(`${name} behind a header`, [...without(name), ['x-a', 'b'], GOOD.find(([found]) => found === name)!],
      'refused');
    yield one(`${name} in capitals`, [...without(name), [name.toUpperCase(), 'GET']], 'refused');
  }
  yield one('no :authority and no host', without(':authority'), 'refused');
  yield one('host alone', [...without(':authority'), ['host', 'a']], 'served', 200);
  yield one('host like :authority', [...GOOD, ['host', 'a']], 'served', 200);
  // The values are compared after normalization (RFC 9113 §8.3.1), and the case of a host does not matter (RFC 3986 §6.2.2.1).
  yield one('host like :authority in capitals', [...GOOD, ['host', 'A']], 'served', 200);
  for (const host of ['b', 'a:80', 'ab', 'A.', '']) yield one(`host ${shown(host)} beside :authority`, [...GOOD, ['host',
    host]], 'refused');
  yield one('two hosts', [...without(':authority'), ['host', 'a'], ['host', 'a']], 'refused');
  yield one('two :authority', [...GOOD, AUTHORITY], 'refused');
  for (const value of ['a b', 'a/b', '[::1', 'u@a', 'u:p@a', 'a:b', ':80', 'a%zz', 'a?b', 'a#b', '<a>', 'a,b c',
    'a"b', 'http://a', '\xff', 'a\tb', 'a\0b', 'a\r\nb', ' a', 'a ', ''])
    yield one(`:authority ${shown(value)}`, changed(':authority', value),
      value === ' a' || value === 'a ' ? 'either' : 'refused');
  for (const name of [':status', ':protocol', ':x', ':', ':Path', '::path', ': path', ':host',
    ':method ']) yield one(`the field ${name}`, [...GOOD, [name, '200']], 'refused');
  for (const method of ['get', 'BREW', 'GET ', ' GET', 'G T', 'GET\0', 'CONNECT', 'PRI', '\xff', 'GET\r\n',
    'a'.repeat(5000), 'TRACE', 'POST']) yield one(`the method ${shown(method)}`, changed(':method', method),
    'refused');
  for (const scheme of ['https', 'ftp', 'javascript', 'x', 'HTTP', 'h ttp',
    '\xff']) yield one(`the scheme ${shown(scheme)}`, changed(':scheme', scheme), 'either');
  for (const path of ['a', '*', 'v1/things/1', 'http://a/', '?x', '#', ' /v1/things/1', '/v1/things/1 ',
    '/v1/things/\xff', '/v1/things/a b', '/v1/things/a\tb', '/v1/things/a\0', '/v1/things/a\r\nb', '/v1/files/..',
    '/v1/files/%2e%2e', '/v1/%', '/v1/things/%ff', '//', '/v1/things/1?nope=1', '/nowhere', '\\v1',
    '/v1/things/\x7f'])
    yield one(`:path ${shown(path)}`, changed(':path', path), 'refused');
  for (const [name, value] of [['connection', 'close'], ['connection', 'x-a'], ['keep-alive', 'timeout=5'],
    ['proxy-connection', 'close'], ['transfer-encoding', 'chunked'], ['transfer-encoding', 'gzip'], ['upgrade',
    'h2c'], ['upgrade', 'websocket'], ['te', 'gzip'], ['te', 'trailers, gzip'], ['content-length', '5'],
    ['content-length', '-1'], ['content-length', 'x'], ['content-length', '1, 1']] as const)
    yield one(`${name}: ${value}`, [...GOOD, [name, value]], 'refused');
  for (const [name, value] of [['te', 'trailers'], ['content-length', '0'], ['x-a', 'b'], ['cookie', 'a=b'],
    ['__proto__', 'a'], ['constructor', 'a'], ['http2-settings', 'x'], ['expect', '100-continue']] as const)
    yield one(`${name}: ${value}`, [...GOOD, [name, value]], 'served');
  yield one('expect: magic', [...GOOD, ['expect', 'magic']], 'refused', 417);
  for (let octet = 0; octet < 256; octet++) {
    const char = String.fromCharCode(octet);
    // Node drops such fields before anybody sees them, or nghttp2 refuses the request; neither may let an octet through.
    const isName = /^[a-z0-9!#$%&'*+.^_`|~-]$/.test(char);
    yield one(`${shown(char)} in a name`, [...GOOD, [`y${char}a`, 'b']], isName ? 'served' : 'either');
    const isValue = octet === 9 || (octet >= 0x20 && octet !== 0x7f);
    yield one(`${shown(char)} in a value`, [...GOOD, ['y-a', `a${char}b`]], isValue ? 'served' : 'either');
    yield one(`${shown(char)} in a value for the upstream`, [...GOOD, ['x-a', `a${char}b`]],
      octet >= 0x20 && octet < 0x7f ? 'served' : 'either');
  }
  yield one('a name in capitals', [...GOOD, ['X-A', 'b']], 'refused');
  yield one('an empty name', [...GOOD, ['', 'b']], 'either');
  yield one('a head over the limit', [...GOOD, ['y-a', 'a'.repeat(9000)]], 'refused', 431);
  yield request(place, 'HEAD with a head over the limit', head([...changed(':method', 'HEAD'), ['y-a',
    'a'.repeat(9000)]]), 'refused', 431);
  yield one('two hundred fields', [...GOOD, ...Array.from({ length: 200 }, (_, i): Field => [`y-${i}`, 'b'])],
    'either');
  yield one('five hundred cookies', [...GOOD, ...Array.from({ length: 500 }, (): Field => ['cookie', 'a=b'])],
    'refused');
  const post: readonly Field[] = [[':method', 'POST'], SCHEME, AUTHORITY, [':path', '/v1/all'], ['content-type',
    'application/json']];
  const body = (fact: string, length: string | undefined, data: Buffer, expected: Expected, status?: number) =>
    request(place, fact, Buffer.concat([head(length === undefined ? post : [...post, ['content-length', length]], 4),
      data]), expected, status);
  const data = (text: string, flags = 1) => frame(DATA, flags, 1, Buffer.from(text));
  yield body('a body', undefined, data('{"i32":1}'), 'served', 200);
  yield body('a body with its length', '9', data('{"i32":1}'), 'served', 200);
  for (const length of ['8', '10', '0', '99999999999999999999', '9,9', '+9',
    '0x9']) yield body(`a length of ${shown(length)} for 9 bytes`, length, data('{"i32":1}'), 'refused');
  yield body('a length over the limit', '99999999', data('{', 0), 'refused', 413);
  yield body('a body that is no JSON', undefined, data('{'), 'refused', 400);
  yield body('a padded body', undefined, frame(DATA, 9, 1, Buffer.concat([Buffer.from([2]), Buffer.from('{"i32":1}'),
    Buffer.alloc(2)])), 'served', 200);
  yield body('a reset behind half a body', undefined, Buffer.concat([data('{', 0), frame(RST_STREAM, 0, 1,
    Buffer.from([0, 0, 0, 8]))]), 'either');
  yield body('trailers', undefined, Buffer.concat([data('{"i32":1}', 0), frame(HEADERS, 5, 1, block([['x-a',
    'b']]))]), 'served', 200);
  yield body('pseudo-headers as trailers', undefined, Buffer.concat([data('{"i32":1}', 0), frame(HEADERS, 5, 1,
    block([TARGET]))]), 'either');
  yield body('trailers that do not end the stream', undefined, Buffer.concat([data('{"i32":1}', 0), frame(HEADERS, 4,
    1, block([['x-a', 'b']]))]), 'refused');
}

const BLOCK = getBlock(PATH);
const u32 = (value: number) => Buffer.from([(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255,
  value & 255]);
const setting = (id: number, value: number) => Buffer.concat([Buffer.from([id >> 8, id & 255]), u32(value)]);

/** Frames that break the rules of a connection. The gateway ends it; the process and other connections live on. */
function* frames(place: Place): Generator<Case> {
  const wrong = (fact: string, bytes: Buffer, preface?: Uint8Array): Case => ({
    fact,
    async attempt() {
      place.gateway.upstream.calls.length = 0;
      const heard = await talk(place.target, bytes, preface);
      const first = heard.streams.get(1);
      const isTold = heard.goneAway !== undefined || heard.isClosed || (first !== undefined && (
        first.reset !== undefined || first.status >= 400));
      if (!isTold) return `the gateway says nothing: status ${first?.status}, behind ${heard.streams.get(BEHIND)?.status}`;
      return place.gateway.upstream.calls.length > 2 ? `${place.gateway.upstream.calls.length} calls` : undefined;
    },
  });
  const ignored = (fact: string, bytes: Buffer) => request(place, fact, Buffer.concat([getFrame(1, PATH), bytes]),
    'served', 200);
  for (const [type, name, lengths] of [[SETTINGS, 'SETTINGS', [1, 5, 7, 11]], [PING, 'PING', [0, 7, 9, 16]],
    [RST_STREAM, 'RST_STREAM', [0, 3, 5]], [WINDOW_UPDATE, 'WINDOW_UPDATE', [0, 3, 5]], [PRIORITY, 'PRIORITY', [0, 4,
    6]], [GOAWAY, 'GOAWAY', [0, 7]]] as const)
    for (const length of lengths) yield wrong(`${name} of ${length} bytes`, Buffer.concat([getFrame(1, PATH),
      frame(type, 0, type === SETTINGS || type === PING || type === GOAWAY ? 0 : 1, Buffer.alloc(length))]));
  for (const [type, name] of [[DATA, 'DATA'], [HEADERS, 'HEADERS'], [PRIORITY, 'PRIORITY'], [RST_STREAM,
    'RST_STREAM'], [CONTINUATION, 'CONTINUATION'], [5, 'PUSH_PROMISE']] as const) yield wrong(`${name} on stream 0`,
    frame(type, 4, 0, type === PRIORITY ? Buffer.alloc(5) : type === RST_STREAM ? Buffer.alloc(4) : BLOCK));
  for (const [type, name, length] of [[SETTINGS, 'SETTINGS', 0], [PING, 'PING', 8], [GOAWAY, 'GOAWAY',
    8]] as const) yield wrong(`${name} on stream 1`, Buffer.concat([getFrame(1, PATH), frame(type, 0, 1,
    Buffer.alloc(length))]));
  for (const [fact, id, value] of [['ENABLE_PUSH 2', 2, 2], ['a window of 2^31', 4, 2 ** 31], ['frames of 1 byte', 5,
    1], ['frames of 2^24', 5, 2 ** 24], ['frames of 16,383 bytes', 5,
    16_383]] as const) yield wrong(`SETTINGS with ${fact}`, frame(SETTINGS, 0, 0, setting(id, value)));
  for (const [id, value] of [[1, 0], [1, 2 ** 32 - 1], [3, 0], [4, 2 ** 31 - 1], [6, 0], [99, 7], [0, 0], [8,
    1]] as const) yield ignored(`SETTINGS ${id} = ${value}`, frame(SETTINGS, 0, 0, setting(id, value)));
  yield wrong('an acknowledgement of SETTINGS with a payload', frame(SETTINGS, 1, 0, setting(1, 1)));
  yield wrong('PUSH_PROMISE from a client', Buffer.concat([getFrame(1, PATH), frame(5, 4, 1, Buffer.concat([u32(2),
    BLOCK]))]));
  for (const id of [2, 4, 100]) yield wrong(`HEADERS on stream ${id}`, frame(HEADERS, 5, id, BLOCK));
  yield wrong('HEADERS twice on a stream', Buffer.concat([getFrame(1, PATH), getFrame(1, PATH)]));
  for (const id of [1, 3, 2, 2 ** 31 - 1]) {
    yield wrong(`DATA on stream ${id} that never was`, frame(DATA, 1, id, Buffer.from('{}')));
    yield wrong(`RST_STREAM on stream ${id} that never was`, frame(RST_STREAM, 0, id, u32(8)));
    yield wrong(`WINDOW_UPDATE on stream ${id} that never was`, frame(WINDOW_UPDATE, 0, id, u32(1)));
  }
  yield wrong('DATA behind the end of a stream', Buffer.concat([getFrame(1, PATH), frame(DATA, 1, 1,
    Buffer.from('{}'))]));
  yield wrong('WINDOW_UPDATE of 0', frame(WINDOW_UPDATE, 0, 0, u32(0)));
  yield wrong('WINDOW_UPDATE over 2^31', Buffer.concat([frame(WINDOW_UPDATE, 0, 0, u32(2 ** 31 - 1)),
    frame(WINDOW_UPDATE, 0, 0, u32(2 ** 31 - 1))]));
  yield wrong('CONTINUATION without HEADERS', frame(CONTINUATION, 4, 1, BLOCK));
  for (const [name, between] of [['PING', frame(PING, 0, 0, Buffer.alloc(8))], ['SETTINGS', frame(SETTINGS, 0, 0)],
    ['HEADERS', getFrame(3, PATH)], ['DATA', frame(DATA, 1, 1)], ['CONTINUATION of another stream',
    frame(CONTINUATION, 4, 3, BLOCK)], ['an unknown frame', frame(0xfa, 0, 0)]] as const)
    yield wrong(`${name} within a head`, Buffer.concat([frame(HEADERS, 1, 1, BLOCK.subarray(0, 4)), between,
      frame(CONTINUATION, 4, 1, BLOCK.subarray(4))]));
  for (const [type, name] of [[HEADERS, 'HEADERS'], [DATA, 'DATA']] as const) {
    for (const pad of [10, 255]) yield wrong(`${name} with ${pad} bytes of padding in less`,
      type === HEADERS ? frame(HEADERS, 13, 1, Buffer.from([pad, 1, 2])) : Buffer.concat([frame(HEADERS, 4, 1,
      BLOCK), frame(DATA, 9, 1, Buffer.from([pad, 1, 2]))]));
    yield wrong(`${name} of 16,385 bytes`, type === HEADERS ? frame(HEADERS, 5, 1,
      Buffer.alloc(16_385)) : Buffer.concat([frame(HEADERS, 4, 1, BLOCK), frame(DATA, 1, 1, Buffer.alloc(16_385))]));
  }
  yield wrong('a stream that depends on itself', Buffer.concat([frame(HEADERS, 0x25, 1, Buffer.concat([u32(1),
    Buffer.from([0]), BLOCK]))]));
  for (const [fact, bytes] of Object.entries({
    'index 0': '80', 'an index that is not there': 'be', 'a large index': 'ffffffff0f',
      'an index without end': 'ffffffffffffffffff', 'a literal that is cut': '0005', 'a name that is cut': '000561',
      'a value that is cut': '0001610561', 'Huffman with a bad end': '000161817f00',
      'Huffman with EOS': '00016184ffffffff', 'a table of 2^30': '3fe1ffffff03',
      'a table size behind a field': '823f00', 'a literal with index 99': '5f4461', 'one byte': '00',
      'nothing but ff': 'ff'.repeat(20),
  }))
    yield wrong(`HPACK: ${fact}`, frame(HEADERS, 5, 1, Buffer.from(bytes, 'hex')));
  for (const type of [0x0a, 0x0b, 0x10, 0x80, 0xfa, 0xff]) for (const stream of [0, 1,
    3]) yield ignored(`a frame of type ${type} on stream ${stream}`, frame(type, 255, stream, Buffer.alloc(9)));
  yield ignored('PRIORITY on a stream to come', frame(PRIORITY, 0, 77, Buffer.alloc(5)));
  yield wrong('an acknowledgement of no PING', Buffer.concat([getFrame(1, PATH), frame(PING, 1, 0, Buffer.alloc(8))]));
  for (const [fact, preface] of [['a preface that is bent', Buffer.from(PREFACE.map((byte,
    i) => (i === 10 ? 65 : byte)))], ['a preface in small letters',
    Buffer.from(PREFACE.toString('latin1').toLowerCase(), 'latin1')], ['a preface without SETTINGS',
    Buffer.concat([PREFACE.subarray(0, 24), frame(PING, 0, 0, Buffer.alloc(8))])], ['a preface twice',
    Buffer.concat([PREFACE, PREFACE])], ['no preface', Buffer.alloc(0)], ['half a preface', PREFACE.subarray(0,
    20)]] as const)
    yield wrong(fact, Buffer.alloc(0), preface);
  yield wrong('literals of HTTP/1.1', Buffer.concat([frame(HEADERS, 5, 1, literals({ 'GET / HTTP/1.1': '' }))]));
}
