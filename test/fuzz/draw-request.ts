/**
 * Draws requests by a seed: one that is right for a route of `api.ts`, with none to four mistakes in its path, query,
 * headers, body or framing, or in any of its bytes.
 */
import { draws } from '../support/draws.js';

export type Draw = (n: number) => number;

export interface DrawnRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
  readonly hasDeadline: boolean;
}

const NAMES = [
  'name',
  'text',
  'wide',
  'real',
  'flag',
  'kind',
  'blob',
  'numbers',
  'parts',
  'free',
  'any',
  'word',
  'number',
];
const MORE_NAMES = [
  'at',
  'wait',
  'mask',
  'maybe',
  'inner',
  'level',
  '@type',
  '__proto__',
  'constructor',
  '',
  'näme',
  'name\u0000',
];
const VALUES = [
  '0',
  '-1',
  '1e3',
  '1.5',
  '9007199254740993',
  '99999999999999999999',
  '1e400',
  '-0',
  '01',
  '+1',
  'NaN',
  '"NaN"',
  '"Infinity"',
  'true',
  'null',
  '""',
  '"a"',
  '"SMALL"',
  '"7"',
  '[]',
  '{}',
  '[1,2]',
  '[null]',
  '{"a":1}',
  '{"a":{"a":{}}}',
  '"2026-11-30T12:00:00Z"',
  '"1.5s"',
  '"a,b.c"',
  '"AAEC"',
  '"A"',
  '"\\ud800"',
  '"\\ud83d\\ude00"',
  '"\\u0000"',
  '{"@type":"x/fuzz.v1.Thing","name":"a"}',
  '{"value":"1s","@type":"x/google.protobuf.Duration"}',
  '{"@type":"x/none.Such"}',
  '{"@type":1}',
  '{"a":1,"a":2}',
  '[[[[[]]]]]',
  '"\x01"',
  "'a'",
  '{a:1}',
  '[1,]',
  'tru',
  '"',
];
const SEGMENTS = [
  'things',
  'groups',
  'files',
  'v1',
  'v2',
  '*',
  '**',
  '..',
  '.',
  '%2e%2e',
  '%2F',
  '%',
  '%zz',
  '%00',
  '%C3%28',
  '%ff',
  '',
  'a%20b',
  'ä',
  'a;b=c',
  'a:b',
  ':peek',
  '%3Apeek',
  'a'.repeat(200),
  '{name}',
  '"',
  '<script>',
  '\\',
  'a?b',
  '~',
  '%E2%82%AC',
  '__proto__',
  'constructor',
];
const QUERIES = [
  'page_size=5',
  'pageSize=5',
  'page_size=x',
  'page_size=5&page_size=6',
  'page_size=5&pageSize=5',
  'tags=a&tags=b',
  'tags',
  '=x',
  '&&',
  'filter.kind=SMALL',
  'filter.kind=9',
  'filter.inner.inner.inner.low=1',
  'filter=1',
  'filter.id=18446744073709551616',
  'since=2026-11-30T12:00:00Z',
  'since.seconds=1',
  'since=now',
  'within=1s',
  'shown=true',
  'shown.value=true',
  'mask=a,b',
  'mask.paths=a',
  'labels[a]=b',
  'labels[a',
  'labels=1',
  'kinds=SMALL&kinds=2',
  'token=AA',
  'token=%',
  'name=x',
  'parent=groups/2',
  '$fields=name',
  '$fields=',
  '$fields=nope',
  '$alt=json',
  '$alt=proto',
  '$alt=sse',
  '$prettyPrint=true',
  '$x=1',
  'utm_source=a',
  '__proto__=1',
  'constructor.prototype=1',
  '%00=1',
  'a=%ff',
  'page_size=%35',
  'filter.__proto__.x=1',
  'update_mask=text',
  'update_mask=*',
  'read_mask=name',
];
const HEADERS: readonly (readonly [string, string])[] = [
  ['Accept', 'text/event-stream'],
  ['Accept', 'application/x-ndjson'],
  ['Accept', 'application/json;q=0'],
  ['Accept', '*/*;q=x'],
  ['Accept', 'text/html'],
  ['Accept', ''],
  ['Accept-Encoding', 'gzip'],
  ['Content-Encoding', 'gzip'],
  ['Content-Type', 'text/plain'],
  ['Content-Type', 'application/x-ndjson'],
  ['Content-Type', 'application/json; charset=latin1'],
  ['Content-Type', 'application/x-www-form-urlencoded'],
  ['Content-Type', ';'],
  ['Content-Type', 'multipart/form-data; boundary=x'],
  ['Expect', '100-continue'],
  ['Expect', 'magic'],
  ['Origin', 'https://app.example.com'],
  ['Origin', 'null'],
  ['Origin', 'https://evil.example'],
  ['Access-Control-Request-Method', 'PATCH'],
  ['Access-Control-Request-Headers', 'x-a, authorization'],
  ['grpc-timeout', '1n'],
  ['grpc-timeout', '5S'],
  ['grpc-timeout', '1x'],
  ['grpc-timeout', '999999999H'],
  ['x-request-timeout', '2'],
  ['x-request-timeout', '-1'],
  ['x-request-timeout', 'NaN'],
  ['x-request-id', 'abc'],
  ['x-request-id', 'a\tb'],
  ['X-Bin', 'x'],
  ['x-data-bin', 'AAEC'],
  ['x-data-bin', '=='],
  ['x-data-bin', 'AB='],
  ['grpc-metadata-a', 'b'],
  ['grpc-metadata-', 'b'],
  ['grpc-metadata-grpc-status', '0'],
  ['grpc-status', '0'],
  ['te', 'trailers'],
  ['Upgrade', 'h2c'],
  ['Upgrade', 'websocket'],
  ['Connection', 'upgrade'],
  ['Connection', 'x-a, close'],
  ['X-Forwarded-For', '1.2.3.4, x'],
  ['Forwarded', 'for="[::1]"'],
  ['If-None-Match', '*'],
  ['If-None-Match', 'W/"x'],
  ['Range', 'bytes=0-1'],
  ['Cookie', 'a=b; c'],
  ['Authorization', 'Bearer x'],
  ['Authorization', ''],
  ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
  ['traceparent', 'x'],
  ['Content-Length', '1'],
  ['Content-Length', '-1'],
  ['Transfer-Encoding', 'chunked'],
  ['Transfer-Encoding', 'gzip, chunked'],
  ['Host', 'b'],
  ['X-A', '\x7f'],
  ['X-Long', 'a'.repeat(9000)],
  ['Sec-WebSocket-Key', 'x'],
  ['HTTP2-Settings', 'x'],
];

