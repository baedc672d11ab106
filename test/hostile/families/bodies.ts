/** Content types, content encodings, bodies where none is expected, uploads and streams of a client. */
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { Reason } from '../../../src/status/reasons.js';
import type { TestGateway } from '../../support/gateway.js';
import { BODY_BYTES, sharedApi } from '../api.js';
import { type Case, type Family, shown } from '../family.js';
import { type Http1Case, http1Case, type Sees } from '../http1.js';

export const bodies: Family = {
  name: 'content types and encodings',
  async cases(t) {
    const gateway = await sharedApi(t);
    return [...types(gateway), ...encodings(gateway), ...unexpected(gateway)];
  },
};

export const uploads: Family = {
  name: 'uploads and streams of clients',
  async cases(t) {
    const gateway = await sharedApi(t);
    return [...streams(gateway), ...raws(gateway)];
  },
};

function post(gateway: TestGateway, fact: string, target: string, lines: string, body: string | Buffer,
  more: Omit<Http1Case, 'fact' | 'bytes'>): Case {
  const bytes = Buffer.from(body);
  const head = `POST ${target} HTTP/1.1\r\nHost: a\r\n${lines}Content-Length: ${bytes.length}\r\n\r\n`;
  return http1Case(gateway, { fact, bytes: Buffer.concat([Buffer.from(head, 'latin1'), bytes]), ...more });
}

const refused = (status: number, reason?: Reason): Omit<Http1Case, 'fact' | 'bytes'> => ({ status, ends: false,
  ...(reason === undefined ? {} : { reason }) });
const taken = (sees: Sees): Omit<Http1Case, 'fact' | 'bytes'> => ({ status: 200, ends: false, sees });

function* types(gateway: TestGateway): Generator<Case> {
  const one = (type: string, isGood: boolean) =>
    post(gateway, `Content-Type: ${shown(type)}`, '/v1/all', `Content-Type: ${type}\r\n`, '{"i32":1}',
      isGood ? taken({ i32: 1 }) : refused(415, 'UNSUPPORTED_MEDIA_TYPE'));
  yield post(gateway, 'no Content-Type', '/v1/all', '', '{"i32":1}', taken({ i32: 1 }));
  for (const type of ['application/json', 'APPLICATION/JSON', 'application/json;charset=utf-8',
    'application/json; charset=UTF-8', 'application/json ; charset="utf-8"', 'application/merge-patch+json',
    'application/vnd.api+json', 'application/json;a=b', 'application/problem+json'])
    yield one(type, true);
  for (const type of ['text/plain', 'text/json', 'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x', 'application/xml', 'application/grpc', 'application/grpc-web+proto',
    'application/octet-stream', 'application/jsonx', 'application/jsonp', 'xapplication/json', 'application', 'json',
    '/json', 'application/', '/', ';', '*/*', 'application/*', 'application/json; charset=latin1',
    'application/json; charset=utf-16', 'application/json; charset=utf-7', 'application/json, text/plain',
    'text/plain, application/json', 'application /json', 'application/ json', 'text/plain; application/json',
    '"application/json"', 'application/json+xml', '+json', 'a+json'])
    yield one(type, false);
  yield post(gateway, 'two Content-Types', '/v1/all',
    'Content-Type: application/json\r\nContent-Type: text/plain\r\n', '{"i32":1}', { status: [200, 400, 415],
    ends: false, sees: 'at most once' });
}

function* encodings(gateway: TestGateway): Generator<Case> {
  const text = '{"i32":1}';
  const bomb = gzipSync(Buffer.alloc(20 << 20, ' '));
  for (const [coding, body] of [
    ['gzip', gzipSync(text)], ['deflate', deflateSync(text)], ['br', brotliCompressSync(text)], ['gzip', bomb],
      ['gzip, gzip', gzipSync(gzipSync(text))], ['identity, gzip', gzipSync(text)], ['x-gzip', gzipSync(text)],
      ['zstd', Buffer.from('x')], ['gzip', Buffer.from(text)], ['compress', Buffer.from(text)], ['GZIP',
      gzipSync(text)], ['x', Buffer.from(text)], ['gzip;q=1', gzipSync(text)], ['identity;q=0', Buffer.from(text)],
      [',', Buffer.from(text)], ['*', Buffer.from(text)], ['aws-chunked', Buffer.from(text)],
  ] as const)
    for (const target of ['/v1/all', '/v1/send', '/v1/save', '/v1/upload'])
      yield post(gateway, `Content-Encoding: ${coding} with ${body.length} bytes at ${target}`, target,
        `Content-Type: application/json\r\nContent-Encoding: ${coding}\r\n`, body, refused(415,
        'UNSUPPORTED_MEDIA_TYPE'));
  for (const coding of ['identity', 'IDENTITY'])
    yield post(gateway, `Content-Encoding: ${shown(coding)}`, '/v1/all', `Content-Encoding: ${coding}\r\n`, text,
      taken({ i32: 1 }));
}

