/**
 * The head of a request over HTTP/1.1: request line, targets, hosts, names and values of headers,
 * with every octet at every place.
 */
import type { TestGateway } from '../../support/gateway.js';
import { HEADER_BYTES, sharedApi } from '../api.js';
import { type Case, type Family, shown } from '../family.js';
import { http1Case } from '../http1.js';

const PATH = '/v1/things/1';
const SEES = { name: 'things/1' };
const octets = Array.from({ length: 256 }, (_, octet) => String.fromCharCode(octet));
/** The characters of a token (RFC 9110 §5.6.2). */
const isToken = (text: string) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text);
/** The characters of a field value: visible ones, SP, HTAB and obs-text (RFC 9110 §5.5). */
const isValue = (text: string) => /^[\t\x20-\x7e\x80-\xff]*$/.test(text);

export const requestLines: Family = {
  name: 'request lines and targets',
  async cases(t) {
    const gateway = await sharedApi(t);
    return [...methods(gateway), ...versions(gateway), ...targets(gateway)];
  },
};

export const hosts: Family = {
  name: 'hosts and authorities of HTTP/1.1',
  async cases(t) {
    return [...hostCases(await sharedApi(t))];
  },
};

export const headerLines: Family = {
  name: 'header names and values',
  async cases(t) {
    return [...headerCases(await sharedApi(t))];
  },
};

function* methods(gateway: TestGateway): Generator<Case> {
  const one = (method: string, status: number | number[], ends: boolean | 'either', more: object = {}) =>
    http1Case(gateway, { fact: `the method ${shown(method)}`, bytes: `${method} ${PATH} HTTP/1.1\r\nHost: a\r\n\r\n`,
      status, ends, ...more });
  yield one('GET', 200, false, { sees: SEES });
  yield one('HEAD', 200, false, { sees: SEES });
  yield one('DELETE', 200, false, { sees: SEES });
  yield one('OPTIONS', 204, false);
  for (const method of ['PUT', 'POST', 'TRACE', 'PROPFIND', 'LINK', 'PURGE', 'M-SEARCH', 'QUERY'])
    yield one(method, [405, 400], 'either');
  yield one('CONNECT', 501, true);
  for (const method of ['get', 'Get', 'GETT', 'GE', 'BREW', 'GET\0', '\0GET', 'G\0T', 'G T', 'GET,', '"GET"',
    'GET\t', '\u00c7ET', '', 'PRI'])
    yield one(method, 400, true);
  // HEAD has no content, also where the gateway can read no more than the method (RFC 9110 §9.3.2).
  for (const [fact, rest, status] of [
    ['a version that is none', `${PATH} HTTP/9`, 400],
    ['a header that is none', `${PATH} HTTP/1.1\r\nHost: a\r\nX A: b`, 400],
    ['a bare LF', `${PATH} HTTP/1.1\nHost: a`, 400],
    ['two lengths', `${PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2`, 400],
    ['a large head', `${PATH} HTTP/1.1\r\nHost: a\r\nX-A: ${'a'.repeat(HEADER_BYTES)}`, 431],
    ['a target that is none', '/\xff HTTP/1.1\r\nHost: a', 400],
  ] as const)
    yield http1Case(gateway, { fact: `HEAD with ${fact}`, bytes: `HEAD ${rest}\r\n\r\n`, status, ends: true });
  for (const [fact, rest, status] of [
    ['no route', '/v2 HTTP/1.1\r\nHost: a', 404],
    ['no host', `${PATH} HTTP/1.1`, 400],
    ['two hosts', `${PATH} HTTP/1.1\r\nHost: a\r\nHost: a`, 400],
    ['a bad host', `${PATH} HTTP/1.1\r\nHost: a b`, 400],
    ['a bad query', `${PATH}?x=1 HTTP/1.1\r\nHost: a`, 400],
    ['an unknown expectation', `${PATH} HTTP/1.1\r\nHost: a\r\nExpect: magic`, 417],
  ] as const)
    yield http1Case(gateway, { fact: `HEAD with ${fact}`, bytes: `HEAD ${rest}\r\n\r\n`, status, ends: 'either' });
}

