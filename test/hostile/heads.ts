/** Heads of HTTP/1.1 that no client should send, which are refused before any route is asked. */
import type { HostileRequest } from './request.js';

const HOST = 'Host: a\r\n';
const POST = `POST /v1/books:create HTTP/1.1\r\n${HOST}`;

const rows: HostileRequest[] = [
  {
    fact: 'Content-Length with Transfer-Encoding',
    text: `${POST}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    status: 400,
    code: 3,
  },
  {
    fact: 'two Content-Lengths',
    text: `${POST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
    status: 400,
    code: 3,
  },
  { fact: 'a bare LF in the head', text: 'GET /v1/shelves/1 HTTP/1.1\nHost: a\n\n', status: 400, code: 3 },
  { fact: 'an obs-fold', text: 'GET /v1/shelves/1 HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n', status: 400, code: 3 },
  {
    fact: 'two Host headers',
    text: 'GET /v1/shelves/1 HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n',
    status: 400,
    code: 3,
  },
  { fact: 'no Host header', text: 'GET /v1/shelves/1 HTTP/1.1\r\nConnection: close\r\n\r\n', status: 400, code: 3 },
  {
    fact: 'Transfer-Encoding: gzip, chunked',
    text: `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    status: 501,
    code: 12,
  },
  {
    fact: 'Transfer-Encoding in HTTP/1.0',
    text: `POST /v1/books:create HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    status: 400,
    code: 3,
  },
  {
    fact: 'user information in an absolute-form target',
    text: `GET http://u:p@a/v1/shelves/1 HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
    status: 400,
    code: 3,
  },
  { fact: 'CONNECT', text: `CONNECT a:443 HTTP/1.1\r\n${HOST}\r\n`, status: 501, code: 12 },
  {
    fact: 'an unknown Expect',
    text: `${POST}Expect: magic\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`,
    status: 417,
    code: 3,
  },
  {
    fact: 'a head over limits.headerBytes',
    text: `GET /v1/shelves/1 HTTP/1.1\r\n${HOST}X-A: ${'a'.repeat(9000)}\r\n\r\n`,
    status: 431,
    code: 8,
  },
  { fact: 'a head that never ends', text: 'GET /v1/shelves/1 HTTP/1.1\r\nHost: a\r\n', status: 408, code: 4 },
  {
    fact: 'a NUL in a header',
    text: `GET /v1/shelves/1 HTTP/1.1\r\n${HOST}X-A: b\0c\r\nConnection: close\r\n\r\n`,
    status: 400,
    code: 3,
  },
  {
    fact: 'a bare CR in a header',
    text: `GET /v1/shelves/1 HTTP/1.1\r\n${HOST}X-A: b\rc\r\nConnection: close\r\n\r\n`,
    status: 400,
    code: 3,
  },
  { fact: 'an unknown method', text: `BREW / HTTP/1.1\r\n${HOST}\r\n`, status: 400, code: 3 },
  { fact: 'not HTTP at all', text: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', status: 400, code: 3 },
];

const NO_HOSTS = [
  'a b',
  'a/b',
  '[::1',
  '::1]',
  '[::g]',
  '[]',
  'a@b',
  'a:b',
  'a:80:90',
  ':80',
  'a%zz',
  'a,b c',
  'a"b',
  'a#b',
  'a?b',
  '<a>',
];
for (const host of NO_HOSTS) {
  rows.push({
    fact: `Host ${host}`,
    text: `GET /v1/shelves/1 HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    status: 400,
    code: 3,
  });
}
rows.push({
  fact: 'a bad Host beside a target that has its own',
  text: 'GET http://a/v1/shelves/1 HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n',
  status: 400,
  code: 3,
});

export const HEADS: readonly HostileRequest[] = rows;