function* unexpected(gateway: TestGateway): Generator<Case> {
  const withBody = (method: string,
    body: string) => `${method} /v1/things/1 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  for (const method of ['GET', 'DELETE']) {
    for (const body of ['', '{}', ' ', ' { } ', '\r\n'])
      yield http1Case(gateway, { fact: `${method} with ${shown(body)}`, bytes: withBody(method, body), status: 200,
        ends: false, sees: { name: 'things/1' } });
    for (const body of ['{"name":"things/2"}', '[]', 'null', 'x', '{', '{}{}', '1', '""', '\0'])
      yield http1Case(gateway, { fact: `${method} with ${shown(body)}`, bytes: withBody(method, body), status: 400,
        reason: 'UNEXPECTED_BODY', ends: false });
    yield http1Case(gateway, { fact: `${method} with a request as its body`, bytes: withBody(method,
      'GET /v1/things/2 HTTP/1.1\r\nHost: a\r\n\r\n'), status: 400, ends: false });
  }
  for (const length of [BODY_BYTES + 1, 1 << 30, 2 ** 53 - 1, 9999999999])
    yield http1Case(gateway, { fact: `a length of ${length}`,
      bytes: `POST /v1/all HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`, status: 413,
      reason: 'BODY_TOO_LARGE', ends: true });
  yield http1Case(gateway, { fact: 'many chunks over the limit',
    bytes: `POST /v1/all HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${`400\r\n${' '.repeat(
    1024)}\r\n`.repeat(66)}0\r\n\r\n`, status: 413, reason: 'BODY_TOO_LARGE', ends: true });
  yield http1Case(gateway, { fact: 'a body that does not come',
    bytes: 'POST /v1/all HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n{', status: [400, 408, 499], ends: true,
    isOpen: true, mayBeSilent: true });
  for (const value of ['100-continue', '100-Continue'])
    yield http1Case(gateway, { fact: `Expect: ${value}`,
      bytes: `POST /v1/all HTTP/1.1\r\nHost: a\r\nExpect: ${value}\r\nContent-Length: 9\r\n\r\n{"i32":1}`,
      status: 200, ends: false, sees: { i32: 1 } });
  for (const value of ['magic', '200-ok', '100-continuex', 'x100-continue'])
    yield http1Case(gateway, { fact: `Expect: ${value}`,
      bytes: `POST /v1/all HTTP/1.1\r\nHost: a\r\nExpect: ${value}\r\nContent-Length: 9\r\n\r\n{"i32":1}`,
      status: 417, ends: 'either' });
  // Path against body: the body may repeat what the path says, and not contradict it.
  const update = (body: string) =>
    `PATCH /v1/things/1 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  for (const body of ['{}', '{"name":"things/1"}', '{"name":""}', '{"name":null}']) yield http1Case(gateway,
    { fact: `an update with ${body}`, bytes: update(body), status: 200, ends: false, sees: 'anything' });
  for (const body of ['{"name":"things/2"}', '{"name":"things/1 "}', '{"name":"THINGS/1"}',
    '{"n\\u0061me":"things/2"}', '{"name":"things/1","name":"things/2"}',
    '{"name":"things/2","name":"things/1"}']) yield http1Case(gateway, { fact: `an update with ${body}`,
    bytes: update(body), status: 400, ends: false });
}

