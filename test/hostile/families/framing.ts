/**
 * The framing of a request, which says where it begins and ends: Content-Length, Transfer-Encoding, chunks, trailers, line
 * ends, folds (RFC 9112 §6 and §7).
 */
import type { TestGateway } from '../../support/gateway.js';
import { sharedApi } from '../api.js';
import { type Case, type Family, shown } from '../family.js';
import { http1Case } from '../http1.js';

const HEAD = 'POST /v1/all HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';
const BODY = '{"i32":1}';
const SEES = { i32: 1 };
const HEX = BODY.length.toString(16);

export const framing: Family = {
  name: 'framing of HTTP/1.1',
  async cases(t) {
    const gateway = await sharedApi(t);
    return [
      ...lengths(gateway),
      ...codings(gateway),
      ...both(gateway),
      ...chunkSizes(gateway),
      ...chunkEnds(gateway),
      ...trailers(gateway),
      ...lineEnds(gateway),
      ...folds(gateway),
    ];
  },
};

/** Content-Length is digits alone (RFC 9112 §6.2). */
function* lengths(gateway: TestGateway): Generator<Case> {
  const good = [`${BODY.length}`, `0${BODY.length}`, `000${BODY.length}`, ` ${BODY.length} `];
  for (const value of good) yield one(`Content-Length: ${shown(value)}`, `Content-Length:${value}\r\n\r\n${BODY}`, 200);
  const bad = ['', '+9', '-9', '9,9', '9, 9', '9;9', '0x9', '9.0', '9e0', '9 9', '９', '9a', 'a', '٩',
    '99999999999999999999', '18446744073709551616', '18446744073709551625', '1_0', '"9"', "'9'", '9\t9'];
  for (const value of bad) yield one(`Content-Length: ${shown(value)}`, `Content-Length: ${value}\r\n\r\n${BODY}`, 400);
  for (const [a, b] of [[9, 9], [9, 10], [10, 9], [0, 9], [9, 0]])
    yield one(`Content-Length: ${a} and ${b}`, `Content-Length: ${a}\r\nContent-Length: ${b}\r\n\r\n${BODY}`, 400);
  for (const name of ['content-length', 'CONTENT-LENGTH', 'Content-length'])
    yield one(name, `${name}: ${BODY.length}\r\n\r\n${BODY}`, 200);
  for (const name of ['Content-Length ', 'Content-Length\t', ' Content-Length',
    'Content_Length:x\r\nContent-Length ', 'Content-Length\0', 'Content\rLength'])
    yield one(`the name ${shown(name)}`, `${name}: ${BODY.length}\r\n\r\n${BODY}`, 400);

  function one(fact: string, rest: string, status: number): Case {
    return http1Case(gateway, {
      fact,
      bytes: HEAD + rest,
      status,
      ends: status !== 200,
      ...(status === 200 ? { sees: SEES } : {}),
    });
  }
}

/**
 * Every transfer coding but chunked is refused: 501 if it may be one (RFC 9112 §6.1),
 * 400 if chunked is not the last. 
 */
function* codings(gateway: TestGateway): Generator<Case> {
  const good = ['chunked', 'Chunked', 'CHUNKED', 'chunked ', '\tchunked'];
  const bad = [
    'gzip', 'gzip, chunked', 'chunked, gzip', 'chunked, chunked', 'identity', 'identity, chunked', 'deflate', 'x',
      'xchunked', 'chunkedx',
    'chunked;q=1', 'chunked; a=b', ', chunked', 'chunked,', '"chunked"', "'chunked'", 'chun ked', 'chunked\x0b',
      '\x0bchunked', 'chunked\0', 'chunked\x7f', '\xffchunked', 'chunked\xa0', '',
  ];
  for (const value of good) yield one(value, [200]);
  for (const value of bad) yield one(value, [400, 501]);
  for (const [first, second] of [['chunked', 'chunked'], ['chunked', 'identity'], ['identity', 'chunked'], ['gzip',
    'chunked'], ['chunked', 'x']])
    yield one(`${first}\r\nTransfer-Encoding: ${second}`, [400, 501]);
  for (const name of ['Transfer-Encoding ', 'Transfer-Encoding\t', ' Transfer-Encoding', 'Transfer-\0Encoding',
    'Transfer\nEncoding'])
    yield http1Case(gateway, { fact: `the name ${shown(name)}`,
      bytes: `${HEAD}${name}: chunked\r\n\r\n${HEX}\r\n${BODY}\r\n0\r\n\r\n`, status: 400, ends: true });
  for (const version of ['HTTP/1.0\r\nConnection: keep-alive', 'HTTP/1.0'])
    yield http1Case(gateway, { fact: `chunked in ${shown(version)}`,
      bytes: `${HEAD.replace('HTTP/1.1', version)}Transfer-Encoding: chunked\r\n\r\n${HEX}\r\n${BODY}\r\n0\r\n\r\n`,
      status: 400, ends: true });

  function one(value: string, statuses: readonly number[]): Case {
    const isGood = statuses[0] === 200;
    return http1Case(gateway, {
      fact: `Transfer-Encoding: ${shown(value)}`,
      bytes: `${HEAD}Transfer-Encoding: ${value}\r\n\r\n${HEX}\r\n${BODY}\r\n0\r\n\r\n`,
      status: statuses,
      ends: !isGood,
      ...(isGood ? { sees: SEES } : {}),
    });
  }
}

