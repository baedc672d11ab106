/** Tokens and keys that nobody has issued. Each of them is 401, without a call and without a request for keys. */
import { createHmac, createSign, generateKeyPairSync } from 'node:crypto';
import type { TestGateway } from '../../support/gateway.js';
import { forge, signWithSecret, startIssuer, type TestIssuer } from '../../support/issuer.js';
import { startApi } from '../api.js';
import { type Case, type Family, shown } from '../family.js';
import { http1Case } from '../http1.js';

export const tokens: Family = {
  name: 'tokens',
  async cases(t) {
    const issuer = await startIssuer(t);
    const jwt = [{ issuer: issuer.issuer, audiences: ['api'], jwksUri: issuer.jwksUri, algorithms: ['RS256',
      'ES256'], claimsToMetadata: { sub: 'x-user-id' } }];
    const gateway = await startApi(t, { auth: { default: 'required', jwt }, metadata: { request: ['x-*',
      'grpc-metadata-*'], response: [] } } as never);
    const { fetches } = issuer;
    const cases = [...payloads(issuer), ...heads(issuer), ...bent(issuer)].map(([fact, token,
      isGood]) => bearer(gateway, fact, `Authorization: Bearer ${token}`, isGood === true));
    const lines = [...headerLines(issuer)].map(([fact, line, isGood]) => bearer(gateway, fact, line, isGood === true));
    const noFetch: Case = { fact: 'an unknown key id makes the gateway ask for keys five times, and no more',
      attempt: async () => (issuer.fetches > fetches + 6 ? `${issuer.fetches - fetches} requests for keys`
      : undefined) };
    return [...cases, ...lines, ...spoofs(gateway, issuer), noFetch];
  },
};

type Row = readonly [fact: string, token: string, isGood?: boolean];

function bearer(gateway: TestGateway, fact: string, line: string, isGood: boolean): Case {
  return http1Case(gateway, {
    fact,
    bytes: `GET /v1/things/1 HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n`,
    status: isGood ? 200 : 401,
    ends: false,
    // The request behind has no credential.
    afterStatus: 401,
    ...(isGood ? { sees: { name: 'things/1' } } : {}),
    also: ({ headers }) => (isGood || headers.has('www-authenticate') ? undefined : 'no www-authenticate'),
  });
}

const now = () => Math.floor(Date.now() / 1000);

function* payloads(issuer: TestIssuer): Generator<Row> {
  yield ['a good token', issuer.sign({ sub: 'ada' }), true];
  yield ['a good token with ES256', issuer.sign({ sub: 'ada' }, { alg: 'ES256' }), true];
  for (const [fact, claims] of Object.entries({
    'another audience': { aud: 'other' }, 'no audience': { aud: undefined }, 'an empty audience': { aud: '' },
      'an empty list of audiences': { aud: [] }, 'an audience in other case': { aud: 'API' },
      'an object as audience': { aud: { api: 'api' } }, 'a number as audience': { aud: 1 },
    'another issuer': { iss: 'https://evil.test' }, 'no issuer': { iss: undefined },
      'an issuer with a slash': { iss: 'https://issuer.test/' },
      'a list of issuers': { iss: ['https://issuer.test'] }, 'an object as issuer': { iss: {} },
      'the issuer __proto__': { iss: '__proto__' },
    'no exp': { exp: undefined }, 'an exp long ago': { exp: 1 }, 'an exp just over': { exp: now() - 120 },
      'a negative exp': { exp: -1 }, 'exp 0': { exp: 0 }, 'an exp as text': { exp: String(now() + 300) },
      'an exp of null': { exp: null }, 'an exp in a list': { exp: [now() + 300] }, 'exp NaN': { exp: 'NaN' },
      'a bool as exp': { exp: true },
    'an nbf in an hour': { nbf: now() + 3600 }, 'an nbf as text': { nbf: 'soon' },
  }))
    yield [fact, issuer.sign({ sub: 'ada', ...claims })];
}

