/**
 * Upstreams that answer badly, on each transport. The client gets one clean error within the deadline and
 * nothing of what the upstream sent, and the next call is served.
 */

import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { verdictOnFailure } from '../../fuzz/oracle.js';
import { CONTINUATION, DATA, frame, GOAWAY, HEADERS, literals, PING, PRIORITY, RST_STREAM, SETTINGS,
  WINDOW_UPDATE } from '../../support/frames.js';
import type { TestGateway } from '../../support/gateway.js';
import { startApi } from '../api.js';
import { type BadUpstream, SETTINGS_FRAME, startBadUpstream } from '../bad-upstream.js';
import { type Case, type Family, patience, shown } from '../family.js';

export const upstreams: Family = {
  name: 'upstreams that answer badly',
  async cases(t, isShort) {
    const lanesOfEach = isShort ? 1 : LANES;
    const lanes = TRANSPORTS.flatMap((transport) => Array.from({ length: lanesOfEach }, (_, lane) => ({ transport, lane })));
    const found = await Promise.all(
      lanes.map(async ({ transport, lane }, index) => {
        const upstream = await startBadUpstream(t);
        const bad = { target: upstream.target, transport, timeout: '300ms', services: ['*'] };
        const place = { upstream, gateway: await startApi(t, { upstreams: { bad }, listen: { headersTimeout: '10s' } }), transport };
        const all = [...good(place), ...statuses(place), ...messages(place), ...ends(place), ...frames(place)];
        return all.filter((_, at) => at % lanesOfEach === lane).map((one) => ({ ...one, lane: index }));
      }),
    );
    return found.flat();
  },
};

/** Most cases wait for a deadline, so many are tried at once. */
const LANES = 8;
const TRANSPORTS = ['lean', 'http2', 'grpc-js'] as const;

interface Place {
  readonly upstream: BadUpstream;
  readonly gateway: TestGateway;
  readonly transport: string;
}

/** Something that the answer of the gateway must never show. */
const SECRET = 'inside-10-0-0-7';
const OK_HEAD = { ':status': '200', 'content-type': 'application/grpc' };

const head = (stream: number, fields: Readonly<Record<string, string>>, isLast = false) => frame(HEADERS,
  isLast ? 5 : 4, stream, literals(fields));
const data = (stream: number, bytes: Buffer, flags = 0) => frame(DATA, flags, stream, bytes);
const trailers = (stream: number, fields: Readonly<Record<string, string>> = { 'grpc-status': '0' }) => head(stream,
  fields, true);

function prefixed(bytes: Uint8Array, flag = 0, length = bytes.length): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, bytes]);
}

const NAMED = Buffer.from('0a0161', 'hex');
const whole = (stream: number) => Buffer.concat([head(stream, OK_HEAD), data(stream, prefixed(NAMED)),
  trailers(stream)]);

type Answer = (stream: number, socket: Socket) => Buffer | undefined;
/** `served`: 200. `failed`: an error that is the upstream's. A number: that status. */
type Expected = 'served' | 'failed' | 'either' | readonly number[];

function call({ upstream, gateway, transport }: Place, fact: string, expected: Expected, answer: Answer,
  onConnection?: (socket: Socket) => void): Case {
  const serve = (one: Answer) => {
    upstream.onCall = (socket, stream) => {
      const bytes = one(stream, socket);
      if (bytes !== undefined) socket.write(bytes);
    };
  };
  const ask = async () => {
    const begunAt = performance.now();
    const { status, text } = await gateway
      .send('GET', '/v1/things/1')
      .catch((error: NodeJS.ErrnoException) => ({ status: 0, text: `no answer: ${error.code}` }));
    return { status, text, ms: performance.now() - begunAt };
  };
  return {
    fact: `${transport}: ${fact}`,
    async attempt() {
      if (onConnection !== undefined) {
        upstream.cut();
        upstream.onConnection = onConnection;
      }
      serve(answer);
      const found = await ask();
      // The next call is served, over the same connection or over another one.
      upstream.onConnection = (socket) => void socket.write(SETTINGS_FRAME);
      serve(whole);
      let next = await ask();
      for (const end = performance.now() + 2 * patience.ms; next.status !== 200 && performance.now() < end; ) next = await ask();
      return verdictOnCall(found,
        expected) ?? (next.status === 200 ? undefined : `the next call got ${next.status}: ${next.text}`);
    },
  };
}