function* versions(gateway: TestGateway): Generator<Case> {
  const one = (version: string, status: number | number[], ends: boolean | 'either', more: object = {}) =>
    http1Case(gateway, { fact: `the version ${shown(version)}`, bytes: `GET ${PATH} ${version}\r\nHost: a\r\n\r\n`,
      status, ends, ...more });
  yield one('HTTP/1.1', 200, false, { sees: SEES });
  yield one('HTTP/1.0', 200, true, { sees: SEES });
  for (const version of ['HTTP/1.2', 'HTTP/1.9', 'HTTP/2.0', 'HTTP/0.9', 'HTTP/9.9', 'HTTP/1', 'HTTP/11',
    'HTTP/1.10', 'HTTP/01.1', 'HTTP/1.1 ', 'HTTP/1.1\t', 'http/1.1', 'Http/1.1', 'HTTPS/1.1', 'HTTP /1.1',
    'HTTP/ 1.1', 'HTTP/1.1x', 'HTTP/1,1', 'HTTP/-1.1', 'HTTP/a.b', 'ICE/1.0', 'HTTP', '', '\tHTTP/1.1', 'x HTTP/1.1',
    'HTTP/1.1 HTTP/1.1'])
    yield one(version, 400, 'either');
  // Node reads them as HTTP/1.0 and as one space, which RFC 9112 §3 allows.
  for (const version of ['RTSP/1.0', ' HTTP/1.1']) yield one(version, [200, 400], 'either', { sees: 'at most once' });
  for (const line of [`GET\t${PATH} HTTP/1.1`, `GET ${PATH}\tHTTP/1.1`, `GET${PATH} HTTP/1.1`,
    `GET\x0b${PATH} HTTP/1.1`, `GET\xa0${PATH} HTTP/1.1`, `GET ${PATH}`, 'GET', 'GET HTTP/1.1', `${PATH} HTTP/1.1`])
    yield http1Case(gateway, { fact: `the line ${shown(line)}`, bytes: `${line}\r\nHost: a\r\n\r\n`, status: 400,
      ends: true });
}

