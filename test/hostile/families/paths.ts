/** Paths: escapes, dots, NUL, templates. A path is decoded once, and never before it is matched. */
import type { TestGateway } from '../../support/gateway.js';
import { sharedApi } from '../api.js';
import { type Case, type Family, shown } from '../family.js';
import { http1Case, type Sees } from '../http1.js';

export const paths: Family = {
  name: 'paths',
  async cases(t) {
    const gateway = await sharedApi(t);
    return [...escapes(gateway), ...brokenEscapes(gateway), ...dots(gateway), ...verbs(gateway), ...numbers(gateway),
      ...utf8(gateway)];
  },
};

function path(gateway: TestGateway, raw: string, status: number | number[], sees?: Sees): Case {
  return http1Case(gateway, { fact: shown(raw), bytes: `GET ${raw} HTTP/1.1\r\nHost: a\r\n\r\n`, status, ends: false,
    ...(sees === undefined ? {} : { sees }) });
}

const hex = (octet: number) => octet.toString(16).padStart(2, '0');

/** Every octet as an escape, in a variable of one segment and in one of several. */
function* escapes(gateway: TestGateway): Generator<Case> {
  for (let octet = 0; octet < 128; octet++) {
    const code = `%${hex(octet)}`;
    const char = String.fromCharCode(octet);
    // `things/*` is a variable of two segments, where an encoded slash stays encoded.
    const isSlash = char === '/';
    yield path(gateway, `/v1/things/a${code}b`, 200, { name: `things/a${isSlash ? code : char}b` });
    yield path(gateway, `/v1/files/x/a${code}b`, 200, { name: `x/a${isSlash ? code : char}b` });
    if (/[A-Za-f]/.test(code)) yield path(gateway, `/v1/files/y/a${code.toUpperCase()}b`, 200,
      { name: `y/a${isSlash ? code.toUpperCase() : char}b` });
    // An escape of an escape is decoded once.
    yield path(gateway, `/v1/files/z/%25${hex(octet)}`, 200, { name: `z/%${hex(octet)}` });
  }
  // No octet above ASCII is UTF-8 alone.
  for (let octet = 128; octet < 256; octet++) yield path(gateway, `/v1/files/a%${hex(octet)}b`, 400);
}

function* brokenEscapes(gateway: TestGateway): Generator<Case> {
  for (const text of ['%', '%2', '%2g', '%g2', '%%', '%%41', '%4%31', '% 41'.replace(' ', '+'), '%u0041', '%x41',
    '%-1', '%+1', '%0', '%4\u007f'.slice(0, 2), '%zz', '%1%', '%2F%']) {
    yield path(gateway, `/v1/things/${text}`, 400);
    yield path(gateway, `/v1/files/a/${text}/b`, 400);
    yield path(gateway, `/v1/numbers/${text}`, 400);
  }
}

function* dots(gateway: TestGateway): Generator<Case> {
  const dot = ['.', '%2e', '%2E'];
  const segments = [...dot, ...dot.flatMap((a) => dot.map((b) => a + b))];
  for (const segment of segments) {
    for (const raw of [`/v1/files/${segment}`, `/v1/files/${segment}/a`, `/v1/files/a/${segment}`,
      `/v1/files/a/${segment}/b`, `/v1/things/${segment}`, `/${segment}/v1/things/1`, `/v1/${segment}/things/1`,
      `/v1/things/1/${segment}`, `/v1/x/${segment}/things/1`])
      yield path(gateway, raw, [400, 404]);
  }
  // These are names.
  for (const segment of ['...', '.a', 'a.', '..a', 'a..', '.%20', '%252e%252e', '..%00', '..%20', '..;', '..;/a',
    '..\\a'])
    yield path(gateway, `/v1/files/${segment}`, 200, 'anything');
  for (const raw of ['/v1/files//a', '/v1/files/a//b', '/v1/files/a/', '/v1//things/1', '//v1/things/1',
    '/v1/things//', '/v1/things/', '/v1/things/a/b', '/v1/things/a%2Fb/c', '/v1%2Fthings/1', '/v1/things%2F1'])
    yield path(gateway, raw, 404);
}

function* verbs(gateway: TestGateway): Generator<Case> {
  yield path(gateway, '/v1/things/1:peek', 200, { name: 'things/1' });
  for (const raw of ['/v1/things/1%3Apeek', '/v1/things/1:Peek', '/v1/things/1:peek2', '/v1/things/1:pee',
    '/v1/things/1::', '/v1/things/:', '/v1/things/1:', '/v1/things/1:%70eek2'])
    yield path(gateway, raw, 200, 'anything');
  for (const raw of ['/v1/things/1:peek/', '/v1/things:peek', '/v1/things/:peek/a', '/v1:peek',
    '/:peek']) yield path(gateway, raw, 404);
  for (const name of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '{name}', '{name=**}',
    '*', '**', '$', '[object', "'", '"', '<script>', '|', '^', '`', '%3Cscript%3E', '${x}', '#{x}', '{{x}}', 'null',
    'undefined', 'NaN', '-', '_', '~', '!', '(', ')', ',', ';', '=', '@', '&', '+'])
    yield path(gateway, `/v1/things/${name}`, [200, 400], 'at most once');
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) yield path(gateway, `/${name}`, 404);
}

/** A variable that is a number. */
function* numbers(gateway: TestGateway): Generator<Case> {
  for (const [text, id] of [['1', 1], ['-1', -1], ['2147483647', 2147483647], ['-2147483648', -2147483648], ['%31',
    1], ['1e3', 1000], ['1.0', 1]] as const)
    yield path(gateway, `/v1/numbers/${text}`, 200, { id });
  for (const text of ['2147483648', '-2147483649', '1e400', '9'.repeat(400), '1.5', 'a', '0x1', '01', '+1', '%201',
    '1%20', '%00', '1%00', 'NaN', 'Infinity', '-', '1e', 'e1', '--1', '1_000', '1,000', 'true', 'null', '%EF%BC%91',
    '"1"', "'1'", '[1]', '{1}', '1;', '1:'])
    yield path(gateway, `/v1/numbers/${text}`, 400);
  yield path(gateway, '/v1/numbers/0', 200, {});
  yield path(gateway, '/v1/numbers/-0', 200, {});
}

/** Sequences that are UTF-8, and those that are not: overlong, surrogates, too high, cut. */
function* utf8(gateway: TestGateway): Generator<Case> {
  for (const text of ['ä', '€', '😀', '\u0080', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\uffff', '\ufffd',
    '\u{10000}', '\u{10ffff}', '\u200b', '\u202e', '\ufeff', 'e\u0301'])
    yield path(gateway, `/v1/files/a${encodeURIComponent(text)}`, 200, { name: `a${text}` });
  for (const bytes of ['c0af', 'c080', 'c1bf', 'e080af', 'e09fbf', 'f08080af', 'f0808080', 'eda080', 'edbfbf',
    'f4908080', 'f5808080', 'ff', 'fe', 'c3', 'e282', 'f09f98', 'c328', 'a0a1', 'e228a1', 'e28228', 'f0288cbc',
    'f8a1a1a1a1', 'fca1a1a1a1a1', '80', 'bf'])
    yield path(gateway, `/v1/files/a${bytes.replace(/../g, '%$&')}b`, 400);
}