/** A request with both is an attempt to smuggle another one (RFC 9112 §6.1). */
function* both(gateway: TestGateway): Generator<Case> {
  const lengths = ['0', '4', `${BODY.length}`, '99'];
  const codings = ['chunked', 'Chunked', ' chunked', 'identity', 'x', 'gzip, chunked'];
  const body = `${HEX}\r\n${BODY}\r\n0\r\n\r\n`;
  for (const length of lengths) {
    for (const coding of codings) {
      const [a, b] = [`Content-Length: ${length}\r\n`, `Transfer-Encoding: ${coding}\r\n`];
      for (const [fact, lines] of [['CL then TE', a + b], ['TE then CL', b + a]] as const)
        yield http1Case(gateway, { fact: `${fact}: ${length}, ${shown(coding)}`, bytes: `${HEAD}${lines}\r\n${body}`,
          status: [400, 501], ends: true });
    }
  }
}

/** A chunk begins with its size in hex digits; an extension may follow it. Every octet is tried at every place. */
function* chunkSizes(gateway: TestGateway): Generator<Case> {
  const start = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;
  const rest = `\r\n${BODY}\r\n0\r\n\r\n`;
  for (let octet = 0; octet < 256; octet++) {
    const char = String.fromCharCode(octet);
    // A leading zero changes nothing; other digits change the size.
    if (!/[0-9a-fA-F]/.test(char)) yield bad(`${shown(char)} before a chunk size`, `${char}${HEX}${rest}`);
    // A semicolon begins an extension, and bad white space may stand before it (RFC 9112 §7.1.1), at the end of a line it may not.
    if (!/[0-9a-fA-F;]/.test(char)) yield bad(`${shown(char)} behind a chunk size`, `${HEX}${char}${rest}`);
  }
  for (const size of ['-1', '+9', '0x9', '9.0', '', 'fffffffffffffffff', '10000000000000009', '9 9', '9\r9', '९'])
    yield bad(`the chunk size ${shown(size)}`, `${size}${rest}`);
  for (const size of ['0009', '00000000009', '9;a', '9;a=b', '9;a="b c"', '9;a=b;c=d'])
    yield http1Case(gateway, { fact: `the chunk size ${shown(size)}`, bytes: `${start}${size}${rest}`, status: 200,
      ends: false, sees: SEES });
  // A chunk may be as large as that; its data does not come in time.
  for (const size of ['100000000', 'ffffffffffffffff'])
    yield http1Case(gateway, { fact: `the chunk size ${size}`, bytes: `${start}${size}${rest}`, status: [400, 408,
      413], ends: true });
  yield http1Case(gateway, { fact: 'an extension of 20 KB', bytes: `${start}9;a=${'b'.repeat(20_000)}${rest}`,
    status: 413, reason: 'BODY_TOO_LARGE', ends: true });

  function bad(fact: string, text: string): Case {
    return http1Case(gateway, { fact, bytes: start + text, status: 400, reason: 'MALFORMED_REQUEST', ends: true });
  }
}

/** Data that is longer or shorter than its size, and chunks without an end. */
function* chunkEnds(gateway: TestGateway): Generator<Case> {
  const start = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;
  const texts = [`8\r\n${BODY}\r\n0\r\n\r\n`, `a\r\n${BODY}\r\n0\r\n\r\n`, `9\r\n${BODY}0\r\n\r\n`,
    `9\r\n${BODY}\n0\r\n\r\n`, `9\r\n${BODY}\r0\r\n\r\n`, `9\n${BODY}\r\n0\r\n\r\n`, `9\r${BODY}\r\n0\r\n\r\n`,
    `9\r\n${BODY}\r\n\r\n0\r\n\r\n`, `9\r\n${BODY}\r\n0\n\n`, `9\r\n${BODY}\r\n0\r\n\n`, `9;a\n${BODY}\r\n0\r\n\r\n`];
  for (const text of texts)
    yield http1Case(gateway, { fact: `the chunks ${shown(text)}`, bytes: start + text, status: 400, ends: true });
  for (const text of [`9\r\n${BODY}\r\n`, `9\r\n{`, '9', '9\r\n', `9\r\n${BODY}\r\n0\r\n`])
    yield http1Case(gateway, { fact: `chunks without an end: ${shown(text)}`, bytes: start + text, status: [400, 408,
      499], ends: true, isOpen: true, mayBeSilent: true });
}