function* targets(gateway: TestGateway): Generator<Case> {
  const one = (target: string, status: number | number[], more: object = {}) =>
    http1Case(gateway, { fact: `the target ${shown(target)}`, bytes: `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`,
      status, ends: 'either', ...more });
  for (const char of octets) {
    // A segment may have any ASCII character except controls, spaces and those with a meaning in a target. Such a
    // segment is served or refused.
    if (/[\x21-\x7e]/.test(char) && !/[#?%/:]/.test(char)) yield one(`/v1/things/a${char}b`, [200, 400],
      { sees: 'at most once' });
    else if (/[\0-\x20\x7f-\xff]/.test(char)) yield one(`/v1/things/a${char}b`, 400);
  }
  for (const target of ['http://a/v1/things/1', 'HTTP://A/v1/things/1', 'https://a/v1/things/1',
    'http://b:80/v1/things/1', 'http://[::1]/v1/things/1'])
    yield one(target, 200, { sees: SEES });
  for (const target of ['*', 'a', 'v1/things/1', '?name=1', '#', 'http:', 'http:/', 'http://', 'http:///v1/things/1',
    'http://?x', 'ftp://a/v1/things/1', 'file:///etc/passwd', 'http//a/v1', 'javascript:x', 'http://u@a/v1/things/1',
    'http://u:p@a/v1/things/1', 'http://a b/v1/things/1', 'http://a:x/v1/things/1', 'http://[::1/v1/things/1',
    'http://[g]/v1/things/1', 'http://a%zz/v1/things/1', 'a:443', `${'//'.slice(1)}\\`])
    yield one(target, [400, 404]);
  for (const target of ['//v1/things/1', '/v1//things/1', '/v1/things//1', '/v1/things/1/', '/', '//',
    '/V1/things/1', '/v1/Things/1', '/v1', '/hostile.v1.Hostile/Hidden', '/hostile.v1.Hostile/Get',
    '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', '/healthz', '/readyz', '/metrics', '/routes',
    '/.env', '/v1/things/1:nope/x', 'http://a', 'http://a?x=1'])
    yield one(target, 404);
  for (const target of ['/v1/things/1#x', '/v1/things/1?text=a#x', '/v1/things/1?#'])
    yield one(target, [200, 400], { sees: 'at most once' });
  yield one(`/v1/things/${'a'.repeat(7000)}`, 200, { sees: 'anything' });
  yield one(`/v1/things/${'a'.repeat(HEADER_BYTES)}`, 431, { ends: true });
  yield one(`/${'a/'.repeat(3900)}`, 404);
  yield one(`/${'%2e%2e/'.repeat(1000)}`, 400);
}

function* hostCases(gateway: TestGateway): Generator<Case> {
  const line = `GET ${PATH} HTTP/1.1\r\n`;
  const one = (host: string, isGood: boolean) =>
    http1Case(gateway, { fact: `Host: ${shown(host)}`, bytes: `${line}Host: ${host}\r\n\r\n`,
      status: isGood ? 200 : 400, ends: 'either', ...(isGood ? { sees: SEES } : {}) });
  // RFC 3986 §3.2.2: unreserved characters and sub-delims; '%' needs two digits, ':' begins the port.
  for (const char of octets) yield one(`a${char}b`, /[\w.~!$&'()*+,;=-]/.test(char));
  for (const char of octets) if (char !== '\t' && char !== ' ' && char !== 'a') yield one(`${char}a`, /[\w.~!$&'()*+,;=-]/.test(char));
  for (const char of octets) if (char !== '\t' && char !== ' ' && char !== ':') yield one(`a:8${char}`,
    /\d/.test(char));
  for (const host of ['a:', 'a:0', 'a:443', 'a:65535', 'a%41', '[::]', '[::1]:80', '[2001:db8::1]',
    '[::ffff:1.2.3.4]', '[v1.a]', '127.0.0.1', 'xn--bcher-kva.example', 'a.'])
    yield one(host, true);
  for (const host of ['[', ']', '[]', '[::1', '::1', '[::1]x', '[::1]:x', '[:::1]', '[12345::]', '[::1%25]',
    '[1.2.3.4]', '[a]', '[v.a]', '[::1]]', 'a:80:90', ':80', ':', 'a%', 'a%4', 'a%zz', 'u:p@a', 'http://a', 'a,b c',
    '{a}', '"a"', '<a>'])
    yield one(host, false);
  for (const [fact, lines] of [
    ['no Host', ''],
    ['two equal Hosts', 'Host: a\r\nHost: a\r\n'],
    ['two Hosts', 'Host: a\r\nHost: b\r\n'],
    ['three Hosts', 'Host: a\r\nhost: a\r\nHOST: a\r\n'],
    ['a good Host and an empty one', 'Host: a\r\nHost:\r\n'],
    ['a Host before a space and a colon', 'Host : a\r\n'],
  ] as const)
    yield http1Case(gateway, { fact, bytes: `${line}${lines}\r\n`, status: 400, ends: 'either' });
  for (const host of ['a b', 'a/b', '[::1', 'a@b'])
    yield http1Case(gateway, { fact: `a good target beside Host: ${host}`,
      bytes: `GET http://a${PATH} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, status: 400, ends: 'either' });
}

function* headerCases(gateway: TestGateway): Generator<Case> {
  const good = `GET ${PATH} HTTP/1.1\r\nHost: a\r\n`;
  const lineCase = (fact: string, text: string, isGood: boolean) =>
    http1Case(gateway, { fact, bytes: `${good}${text}\r\n\r\n`, status: isGood ? 200 : 400,
      ends: isGood ? false : 'either', ...(isGood ? { sees: SEES } : {}) });
  for (const [place, before, after] of [['at the beginning of', '', 'y-a'], ['in', 'y-', 'a'], ['at the end of',
    'y-a', '']] as const) {
    for (const char of octets) {
      const name = before + char + after;
      if (char === ':' && place !== 'at the beginning of') continue;
      // White space before the first name of a line is a fold.
      yield lineCase(`${shown(char)} ${place} a name`, `${name}: b`, isToken(name));
    }
  }
  for (const [place, before, after] of [['at the beginning of', '', 'b'], ['in', 'a', 'b'], ['at the end of', 'a',
    '']] as const)
    for (const char of octets) yield lineCase(`${shown(char)} ${place} a value`, `y-a: ${before}${char}${after}`,
      isValue(char));
  // A value for the upstream must be printable ASCII; white space at both ends does not count.
  for (const char of octets) {
    const isText = /[\x20-\x7e]/.test(char);
    yield lineCase(`${shown(char)} in a value for the upstream`, `x-a: a${char}b`, isText);
    yield lineCase(`${shown(char)} alone for the upstream`, `x-a: ${char}`, isText || char === '\t');
  }
  const long = 'a'.repeat(HEADER_BYTES);
  const many = (count: number, name: string) => Array.from({ length: count }, (_, i) => `${name}${i}: b`).join('\r\n');
  for (const [fact, text, status] of [
    ['a long value', `y-a: ${long}`, 431],
    ['a long name', `y-${long}: a`, 431],
    ['many headers', many(1000, 'y-aaaaaa'), 431],
    ['a hundred and one headers for the upstream', many(101, 'x-a'), 431],
  ] as const)
    yield http1Case(gateway, { fact, bytes: `${good}${text}\r\n\r\n`, status, ends: 'either' });
  for (const text of ['', 'y', ':', ': a', ' : a', 'y a: b', 'y\r: b', 'y:\0'])
    if (text !== '') yield lineCase(`the line ${shown(text)}`, text, false);
  for (const text of ['y:', 'y:a', 'y:\t a \t', 'constructor: a', '__proto__: a', 'toString: a', 'y: a\r\ny: b',
    'connection: host', 'connection: x-a, y\r\nx-a: b', 'keep-alive: x', 'te: trailers', 'upgrade: h2c',
    'priority: u=9'])
    yield lineCase(`the line ${shown(text)}`, text, true);
}