function verdictOnCall({ status, text, ms }: { status: number; text: string; ms: number },
  expected: Expected): string | undefined {
  if (ms > patience.ms) return `${Math.round(ms)} ms`;
  if (text.includes(SECRET)) return `something of the inside: ${text}`;
  if (typeof expected === 'object' && !expected.includes(
    status)) return `${status} instead of ${expected.join(' or ')}: ${text.slice(0, 200)}`;
  if (status === 200) return expected === 'failed' ? `200: ${text}` : undefined;
  if (expected === 'served') return `${status}: ${text.slice(0, 200)}`;
  return verdictOnFailure(status, Buffer.from(text));
}

function* good(place: Place): Generator<Case> {
  yield call(place, 'a whole answer', 'served', whole);
  yield call(place, 'a message in pieces of one byte', 'served', (s) => Buffer.concat([head(s, OK_HEAD),
    ...[...prefixed(NAMED)].map((byte) => data(s, Buffer.from([byte]))), trailers(s)]));
  yield call(place, 'empty DATA frames', 'served', (s) => Buffer.concat([head(s, OK_HEAD), data(s, Buffer.alloc(0)),
    data(s, prefixed(NAMED)), data(s, Buffer.alloc(0)), trailers(s)]));
  yield call(place, 'padding', 'served', (s) => Buffer.concat([head(s, OK_HEAD), data(s,
    Buffer.concat([Buffer.from([3]), prefixed(NAMED), Buffer.alloc(3)]), 8), trailers(s)]));
  yield call(place, 'unknown fields', 'served', (s) => Buffer.concat([head(s, OK_HEAD), data(s,
    prefixed(Buffer.from('0a0161f87f01fa7f03616263', 'hex'))), trailers(s)]));
  yield call(place, 'an empty message', 'served', (s) => Buffer.concat([head(s, OK_HEAD), data(s,
    prefixed(Buffer.alloc(0))), trailers(s)]));
  yield call(place, 'unknown frames and PING between', 'served', (s) => Buffer.concat([head(s, OK_HEAD), frame(0xfa,
    255, s, Buffer.alloc(9)), frame(PING, 0, 0, Buffer.alloc(8)), frame(PRIORITY, 0, s, Buffer.alloc(5)), data(s,
    prefixed(NAMED)), trailers(s)]));
  yield call(place, 'gzip that it did not ask for', 'either', (s) => Buffer.concat([head(s, { ...OK_HEAD,
    'grpc-encoding': 'gzip' }), data(s, prefixed(gzipSync(NAMED), 1)), trailers(s)]));
}