function* heads(issuer: TestIssuer): Generator<Row> {
  const claims = { iss: issuer.issuer, aud: 'api', sub: 'ada', exp: now() + 300 };
  const { kid } = issuer.rsa;
  const pem = issuer.rsa.publicKey.export({ type: 'spki', format: 'pem' });
  const der = issuer.rsa.publicKey.export({ type: 'spki', format: 'der' });
  for (const alg of ['none', 'None', 'NONE', 'nOnE', '', ' none', 'none ', 'RS255', 'rs256', 'RS256 ', 'HS256',
    'HS384', 'HS512', 'RS384', 'RS512', 'PS256', 'ES384', 'ES512', 'EdDSA', 'dir', '__proto__', 'constructor',
    'toString']) {
    for (const signature of ['', 'AA',
      'A'.repeat(342)]) yield [`alg ${shown(alg)} with ${signature.length} characters of signature`, forge({ alg,
      kid }, claims, signature)];
  }
  for (const alg of ['HS256', 'HS384', 'HS512', 'RS256', 'none'])
    for (const [name, secret] of [['PEM', pem], ['DER', der], ['empty', ''], ['kid',
      kid]] as const) yield [`alg ${alg} signed with the public key as ${name}`, signWithSecret({ alg, kid,
      typ: 'JWT' }, claims, secret as never)];
  for (const value of [null, 1, true, [], ['RS256'], {},
    { toString: 'x' }]) yield [`the alg ${JSON.stringify(value)}`, forge({ alg: value, kid }, claims, 'AA')];
  for (const value of ['', '../../../../dev/null', '/dev/null', 'http://127.0.0.1/', "' OR 1=1 --",
    'a'.repeat(10_000).slice(0, 5000), '\0', '__proto__', 'constructor', 'toString', '%00', '${x}', '\r\nX-A: b',
    kid.toUpperCase(), `${kid} `, ` ${kid}`, null, 1, [], {}, [kid], true])
    yield [`the kid ${shown(JSON.stringify(value))}`, issuer.sign({ sub: 'ada' }, { header: { kid: value } })];
  // A key in the token itself counts for nothing.
  const own = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...own.publicKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' };
  for (const [fact, more] of Object.entries({ jwk: { jwk }, jku: { jku: issuer.jwksUri },
    'another jku': { jku: 'http://127.0.0.1:1/jwks.json' }, x5u: { x5u: 'http://127.0.0.1:1/' },
    x5c: { x5c: ['AAAA'] }, 'no kid': { kid: undefined } })) {
    const signed = [{ alg: 'RS256', kid, ...more },
      claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    yield [`a key of its own with ${fact}`,
      `${signed}.${createSign('RSA-SHA256').update(signed).sign(own.privateKey).toString('base64url')}`];
  }
  for (const [fact, more] of Object.entries({ 'crit of nothing': { crit: [] },
    'crit of what nobody knows': { crit: ['x'], x: 1 }, 'crit as text': { crit: 'exp' }, b64: { b64: false,
    crit: ['b64'] } }))
    yield [fact, issuer.sign({ sub: 'ada' }, { header: more })];
  const confused = [{ alg: 'ES256', kid },
    claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  yield ['the RSA key with ES256', `${confused}.${createHmac('sha256', pem).update(confused).digest('base64url')}`];
}

/** A good token with a change in each part. */
function* bent(issuer: TestIssuer): Generator<Row> {
  const good = issuer.sign({ sub: 'ada' });
  const [head = '', body = '', signature = ''] = good.split('.');
  for (const [fact, token] of [
    ['nothing', ''], ['a dot', '.'], ['two dots', '..'], ['three dots', '...'], ['no signature', `${head}.${body}.`],
      ['two parts', `${head}.${body}`], ['four parts', `${good}.x`], ['five parts', `${good}.x.y`],
      ['the signature twice', `${good}.${signature}`], ['no head', `.${body}.${signature}`], ['no body',
      `${head}..${signature}`], ['parts in another order', `${body}.${head}.${signature}`],
    ['a pad', `${good}=`], ['a pad in the head', `${head}=.${body}.${signature}`], ['a space in it',
      `${head}. ${body}.${signature}`], ['a quote', `"${good}"`], ['base64 instead of base64url',
      `${head}.${body}.${signature.replace(/[-_]/g, '+')}+`], ['another text behind it', `${good}x`], ['twice',
      `${good}${good}`], ['a comma', `${good},${good}`], ['a zero length head', forge('e30', body, signature)],
      ['a head that is no JSON', forge('AAAA', body, signature)], ['a body that is no JSON', forge(head, 'AAAA',
      signature)], ['a body of null', forge(head, 'bnVsbA', signature)], ['a body of a list', forge(head, 'W10',
      signature)], ['JSON in the open', '{"alg":"none"}.{}.'], ['5,000 characters', 'a'.repeat(5000)], ['4,000 dots',
      '.'.repeat(4000)], ['a signature of 4,000 characters', `${head}.${body}.${'A'.repeat(4000)}`], ['a deep head',
      forge(Buffer.from('['.repeat(2000)).toString('base64url'), body, signature)],
  ] as const)
    yield [`a token with ${fact}`, token];
  // Each part loses, gets and changes a character at several places.
  for (const [index, part] of [head, body, signature].entries()) {
    for (const at of [0, 1, 2, 3, Math.floor(part.length / 2), part.length - 3, part.length - 2]) {
      const char = part[at] === 'A' ? 'B' : 'A';
      for (const [what, changed] of [['lost', part.slice(0, at) + part.slice(at + 1)], ['changed', part.slice(0,
        at) + char + part.slice(at + 1)], ['doubled', part.slice(0, at) + part[at] + part.slice(at)]] as const) {
        const token = [head, body, signature].map((one, i) => (i === index ? changed : one)).join('.');
        if (token !== good) yield [`character ${at} of part ${index} ${what}`, token];
      }
    }
  }
}

/** The header itself, in forms that are none. */
function* headerLines(issuer: TestIssuer): Generator<Row> {
  const good = issuer.sign({ sub: 'ada' });
  for (const line of [`Authorization: Bearer ${good}`, `authorization: bearer ${good}`,
    `AUTHORIZATION: BEARER ${good}`]) yield [`the line ${line.slice(0, 22)}`, line, true];
  for (const [fact, line] of [
    ['no header', 'X-A: b'], ['an empty header', 'Authorization:'], ['no scheme', `Authorization: ${good}`],
      ['Basic', `Authorization: Basic ${good}`], ['Token', `Authorization: Token ${good}`], ['Bearer alone',
      'Authorization: Bearer'], ['no space', `Authorization: Bearer${good}`], ['an equals sign',
      `Authorization: Bearer=${good}`], ['a quote', `Authorization: "Bearer ${good}"`], ['two schemes',
      `Authorization: Bearer Bearer ${good}`], ['a list', `Authorization: Bearer ${good}, Basic x`], ['two headers',
      `Authorization: Bearer ${good}\r\nAuthorization: Bearer ${good}`], ['a bad one and a good one',
      `Authorization: Bearer x\r\nAuthorization: Bearer ${good}`], ['a good one and a bad one',
      `Authorization: Bearer ${good}\r\nAuthorization: Bearer x`], ['a cookie', `Cookie: token=${good}`],
      ['another header', `X-Authorization: Bearer ${good}`], ['a proxy header',
      `Proxy-Authorization: Bearer ${good}`], ['an underscore', `Authorization_: Bearer ${good}`],
      ['a metadata header', `grpc-metadata-authorization: Bearer ${good}`],
  ] as const)
    yield [`the token in ${fact}`, line];
}

/** A caller cannot name somebody else. */
function* spoofs(gateway: TestGateway, issuer: TestIssuer): Generator<Case> {
  const good = issuer.sign({ sub: 'ada' });
  for (const name of ['x-user-id', 'X-User-Id', 'x_user_id', 'X_USER_ID', 'x-user_id', 'grpc-metadata-x-user-id',
    'grpc-metadata-x_user_id', 'Grpc-Metadata-X-User-Id']) {
    const one = bearer(gateway, `${name} beside a token`, `Authorization: Bearer ${good}\r\n${name}: eve`, true);
    yield {
      fact: one.fact,
      async attempt() {
        const verdict = await one.attempt();
        if (verdict !== undefined) return verdict;
        const found = gateway.upstream.calls.flatMap(({ metadata }) => Object.entries(metadata.getMap())).filter(([,
          value]) => String(value).includes('eve'));
        const users = gateway.upstream.calls[0]?.metadata.get('x-user-id');
        return found.length > 0 || String(users) !== 'ada' ? `the upstream saw ${JSON.stringify(found)}, ${users}`
          : undefined;
      },
    };
  }
}