/** A wrong message ends the call, and the upstream never takes the messages before it for all. */
function* streams(gateway: TestGateway): Generator<Case> {
  for (const type of ['application/json', 'application/x-ndjson']) {
    for (const body of ['{"name":"a"}', '{"name":"a"}\n{"name":"b"}\n', '', '\n', ' ', '{}', '\n\n{"name":"a"}\n\n'])
      yield post(gateway, `${type}: ${shown(body)}`, '/v1/send', `Content-Type: ${type}\r\n`, body, { status: 200,
        ends: false, sees: 'anything' });
    for (const body of ['{', '{"name":', '}', '{"nope":1}', '{"name":1}', '{"name":"a"}x',
      '{"name":"a"}\n{"nope":1}', '{"name":"a"}\n{', '{"name":"a"}\n\0', 'x', 'null', '1', '"a"', '[1]',
      '[{"name":"a"}', '[{"name":"a"},]', '[,]', '{"name":"a"},{"name":"b"}', '[{"name":"a"}]x',
      '{"name":"\\ud800"}', `${'['.repeat(5000)}`, `{"name":${'['.repeat(5000)}`])
      yield post(gateway, `${type}: ${shown(body)}`, '/v1/send', `Content-Type: ${type}\r\n`, body, { status: 400,
        ends: 'either', sees: 'at most once' });
  }
  yield post(gateway, 'an array of messages', '/v1/send', 'Content-Type: application/json\r\n',
    '[{"name":"a"},{"name":"b"}]', { status: 200, ends: false, sees: 'anything' });
  for (const type of ['text/plain', 'application/octet-stream', 'application/x-www-form-urlencoded',
    'application/jsonl-x'])
    yield post(gateway, `a stream as ${type}`, '/v1/send', `Content-Type: ${type}\r\n`, '{}', refused(415));
  yield post(gateway, 'a message over the limit', '/v1/send', 'Content-Type: application/x-ndjson\r\n',
    `{"name":"${'a'.repeat(BODY_BYTES)}"}`, { status: 413, ends: 'either', sees: 'at most once' });
  for (const accept of ['text/html', 'application/xml', '*/*;q=0', 'application/json;q=0', 'text/*', 'a', ';'])
    yield http1Case(gateway, { fact: `a stream for Accept: ${accept}`,
      bytes: `GET /v1/things/1:watch HTTP/1.1\r\nHost: a\r\nAccept: ${accept}\r\n\r\n`, status: [200, 406],
      ends: false, sees: 'at most once' });
  for (const accept of ['', '*/*', 'application/json', 'application/x-ndjson', 'text/event-stream',
    'text/html, application/x-ndjson;q=0.1', 'application/json;q=x'])
    yield http1Case(gateway, { fact: `a stream for Accept: ${shown(accept)}`,
      bytes: `GET /v1/things/1:watch HTTP/1.1\r\nHost: a\r\nAccept: ${accept}\r\n\r\n`, status: [200, 406],
      ends: false, sees: 'at most once' });
  for (const id of ['end', '1', '99999999999999999999', '-1', 'a\tb', '\xff', '', 'END'])
    yield http1Case(gateway, { fact: `Last-Event-ID: ${shown(id)}`,
      bytes: `GET /v1/things/1:watch HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\nLast-Event-ID: ${id}\r\n\r\n`,
      status: [200, 204, 400], ends: false, sees: 'at most once' });
}

function* raws(gateway: TestGateway): Generator<Case> {
  for (const target of ['/v1/save', '/v1/upload']) {
    for (const type of ['text/plain', 'application/octet-stream', 'application/json', 'image/png', 'x', 'a/b; c="d"',
      'text/plain, text/html'])
      for (const body of ['', '\0\xff', 'GET / HTTP/1.1\r\n\r\n', '{'])
        yield post(gateway, `${target} of ${shown(body)} as ${type}`, target, `Content-Type: ${type}\r\n`,
          Buffer.from(body, 'latin1'), { status: 200, ends: false, sees: 'anything' });
    for (const type of ['\xff', 'a\tb', '\xc3\xa4/b', 'a\x80'])
      yield post(gateway, `${target} as ${shown(type)}`, target, `Content-Type: ${type}\r\n`, 'a', { status: [200,
        400, 415], ends: 'either', sees: 'at most once' });
    yield post(gateway, `${target} over the limit`, target, '', Buffer.alloc(BODY_BYTES + 1), { status: 413,
      reason: 'BODY_TOO_LARGE', ends: true });
    yield http1Case(gateway, { fact: `${target} in chunks over the limit`,
      bytes: `POST ${target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${`400\r\n${'\0'.repeat(
      1024)}\r\n`.repeat(66)}0\r\n\r\n`, status: 413, ends: true, sees: 'at most once' });
  }
}