function* statuses(place: Place): Generator<Case> {
  const answered = (fields: Readonly<Record<string, string>>) => (s: number) => Buffer.concat([head(s, OK_HEAD),
    data(s, prefixed(NAMED)), trailers(s, fields)]);
  const only = (fields: Readonly<Record<string, string>>) => (s: number) => head(s, { ...OK_HEAD, ...fields }, true);
  // A status that is no valid number counts as UNKNOWN, and never as OK.
  for (const status of ['', ' ', '0x0', '0x5', '1e0', '0e0', '+0', '-0', '00x', '0 0', '0,0', 'OK', 'ok', '-1', '17',
    '99', '999999999999', '1.0', '0.0', 'NaN', 'null', 'true', 'a', '\u00b2'.replace('\u00b2', '2b'), '0;', '"0"']) {
    yield call(place, `grpc-status ${shown(status)} behind a message`, 'failed', answered({ 'grpc-status': status }));
    yield call(place, `grpc-status ${shown(status)} alone`, 'failed', only({ 'grpc-status': status }));
  }
  for (const status of ['00', '000', ' 0', '0 ']) yield call(place, `grpc-status ${shown(status)}`, 'either',
    answered({ 'grpc-status': status }));
  const byCode: Readonly<Record<number, number>> = { 1: 499, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429,
    9: 400, 10: 409, 11: 400, 12: 501, 13: 500, 14: 503, 15: 500, 16: 401 };
  for (const [code, status] of Object.entries(byCode)) {
    yield call(place, `the code ${code} alone`, [status], only({ 'grpc-status': code }));
    yield call(place, `the code ${code} behind a message`, [status], answered({ 'grpc-status': code }));
    yield call(place, `the code ${code} with a text`, [status], only({ 'grpc-status': code, 'grpc-message': [1, 2, 4,
      13, 14, 15].includes(Number(code)) ? SECRET : 'a text' }));
  }
  yield call(place, 'OK without a message', 'failed', only({ 'grpc-status': '0' }));
  yield call(place, 'no status', 'failed', answered({ 'x-a': 'b' }));
  yield call(place, 'OK in the head, and another code behind', 'failed', (s) => Buffer.concat([head(s, { ...OK_HEAD,
    'grpc-status': '0' }), data(s, prefixed(NAMED)), trailers(s, { 'grpc-status': '13' })]));
  for (const text of ['%', '%z', '%zz', '%ff', '%00', '%0d%0a', '%F0%9F%98%80', 'a'.repeat(120), '<script>', '"',
    '\\', '%2']) yield call(place, `the text ${shown(text)}`, [404], only({ 'grpc-status': '5',
    'grpc-message': text }));
  for (const details of ['', '=', '*', 'AAAA', 'CAU', 'CAISBWlubmVy', '////////', 'AA==AA==', 'a,b', 'CAUaBgoEeC95eg'])
    yield call(place, `the details ${shown(details)}`, 'failed', only({ 'grpc-status': '5', 'grpc-message': 'a',
      'grpc-status-details-bin': details }));
  for (const status of ['100', '101', '103', '199', '204', '301', '302', '304', '400', '401', '403', '404', '429',
    '500', '502', '503', '504', '599', '600', '999', '000', '0', '20', '2000', 'abc', '', '-200', '+200', ' 200'])
    yield call(place, `HTTP status ${shown(status)}`, 'failed', (s) => Buffer.concat([head(s, { ':status': status,
      'content-type': 'text/html' }), data(s, Buffer.from(`<h1>${SECRET}</h1>`), 1)]));
  for (const type of ['text/html', 'application/json', '', 'application/grpcx', 'application/grpc-web', 'grpc',
    'application/', 'x', 'application/xml+grpc'])
    yield call(place, `content-type ${shown(type)}`, place.transport === 'grpc-js' ? 'either' : 'failed',
      (s) => Buffer.concat([head(s, { ':status': '200', 'content-type': type }), data(s, prefixed(NAMED)),
      trailers(s)]));
  yield call(place, 'no content-type', place.transport === 'grpc-js' ? 'either' : 'failed',
    (s) => Buffer.concat([head(s, { ':status': '200' }), data(s, prefixed(NAMED)), trailers(s)]));
  for (const fields of [{ ':status': '200', ':path': '/' }, { ':path': '/x' }, { ':method': 'GET' }, {},
    { 'x-a': 'b' }, { ':status': '200', connection: 'close' }, { ':status': '200', 'X-A': 'b' }, { ':status': '200',
    '': 'b' }, { ':status': '200', 'x a': 'b' }, { ':status': '200', 'x-a': 'b\r\nc: d' }, { ':status': '200',
    'x-a': 'b\0c' }, { ':status': '200', 'transfer-encoding': 'chunked' }, { ':status': '200',
    'content-length': '1' }] as Record<string, string>[])
    yield call(place, `the head ${shown(JSON.stringify(fields))}`, 'either', (s) => Buffer.concat([head(s,
      { ...fields, 'content-type': 'application/grpc' }), data(s, prefixed(NAMED)), trailers(s)]));
}

