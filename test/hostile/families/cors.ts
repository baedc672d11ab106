/** Pages of other origins: preflights, and the headers that let a page read an answer. */
import type { TestGateway } from '../../support/gateway.js';
import { sharedApi } from '../api.js';
import { type Case, type Family, shown } from '../family.js';
import { http1Case } from '../http1.js';

export const cors: Family = {
  name: 'origins and preflights',
  async cases(t) {
    return [...corsCases(await sharedApi(t))];
  },
};

const GOOD = 'https://app.example.com';
const BAD = ['null', '', 'https://evil.example', 'http://app.example.com', 'https://app.example.com:444',
  'https://app.example.com/', 'https://APP.example.com', 'https://app.example.com.evil.example',
  'https://xapp.example.com', 'https://evil.example/https://app.example.com',
  'https://app.example.com, https://evil.example', 'https://app.example.com https://evil.example',
  'https://app.example.com@evil.example', 'https://app.example.com%00', 'file://', '*', 'https://*.example.com',
  'https://app_example.com', 'app.example.com', '//app.example.com', 'https://app.example.com#x',
  'https://app.example.com?x', '\xff', 'https://app.example.co\tm', 'chrome-extension://abc', 'data:', 'https://'];

function* corsCases(gateway: TestGateway): Generator<Case> {
  for (const origin of [GOOD, ...BAD]) {
    const isAllowed = origin === GOOD;
    const also = (answer: { headers: ReadonlyMap<string, readonly string[]> }) => {
      const found = answer.headers.get('access-control-allow-origin')?.[0];
      if (found !== (isAllowed ? GOOD : undefined)) return `access-control-allow-origin: ${found}`;
      if (!isAllowed && answer.headers.has('access-control-allow-credentials')
        && found !== undefined) return 'credentials';
      const vary = answer.headers.get('vary')?.join(', ').toLowerCase() ?? '';
      return vary.includes('origin') ? undefined : `vary: ${vary}`;
    };
    yield http1Case(gateway, { fact: `a request from ${shown(origin)}`,
      bytes: `GET /v1/things/1 HTTP/1.1\r\nHost: a\r\nOrigin: ${origin}\r\n\r\n`, status: 200, ends: false,
      sees: { name: 'things/1' }, also });
    yield http1Case(gateway, { fact: `an error for ${shown(origin)}`,
      bytes: `GET /v2 HTTP/1.1\r\nHost: a\r\nOrigin: ${origin}\r\n\r\n`, status: 404, ends: false, also });
    for (const method of ['PATCH', 'GET', 'BREW', 'PATCH, DELETE', '\xff', 'a b'])
      yield http1Case(gateway, { fact: `a preflight of ${shown(method)} from ${shown(origin)}`,
        bytes: `OPTIONS /v1/things/1 HTTP/1.1\r\nHost: a\r\nOrigin: ${origin}\r\nAccess-Control-Request-Method: ${method}\r\nAccess-Control-Request-Headers: x-a, authorization\r\n\r\n`,
        status: 204, ends: false, also });
  }
  for (const headers of ['', 'x-a', 'authorization, x-b', '*', 'a b', '\xff', 'a\tb', ','.repeat(1000),
    'x-'.padEnd(4000, 'a'), '__proto__', '"'])
    yield http1Case(gateway, { fact: `a preflight of the headers ${shown(headers)}`,
      bytes: `OPTIONS /v1/things/1 HTTP/1.1\r\nHost: a\r\nOrigin: ${GOOD}\r\nAccess-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: ${headers}\r\n\r\n`,
      status: [204, 400], ends: false });
  for (const target of ['/', '/nowhere', '/v1/things/1?x=%', '/v1/files/..', '/v1/files/%ff', '*'])
    yield http1Case(gateway, { fact: `a preflight at ${target}`,
      bytes: `OPTIONS ${target} HTTP/1.1\r\nHost: a\r\nOrigin: ${GOOD}\r\nAccess-Control-Request-Method: GET\r\n\r\n`,
      status: [204, 400, 404], ends: false });
  yield http1Case(gateway, { fact: 'two origins',
    bytes: `GET /v1/things/1 HTTP/1.1\r\nHost: a\r\nOrigin: ${GOOD}\r\nOrigin: https://evil.example\r\n\r\n`,
    status: [200, 400, 403], ends: false, sees: 'at most once',
    also: ({ headers }) => (headers.get('access-control-allow-origin')?.[0] === GOOD
    ? 'the first of two origins counts' : undefined) });
}