const ROUTES: readonly (readonly [method: string, path: string, hasBody: boolean])[] = [
  ['GET', '/v1/things/1', false],
  ['GET', '/v1/things/1:peek', false],
  ['GET', '/v1/groups/a/b/things', false],
  ['POST', '/v1/groups/a/things', true],
  ['PATCH', '/v1/things/1', true],
  ['DELETE', '/v1/things/1', false],
  ['POST', '/v1/run:all', true],
  ['GET', '/v1/groups/a/watch', false],
  ['POST', '/v1/send', true],
  ['POST', '/v1/chat', true],
  ['POST', '/v1/upload', true],
  ['GET', '/v1/files/a/b', false],
  ['HEAD', '/v1/things/1', false],
  ['OPTIONS', '/v1/things/1', false],
];
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY'];

export function drawRequest(seed: number): DrawnRequest {
  const draw = draws(seed);
  const pick = <T>(list: readonly T[]): T => list[draw(list.length)]!;
  let [method, path, hasBody] = pick(ROUTES);
  let query = '';
  const headers: (readonly [string, string])[] = [];
  let body = hasBody ? drawJson(draw, 3) : '';
  let type = 'application/json';
  for (let mistakes = draw(5); mistakes > 0; mistakes--) {
    switch (draw(8)) {
      case 0:
        path = mutatePath(path, draw);
        break;
      case 1:
      case 2:
        query += `${query === '' ? '' : '&'}${pick(QUERIES)}`;
        break;
      case 3:
      case 4:
        headers.push(pick(HEADERS));
        break;
      case 5:
        body = mutateText(body === '' ? drawJson(draw, 3) : body, draw);
        break;
      case 6:
        body = draw(4) === 0 ? `${'['.repeat(draw(300))}` : `${body}\n${drawJson(draw, 2)}`;
        type = pick(['application/json', 'application/x-ndjson', 'application/octet-stream', '']);
        break;
      default:
        method = pick(METHODS);
    }
  }
  if (body !== '' && type !== '') headers.push(['Content-Type', type]);
  const hasDeadline = headers.some(([name]) => /timeout/i.test(name));
  return { method, target: query === '' ? path : `${path}?${query}`, headers, body: Buffer.from(body), hasDeadline };
}

/** A JSON object with fields of Thing, right and wrong. */
export function drawJson(draw: Draw, depth: number): string {
  const members: string[] = [];
  for (let count = draw(4); count > 0; count--) {
    const names = draw(12) === 0 ? MORE_NAMES : NAMES;
    const name = names[draw(names.length)]!;
    const value = depth > 0 && draw(4) === 0 ? drawJson(draw, depth - 1) : VALUES[draw(VALUES.length)]!;
    members.push(`${JSON.stringify(name)}:${value}`);
  }
  return `{${members.join(',')}}`;
}

function mutatePath(path: string, draw: Draw): string {
  const segments = path.split('/');
  const at = 1 + draw(segments.length);
  const segment = SEGMENTS[draw(SEGMENTS.length)]!;
  if (draw(2) === 0) segments.splice(at, 0, segment);
  else segments[at] = segment;
  return segments.join('/');
}

/** Deletes, repeats or replaces a piece of a text. */
export function mutateText(text: string, draw: Draw): string {
  const at = draw(text.length + 1);
  const end = Math.min(text.length, at + draw(4));
  const piece = text.slice(at, end);
  const put = ['', piece + piece, ...VALUES.slice(draw(VALUES.length)).slice(0, 1), String.fromCharCode(draw(256))];
  return text.slice(0, at) + put[draw(put.length)] + text.slice(end);
}