function* messages(place: Place): Generator<Case> {
  const sends = (bytes: Buffer) => (s: number) => Buffer.concat([head(s, OK_HEAD), data(s, bytes), trailers(s)]);
  for (let flag = 1; flag < 256; flag = flag < 4 ? flag + 1 : flag * 2 - 1) yield call(place, `the flag ${flag}`,
    'failed', sends(prefixed(NAMED, flag)));
  for (const length of [0, 2, 4, 100, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) yield call(place,
    `a length of ${length} for 3 bytes`, 'failed', sends(prefixed(NAMED, 0, length)));
  for (const count of [1, 2, 3, 4]) yield call(place, `${count} bytes of a prefix`, 'failed',
    sends(prefixed(NAMED).subarray(0, count)));
  yield call(place, 'two messages', 'failed', sends(Buffer.concat([prefixed(NAMED), prefixed(NAMED)])));
  yield call(place, 'a message and a byte', 'failed', sends(Buffer.concat([prefixed(NAMED), Buffer.from([0])])));
  yield call(place, 'text', 'failed', sends(Buffer.from(SECRET)));
  yield call(place, 'gzip of a bomb', 'failed', (s) => Buffer.concat([head(s, { ...OK_HEAD,
    'grpc-encoding': 'gzip' }), data(s, prefixed(gzipSync(Buffer.alloc(10 << 20)), 1).subarray(0, 16_000)),
    trailers(s)]));
  for (const coding of ['gzip', 'deflate', 'br', 'x', 'snappy']) yield call(place, `${coding} that is none`,
    'failed', (s) => Buffer.concat([head(s, { ...OK_HEAD, 'grpc-encoding': coding }), data(s,
    prefixed(Buffer.from('no gzip'), 1)), trailers(s)]));
  // No protobuf: cut, wrong wire types, field 0, groups without end, lengths beyond the end, text that is not UTF-8.
  for (const bytes of ['0a', '0a05', '0a0561', '0a8080808080808080808001', '0affffffffffffffffff7f', '0e', '0f',
    '06', '07', '0001', '020161', '0b', '0c', '0b0a', '0bffff', '08', '0880', '08ffffffffffffffffffff01', '0d',
    '0d0102', '09', '09010203', '8080808080808080808001', 'ffffffffffffffffffff', '0a01ff', '0a02c328', '0a03eda080',
    '0a04f4908080', '0a02c0af', '1201ff', `${'0b'.repeat(1000)}`, `${'13'.repeat(5000)}`, `${'0a0161'.repeat(10)}0a`])
    yield call(place, `the message ${shown(bytes)}`, 'failed', sends(prefixed(Buffer.from(bytes, 'hex'))));
}

function* ends(place: Place): Generator<Case> {
  const begun = (s: number) => Buffer.concat([head(s, OK_HEAD), data(s, prefixed(NAMED).subarray(0, 6))]);
  yield call(place, 'silence', 'failed', () => undefined);
  yield call(place, 'a head and silence', 'failed', (s) => head(s, OK_HEAD));
  yield call(place, 'half a message and silence', 'failed', begun);
  yield call(place, 'an end behind the head', 'failed', (s) => Buffer.concat([head(s, OK_HEAD), data(s,
    Buffer.alloc(0), 1)]));
  yield call(place, 'an end behind half a message', 'failed', (s) => Buffer.concat([begun(s), data(s,
    Buffer.alloc(0), 1)]));
  yield call(place, 'OK behind half a message', 'failed', (s) => Buffer.concat([begun(s), trailers(s)]));
  yield call(place, 'an end behind a message', 'failed', (s) => Buffer.concat([head(s, OK_HEAD), data(s,
    prefixed(NAMED), 1)]));
  for (const [what, before] of [['at once', () => Buffer.alloc(0)], ['behind the head', (s: number) => head(s,
    OK_HEAD)], ['behind half a message', begun]] as const) {
    yield call(place, `the connection ends ${what}`, 'failed', (s, socket) => void socket.end(before(s)));
    yield call(place, `the connection is reset ${what}`, 'failed', (s, socket) => void socket.write(before(s),
      () => socket.resetAndDestroy()));
    for (let code = 0; code <= 14; code++) yield call(place, `RST_STREAM ${code} ${what}`, 'failed',
      (s) => Buffer.concat([before(s), frame(RST_STREAM, 0, s, Buffer.from([0, 0, 0, code]))]));
    for (const code of [0, 1, 2, 11, 99]) yield call(place, `GOAWAY ${code} ${what}, without this stream`, 'failed',
      (s, socket) => void socket.end(Buffer.concat([before(s), frame(GOAWAY, 0, 0, Buffer.from([0, 0, 0, 0, 0, 0, 0,
      code]))])));
  }
  yield call(place, 'a reset behind a whole answer', 'either', (s) => Buffer.concat([whole(s), frame(RST_STREAM, 0,
    s, Buffer.from([0, 0, 0, 8]))]));
  yield call(place, 'an end behind a whole answer', 'served', (s, socket) => void socket.end(whole(s)));
  yield call(place, 'a whole answer twice', 'either', (s) => Buffer.concat([whole(s), whole(s)]));
}

function* frames(place: Place): Generator<Case> {
  const breaks = (fact: string, bytes: (s: number) => Buffer) => call(place, fact, 'failed', bytes);
  const garbage = ['garbage!', 'HTTP/1.1 400 Bad Request\r\n\r\n', '\x15\x03\x03\x00\x02\x02\x28', 'SSH-2.0-x\r\n',
    '\0'.repeat(9), '\xff'.repeat(100), `{"error":"${SECRET}"}`];
  for (const text of garbage) {
    yield breaks(`the bytes ${shown(text)}`, () => Buffer.from(text, 'latin1'));
    yield breaks(`the bytes ${shown(text)} behind the head`, (s) => Buffer.concat([head(s, OK_HEAD),
      Buffer.from(text, 'latin1')]));
    yield call(place, `a connection that begins with ${shown(text)}`, 'failed', () => undefined,
      (socket) => void socket.write(Buffer.from(text, 'latin1')));
  }
  yield call(place, 'a connection that ends at once', 'failed', () => undefined, (socket) => void socket.end());
  yield call(place, 'a connection that is reset at once', 'failed', () => undefined,
    (socket) => void socket.resetAndDestroy());
  yield call(place, 'a connection that begins with GOAWAY', 'failed', () => undefined,
    (socket) => void socket.write(Buffer.concat([SETTINGS_FRAME, frame(GOAWAY, 0, 0, Buffer.alloc(8))])));
  yield call(place, 'a connection that begins with bad SETTINGS', 'failed', () => undefined,
    (socket) => void socket.write(frame(SETTINGS, 0, 0, Buffer.alloc(5))));
  for (const [fact, bytes] of Object.entries<(s: number) => Buffer>({
    'DATA before HEADERS': (s) => data(s, prefixed(NAMED)),
    'DATA on stream 0': () => data(0, prefixed(NAMED)),
    'HEADERS on stream 0': () => head(0, OK_HEAD),
    'DATA of a stream that never was': (s) => Buffer.concat([head(s, OK_HEAD), data(s + 100, prefixed(NAMED))]),
    'HEADERS of a stream of the server': (s) => Buffer.concat([head(s, OK_HEAD), head(2, OK_HEAD)]),
    'PUSH_PROMISE': (s) => Buffer.concat([head(s, OK_HEAD), frame(5, 4, s, Buffer.concat([Buffer.from([0, 0, 0, 2]),
      literals(OK_HEAD)]))]),
    'SETTINGS of 5 bytes': (s) => Buffer.concat([head(s, OK_HEAD), frame(SETTINGS, 0, 0, Buffer.alloc(5))]),
    'PING of 7 bytes': (s) => Buffer.concat([head(s, OK_HEAD), frame(PING, 0, 0, Buffer.alloc(7))]),
    'WINDOW_UPDATE of 0': (s) => Buffer.concat([head(s, OK_HEAD), frame(WINDOW_UPDATE, 0, 0, Buffer.alloc(4))]),
    'a frame of 16,385 bytes': (s) => Buffer.concat([head(s, OK_HEAD), data(s, Buffer.alloc(16_385))]),
    'bad padding': (s) => Buffer.concat([head(s, OK_HEAD), data(s, Buffer.from([9, 0]), 8)]),
    'CONTINUATION alone': (s) => frame(CONTINUATION, 4, s, literals(OK_HEAD)),
    'a head without its end': (s) => Buffer.concat([frame(HEADERS, 0, s, literals(OK_HEAD)), data(s, prefixed(NAMED))]),
    'a frame that is cut': (s) => Buffer.concat([head(s, OK_HEAD), Buffer.from([0, 1, 0, 0, 0])]),
    'HPACK index 0': (s) => frame(HEADERS, 4, s, Buffer.from('80', 'hex')),
    'an HPACK index that is not there': (s) => frame(HEADERS, 4, s, Buffer.from('ff00', 'hex')),
    'an HPACK literal that is cut': (s) => frame(HEADERS, 4, s, Buffer.from('0005', 'hex')),
    'bad HPACK in the trailers': (s) => Buffer.concat([head(s, OK_HEAD), data(s, prefixed(NAMED)), frame(HEADERS, 5,
      s, Buffer.from('80', 'hex'))]),
    'trailers without an end': (s) => Buffer.concat([head(s, OK_HEAD), data(s, prefixed(NAMED)), head(s,
      { 'grpc-status': '0' })]),
    'a status in trailers': (s) => Buffer.concat([head(s, OK_HEAD), data(s, prefixed(NAMED)), trailers(s,
      { ':status': '200', 'grpc-status': '0' })]),
    'heads of 100 KB': (s) => Buffer.concat([frame(HEADERS, 0, s, literals(OK_HEAD)), ...Array.from({ length: 8 },
      (_, i) => frame(CONTINUATION, i === 7 ? 4 : 0, s, Buffer.concat(Array.from({ length: 100 }, (_,
      k) => literals({ [`x-${i}-${k}`]: 'a'.repeat(120) })))))]),
  }))
    yield breaks(fact, bytes);
}