/** Trailers are read and dropped: they never become headers (RFC 9112 §7.1.2). */
function* trailers(gateway: TestGateway): Generator<Case> {
  const start = `${HEAD}Transfer-Encoding: chunked\r\n\r\n${HEX}\r\n${BODY}\r\n0\r\n`;
  const names = ['X-A', 'Content-Length', 'Transfer-Encoding', 'Host', 'Authorization', 'x-request-timeout',
    'grpc-timeout', 'Content-Type', 'Trailer', 'Connection', 'Upgrade', 'X-Forwarded-For'];
  for (const name of names)
    yield http1Case(gateway, { fact: `the trailer ${name}`, bytes: `${start}${name}: 1\r\n\r\n`, status: [200, 400],
      ends: 'either', sees: 'at most once' });
  for (const text of ['X A: 1', 'X-A\0: 1', ': 1', 'X-A', 'X-A: \0', 'X-A: 1\r\n folded'])
    yield http1Case(gateway, { fact: `the trailer ${shown(text)}`, bytes: `${start}${text}\r\n\r\n`, status: [200,
      400], ends: 'either', sees: 'at most once' });
}

/** A line ends with CR LF and nothing else: each line end of a request is changed in turn. */
function* lineEnds(gateway: TestGateway): Generator<Case> {
  const lines = ['POST /v1/all HTTP/1.1', 'Host: a', 'Content-Type: application/json',
    `Content-Length: ${BODY.length}`, ''];
  for (const [name, end] of [['LF', '\n'], ['CR', '\r'], ['LF CR', '\n\r'], ['CR CR LF', '\r\r\n'], ['nothing', ''],
    ['VT', '\x0b'], ['NUL', '\0'], ['NEL', '\x85']] as const) {
    for (const changed of lines.keys()) {
      const text = lines.map((line, index) => line + (index === changed ? end : '\r\n')).join('');
      // NEL is an octet of a value. With it, or with nothing, two lines become one, which may be a right one.
      const joins = (name === 'NEL' || name === 'nothing') && (changed === 1 || changed === 2);
      const expected = joins ? ({ status: [200, 400], ends: 'either',
        sees: 'at most once' } as const) : { status: 400, ends: true };
      yield http1Case(gateway, { fact: `${name} behind ${shown(lines[changed]!)}`, bytes: text + BODY, ...expected });
    }
  }
  for (const before of ['\r\n', '\r\n\r\n'])
    yield http1Case(gateway, { fact: `${shown(before)} before a request`,
      bytes: `${before}${HEAD}Content-Length: 9\r\n\r\n${BODY}`, status: 200, ends: false, sees: SEES });
  for (const before of ['\n', '\r'])
    yield http1Case(gateway, { fact: `${shown(before)} before a request`,
      bytes: `${before}${HEAD}Content-Length: 9\r\n\r\n${BODY}`, status: [200, 400], ends: 'either',
      sees: 'at most once' });
  for (const before of [' ', '\t', '\0', ' \r\n', '\xef\xbb\xbf'])
    yield http1Case(gateway, { fact: `${shown(before)} before a request`,
      bytes: `${before}${HEAD}Content-Length: 9\r\n\r\n${BODY}`, status: 400, ends: true });
}

/** A header that goes on in the next line (RFC 9112 §5.2), behind each header of a request. */
function* folds(gateway: TestGateway): Generator<Case> {
  const lines = ['Host: a', 'X-A: b', 'Content-Type: application/json', 'Content-Length: 9'];
  for (const at of lines.keys()) {
    for (const fold of [' c', '\tc', '  ', '\t', ' Content-Length: 0', ' \tTransfer-Encoding: chunked']) {
      const text = [...lines.slice(0, at + 1), fold, ...lines.slice(at + 1)].join('\r\n');
      yield http1Case(gateway, { fact: `${shown(fold)} behind ${lines[at]}`,
        bytes: `POST /v1/all HTTP/1.1\r\n${text}\r\n\r\n${BODY}`, status: 400, ends: true });
    }
  }
  yield http1Case(gateway, { fact: 'a fold behind the request line',
    bytes: `POST /v1/all HTTP/1.1\r\n Host: a\r\nContent-Length: 9\r\n\r\n${BODY}`, status: 400, ends: true });
}
