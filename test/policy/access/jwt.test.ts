import { generateKeyPairSync } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import jsonwebtoken from 'jsonwebtoken';
import type { Principal } from '../../../src/call/principal.js';
import { createKeySet, createSecretKeys, TOKEN_ALGORITHMS } from '../../../src/policy/access/jwk-set.js';
import { createJwks } from '../../../src/policy/access/jwks-uri.js';
import { createTokenVerifier, type TokenIssuer, type TokenVerifier } from '../../../src/policy/access/jwt.js';
import { StatusError } from '../../../src/status/status-error.js';
import { createLog } from '../../../src/telemetry/log.js';
import { type HandClock, handClock } from '../../support/clock.js';
import { forge, jwkOf, signWithSecret, startIssuer, type TestIssuer } from '../../support/issuer.js';
import { heldBytes } from '../../support/memory.js';

interface Setup {
  readonly issuer: TestIssuer;
  readonly clock: HandClock;
  readonly verifier: TokenVerifier;
  readonly lines: string[];
}

const NAMES = { scopesClaim: 'scope', consumerClaim: 'sub', planClaim: 'plan', claimsToMetadata: new Map() };

/** Starts a verifier for an issuer whose keys are given. */
async function start(t: ExecutionContext, settings: Partial<TokenIssuer> = {}, limits = {}): Promise<Setup> {
  const issuer = await startIssuer(t);
  const clock = handClock();
  const lines: string[] = [];
  const trusted = { ...(await trust(t, issuer, clock, lines)), ...settings };
  return { issuer, clock, lines, verifier: createTokenVerifier([trusted], { clock, ...limits }) };
}

function newCounts(): TokenIssuer['counts'] {
  return { remembered: { count: 0 }, verified: { count: 0 }, refused: { count: 0 } };
}

async function trust(
  t: ExecutionContext,
  issuer: TestIssuer,
  clock: HandClock,
  lines: string[] = [],
): Promise<TokenIssuer> {
  const log = createLog({ format: 'json', level: 'debug', destination: { write: (line) => lines.push(line) } });
  const keys = createJwks({ uri: issuer.jwksUri }, { clock, log });
  t.teardown(() => keys.close());
  if (issuer.mode === 'ok') await keys.prepared;
  return {
    ...NAMES,
    issuer: issuer.issuer,
    audiences: ['api'],
    algorithms: ['RS256', 'ES256'],
    keys,
    counts: newCounts(),
  };
}

/** Expects a 401 with this message, which quotes nothing of the token. */
async function refused(t: ExecutionContext, verifier: TokenVerifier, token: string, message: string): Promise<void> {
  const error = await t.throwsAsync(async () => verifier.verify(token), { instanceOf: StatusError }, message);
  const { httpStatus, message: text, details, cause } = error as StatusError;
  t.deepEqual([httpStatus, text], [401, `token: ${message}`]);
  t.like(details[0], { reason: 'INVALID_TOKEN' });
  t.is(cause, undefined, 'a cause would be logged');
}

const seconds = (clock: HandClock) => Math.floor(clock.now() / 1000);

test('a malformed token is refused without any I/O', async (t) => {
  const { issuer, verifier, clock, lines } = await start(t);
  const { issuer: iss, rsa, ec } = issuer;
  const claims = { iss, aud: 'api', sub: 'sesame', exp: seconds(clock) + 300 };
  const head = { alg: 'RS256', kid: rsa.kid };
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
  const good = issuer.sign({ sub: 'sesame' });
  const badAlg = 'alg: expected an algorithm that this API accepts from the issuer, got another';
  const noKey = 'kid: expected the id of a key of the issuer, got another';
  const badKid = 'kid: expected a short string';
  const notThree = 'expected a JWT: three base64url parts with dots between them';
  for (const [token, message] of [
    ['', notThree],
    ['sesame', notThree],
    ['..', notThree],
    [forge({ alg: 'none' }, claims), notThree],
    [forge({ alg: 'none' }, claims, 'AA'), badAlg],
    [forge({ alg: 'NONE' }, claims, 'AA'), badAlg],
    [forge({ alg: '__proto__' }, claims, 'AA'), badAlg],
    [signWithSecret({ ...head, alg: 'HS256' }, claims, pem), badAlg],
    [signWithSecret({ ...head, alg: 'HS256' }, claims, ''), badAlg],
    [issuer.sign(claims, { header: { alg: 'RS512' } }), badAlg],
    [issuer.sign(claims, { header: { alg: 'EdDSA' } }), badAlg],
    [issuer.sign(claims, { header: { alg: ['RS256'] } }), 'alg: expected a string'],
    [forge({}, claims, 'AA'), 'alg: expected a string'],
    [forge('{"__proto__":{"alg":"RS256"}}', claims, 'AA'), notThree],
    [forge(Buffer.from('{"__proto__":{"alg":"RS256"}}').toString('base64url'), claims, 'AA'), 'alg: expected a string'],
    [issuer.sign(claims, { alg: 'RS256', header: { alg: 'ES256' } }), noKey],
    [issuer.sign(claims, { header: { kid: ec.kid } }), noKey],
    [issuer.sign(claims, { header: { kid: '../../etc/passwd' } }), badKid],
    [issuer.sign(claims, { header: { kid: 'k'.repeat(201) } }), badKid],
    [issuer.sign(claims, { header: { kid: 'a\nb' } }), badKid],
    [issuer.sign(claims, { header: { kid: 7 } }), badKid],
    [issuer.sign(claims, { header: { kid: null } }), badKid],
    [issuer.sign(claims, { header: { kid: 'k'.repeat(10_240) } }), 'expected at most 8192 characters'],
    ['x'.repeat(8193), 'expected at most 8192 characters'],
    [issuer.sign(claims, { header: { crit: ['exp'] } }), 'crit: expected no critical extensions, got some'],
    [issuer.sign(claims, { header: { crit: [] } }), 'crit: expected no critical extensions, got some'],
    [`${good}.`, notThree],
    [`${good}.AA.AA`, notThree],
    [`${good}=`, notThree],
    [`${good} `, notThree],
    [`${good}\n`, notThree],
    [good.slice(0, good.lastIndexOf('.')), notThree],
    [forge([], claims, 'AA'), 'expected a JSON object as header, got another value'],
    [forge('bnVsbA', claims, 'AA'), 'expected a JSON object as header, got another value'],
    [forge('e30e30', claims, 'AA'), 'expected a JSON object as header, got another value'],
    [forge(head, [claims], 'AA'), 'expected a JSON object as payload, got another value'],
    [forge(head, 'InRleHQi', 'AA'), 'expected a JSON object as payload, got another value'],
    [issuer.sign({ iss: undefined }), 'iss: expected a string'],
    [issuer.sign({ iss: [iss] }), 'iss: expected a string'],
    [issuer.sign({ iss: 'https://other.test' }), 'iss: expected an issuer that this API trusts, got another'],
    [issuer.sign({ iss: `${iss}/` }), 'iss: expected an issuer that this API trusts, got another'],
    [issuer.sign({ iss: '__proto__' }), 'iss: expected an issuer that this API trusts, got another'],
    [issuer.sign({ sub: 'ada', exp: undefined }), 'exp: expected a number'],
    [issuer.sign({ sub: 'ada', exp: '9999999999' }), 'exp: expected a number'],
    [issuer.sign({ sub: 'ada', exp: null }), 'exp: expected a number'],
    [forge(head, Buffer.from(`{"iss":"${iss}","exp":1e400}`).toString('base64url'), 'AA'), 'exp: expected a number'],
  ] as const) {
    await refused(t, verifier, token, message);
  }
  t.is(issuer.fetches, 1, 'the one at the start');
  t.is(verifier.remembered, 0);
  t.deepEqual(lines, []);
});

test('a token with a wrong signature, audience or time is refused', async (t) => {
  const { issuer, verifier, clock } = await start(t);
  const now = seconds(clock);
  const [head, , signature] = issuer.sign({ sub: 'ada' }).split('.') as [string, string, string];
  const ecToken = issuer.sign({ sub: 'ada' }, { alg: 'ES256' });
  const noSignature = 'expected a signature of the issuer, got another';
  for (const [token, message] of [
    [forge(head, { iss: issuer.issuer, aud: 'api', exp: now + 300, sub: 'eve' }, signature), noSignature],
    [`${issuer.sign({ sub: 'ada' }).slice(0, -8)}AAAAAAAA`, noSignature],
    [issuer.sign({ sub: 'ada' }).replace(/[\w-]+$/, 'AA'), noSignature],
    [`${ecToken.slice(0, -8)}AAAAAAAA`, noSignature],
    [ecToken.replace(/[\w-]+$/, 'A'.repeat(86)), noSignature],
    [ecToken.replace(/[\w-]+$/, 'AA'), 'expected a token that can be verified'],
    [issuer.sign({ sub: 'ada', exp: now - 60 }), 'exp: expected a token that has not expired'],
    [issuer.sign({ sub: 'ada', exp: 0 }), 'exp: expected a token that has not expired'],
    [issuer.sign({ sub: 'ada', nbf: now + 61 }), 'nbf: expected a token that is already valid'],
    [issuer.sign({ sub: 'ada', nbf: 'tomorrow' }), 'nbf: expected a number'],
    [issuer.sign({ sub: 'ada', aud: undefined }), 'aud: expected an audience of this API, got others'],
    [issuer.sign({ sub: 'ada', aud: 'other' }), 'aud: expected an audience of this API, got others'],
    [issuer.sign({ sub: 'ada', aud: ['other', ['api']] }), 'aud: expected an audience of this API, got others'],
    [issuer.sign({ sub: 'ada', aud: { api: true } }), 'aud: expected an audience of this API, got others'],
    [issuer.sign({}), 'sub: expected a string that is not empty, got another value'],
    [issuer.sign({ sub: '' }), 'sub: expected a string that is not empty, got another value'],
    [issuer.sign({ sub: 7 }), 'sub: expected a string that is not empty, got another value'],
  ] as const) {
    await refused(t, verifier, token, message);
  }
  t.is(verifier.remembered, 0);
});

test('a minute of skew is forgiven; when a token was issued does not matter', async (t) => {
  const { issuer, verifier, clock } = await start(t);
  const now = seconds(clock);
  for (const claims of [
    { exp: now - 59 },
    { nbf: now + 60 },
    { iat: now + 3600 },
    { aud: ['other', 'api'] },
    { iat: 'whenever', jti: 7 },
  ]) {
    t.is((await verifier.verify(issuer.sign({ sub: 'ada', ...claims }))).subject, 'ada', JSON.stringify(claims));
  }
});

test('a token does not bring its own key', async (t) => {
  const { issuer, verifier } = await start(t);
  const evil = await startIssuer(t, 'evil');
  const header = {
    jwk: jwkOf(evil.rsa),
    jku: evil.jwksUri,
    x5u: evil.jwksUri,
    x5c: [evil.rsa.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')],
  };
  const claims = { iss: issuer.issuer, sub: 'eve' };
  const known = { ...header, kid: issuer.rsa.kid };
  await refused(t, verifier, evil.sign(claims, { header: known }), 'expected a signature of the issuer, got another');
  await refused(t, verifier, evil.sign(claims, { header }), 'kid: expected the id of a key of the issuer, got another');
  for (const kid of ['/etc/passwd', evil.jwksUri, 'constructor', "' OR 1=1 --"]) {
    await refused(
      t,
      verifier,
      evil.sign(claims, { header: { ...header, kid } }),
      'kid: expected the id of a key of the issuer, got another',
    );
  }
  t.is(evil.fetches, 0);
  t.is((await verifier.verify(issuer.sign({ sub: 'ada' }, { header }))).subject, 'ada', 'they are ignored');
});

test('one issuer’s token passes neither with another’s audience nor with another’s key', async (t) => {
  const clock = handClock();
  const [a, b] = [await startIssuer(t, 'a'), await startIssuer(t, 'b')];
  const trusted = [
    { ...(await trust(t, a, clock)), audiences: ['api-a'] },
    { ...(await trust(t, b, clock)), audiences: ['api-b'], algorithms: ['ES256'] },
  ];
  const verifier = createTokenVerifier(trusted, { clock });
  const noKey = 'kid: expected the id of a key of the issuer, got another';
  for (const [token, message] of [
    [a.sign({ sub: 'x', aud: 'api-b' }), 'aud: expected an audience of this API, got others'],
    [a.sign({ sub: 'x', aud: 'api-b', iss: b.issuer }, { alg: 'ES256' }), noKey],
    [b.sign({ sub: 'x', aud: 'api-a', iss: a.issuer }), noKey],
    [
      b.sign({ sub: 'x', aud: 'api-a', iss: a.issuer }, { header: { kid: a.rsa.kid } }),
      'expected a signature of the issuer, got another',
    ],
    [
      b.sign({ sub: 'x', aud: 'api-b' }),
      'alg: expected an algorithm that this API accepts from the issuer, got another',
    ],
  ] as const) {
    await refused(t, verifier, token, message);
  }
  t.is((await verifier.verify(a.sign({ sub: 'x', aud: 'api-a' }))).subject, 'x');
  t.is((await verifier.verify(b.sign({ sub: 'y', aud: 'api-b' }, { alg: 'ES256' }))).subject, 'y');
});

test('an issuer without audiences passes nothing, and HS256 beside RS256 makes no public key a secret', async (t) => {
  const { issuer, verifier, clock } = await start(t, { audiences: [] });
  await refused(t, verifier, issuer.sign({ sub: 'ada' }), 'aud: expected an audience of this API, got others');
  const lax = { ...(await trust(t, issuer, clock)), algorithms: ['RS256', 'HS256'] };
  const pem = issuer.rsa.publicKey.export({ type: 'spki', format: 'pem' });
  const claims = { iss: issuer.issuer, aud: 'api', sub: 'eve', exp: seconds(clock) + 300 };
  for (const kid of [issuer.rsa.kid, undefined]) {
    const token = signWithSecret({ alg: 'HS256', kid }, claims, pem);
    await refused(
      t,
      createTokenVerifier([lax], { clock }),
      token,
      'kid: expected the id of a key of the issuer, got another',
    );
  }
});

test('every algorithm on offer verifies what jsonwebtoken signs', async (t) => {
  const clock = handClock();
  const secret = 's'.repeat(64);
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = new Map(
    (['P-256', 'P-384', 'P-521'] as const).map((namedCurve, index) => [
      `ES${['256', '384', '512'][index]}`,
      generateKeyPairSync('ec', { namedCurve }),
    ]),
  );
  for (const alg of TOKEN_ALGORITHMS) {
    const pair = ec.get(alg) ?? rsa;
    const keys = alg.startsWith('HS')
      ? createSecretKeys(secret)
      : createKeySet([{ kid: 'k', alg, key: pair.publicKey }]);
    const trusted = { ...NAMES, issuer: 'local', audiences: ['api'], algorithms: [alg], keys, counts: newCounts() };
    const options = { algorithm: alg, keyid: 'k', issuer: 'local', audience: 'api', subject: alg, expiresIn: 60 };
    const token = jsonwebtoken.sign({}, alg.startsWith('HS') ? secret : pair.privateKey, options);
    t.is((await createTokenVerifier([trusted], { clock }).verify(token)).subject, alg);
  }
});

// Keys that change.

test('until the issuer gives keys its tokens are 503, others’ verify', async (t) => {
  const clock = handClock();
  const [up, down] = [await startIssuer(t, 'a'), await startIssuer(t, 'b')];
  down.mode = 'down';
  const verifier = createTokenVerifier([await trust(t, up, clock), await trust(t, down, clock)], { clock });
  const error = await t.throwsAsync(async () => verifier.verify(down.sign({ sub: 'ada' })));
  t.like(error, { httpStatus: 503 });
  t.is((await verifier.verify(up.sign({ sub: 'ada' }))).subject, 'ada');
  await refused(
    t,
    verifier,
    forge({ alg: 'none' }, { iss: down.issuer, exp: 1 }, 'AA'),
    'alg: expected an algorithm that this API accepts from the issuer, got another',
  );
});

test('keys rotate without a 401', async (t) => {
  const { issuer, verifier } = await start(t);
  for (let i = 0; i < 3; i++) {
    const tokens = ['RS256', 'ES256'].map((alg) => issuer.sign({ sub: alg }, { alg: alg as 'RS256' }));
    const found = await Promise.all(tokens.map((token) => verifier.verify(token)));
    t.deepEqual(
      found.map(({ subject }) => subject),
      ['RS256', 'ES256'],
    );
    issuer.rotate();
  }
});

test('a token is verified once, remembered, and answered at once', async (t) => {
  const { issuer, verifier } = await start(t);
  const token = issuer.sign({ sub: 'ada' });
  const first = await verifier.verify(token);
  const copy = Buffer.from(token).toString();
  t.is(verifier.verify(copy), first);
  t.true(verifier.verify(issuer.sign({ sub: 'ada', jti: '2' })) instanceof Promise);
  t.throws(() => {
    (first.claims as { sub: string }).sub = 'eve';
  });
});

test('the signature of a remembered token makes no other token valid', async (t) => {
  const { issuer, verifier } = await start(t);
  const token = issuer.sign({ sub: 'ada' });
  await verifier.verify(token);
  const [head, , signature] = token.split('.');
  const [, payload] = issuer.sign({ sub: 'eve' }).split('.');
  await refused(t, verifier, `${head}.${payload}.${signature}`, 'expected a signature of the issuer, got another');
  t.is((await verifier.verify(token)).subject, 'ada');
  t.true(isRemembered(verifier, token));
});

test('a remembered token is forgotten when its key leaves the set', async (t) => {
  const { issuer, verifier, clock } = await start(t);
  const token = issuer.sign({ sub: 'ada', exp: seconds(clock) + 86_400 });
  await verifier.verify(token);
  issuer.rotate();
  t.true(isRemembered(verifier, token), 'nobody knows yet');
  await verifier.verify(issuer.sign({ sub: 'bob' }));
  await refused(t, verifier, token, 'kid: expected the id of a key of the issuer, got another');
  t.is(verifier.remembered, 1);
});

test('a remembered token is forgotten when a refresh finds its key gone', async (t) => {
  const { issuer, verifier, clock } = await start(t);
  const token = issuer.sign({ sub: 'ada', exp: seconds(clock) + 86_400 });
  clock.advance(599_000);
  await verifier.verify(token);
  issuer.rotate();
  clock.advance(1000);
  while (isRemembered(verifier, token)) await turn();
  await refused(t, verifier, token, 'kid: expected the id of a key of the issuer, got another');
});

/** True if the verifier still remembers the token. Any other token would be verified again. */
function isRemembered(verifier: TokenVerifier, token: string): boolean {
  const answer = verifier.verify(token);
  if (!(answer instanceof Promise)) return true;
  answer.catch(() => {});
  return false;
}

test('a remembered token is verified again after five minutes, and at its end', async (t) => {
  const { issuer, verifier, clock } = await start(t);
  const long = issuer.sign({ sub: 'ada', exp: seconds(clock) + 3600 });
  const short = issuer.sign({ sub: 'ada', exp: seconds(clock) + 30 });
  await Promise.all([verifier.verify(long), verifier.verify(short)]);
  clock.advance(28_000);
  t.true(isRemembered(verifier, short));
  clock.advance(2000);
  t.false(isRemembered(verifier, short));
  t.is((await verifier.verify(short)).subject, 'ada', 'the skew is still forgiven');
  t.false(isRemembered(verifier, short), 'but not remembered');
  clock.advance(60_000);
  await refused(t, verifier, short, 'exp: expected a token that has not expired');
  clock.advance(209_999);
  t.true(isRemembered(verifier, long));
  clock.advance(1);
  const again = verifier.verify(long);
  t.true(again instanceof Promise);
  await again;
  t.true(isRemembered(verifier, long));
});

test('remembered tokens are limited in number and in bytes', async (t) => {
  const { issuer, verifier, clock } = await start(t, {}, { maxTokens: 5 });
  const tokens = Array.from({ length: 20 }, (_, i) => issuer.sign({ sub: `user-${i}` }));
  for (const token of tokens) await verifier.verify(token);
  t.is(verifier.remembered, 5);
  t.true(isRemembered(verifier, tokens.at(-1)!));
  const trusted = await trust(t, issuer, clock);
  const small = createTokenVerifier([trusted], { clock, maxBytes: tokens[0]!.length * 4 * 3 + 100 });
  for (const token of tokens) await small.verify(token);
  t.is(small.remembered, 3);
});

// Identity.

test.serial('a remembered token does not keep the header that it was cut out of in memory', async (t) => {
  const { issuer, verifier } = await start(t, { algorithms: ['ES256'] });
  const count = 1000;
  const verifyOne = async (i: number) => {
    const token = issuer.sign({ sub: `ada${i}` }, { alg: 'ES256' });
    const header = Buffer.from(`Bearer ${' '.repeat(15_000)}${token}`).toString('latin1');
    await verifier.verify(/^bearer +(\S+)$/i.exec(header)![1]!);
  };
  await verifyOne(-1);
  const before = heldBytes();
  for (let i = 0; i < count; i++) await verifyOne(i);
  const bytesEach = (heldBytes() - before) / count;
  t.is(verifier.remembered, count + 1);
  t.true(bytesEach < 10_000, `${bytesEach} bytes for a token`);
});

test('claims become a principal', async (t) => {
  const { issuer, verifier } = await start(t, {
    scopesClaim: 'permissions',
    consumerClaim: 'https://example.com/org',
    planClaim: 'tier',
  });
  const who = (claims: object) => verifier.verify(issuer.sign({ sub: 'ada', ...claims }));
  const rows: readonly (readonly [object, Partial<Record<keyof Principal, unknown>>])[] = [
    [{}, { subject: 'ada', consumer: undefined, plan: undefined, scopes: [] }],
    [{ permissions: ' a  b a' }, { scopes: ['a', 'b'] }],
    [{ permissions: ['a b', 'c', 7, null, '', ['d']] }, { scopes: ['a b', 'c'] }],
    [{ permissions: { a: true } }, { scopes: [] }],
    [{ permissions: 7, scope: 'admin' }, { scopes: [] }],
    [{ 'https://example.com/org': 'acme' }, { consumer: 'acme' }],
    [{ 'https://example.com/org': 42 }, { consumer: undefined }],
    [{ 'https://example.com/org': '' }, { consumer: undefined }],
    [{ 'https://example.com/org': ['acme'] }, { consumer: undefined }],
    [{ 'https://example.com/org': { id: 'acme' } }, { consumer: undefined }],
    [{ 'https://example.com/org': null }, { consumer: undefined }],
    [{ 'https://example.com/org': true }, { consumer: undefined }],
    [{ 'https://example': { 'com/org': 'acme' } }, { consumer: undefined }],
    [{ tier: 'free' }, { plan: 'free' }],
    [{ tier: 1 }, { plan: undefined }],
    [{ tier: ['free'] }, { plan: undefined }],
    [{ tier: '' }, { plan: undefined }],
  ];
  for (const [claims, expected] of rows) {
    const principal = await who(claims);
    const plain = { ...principal, scopes: [...principal.scopes] };
    t.like(plain, expected, JSON.stringify(claims));
  }
});

test('a claim named like a prototype’s property is data', async (t) => {
  const names = { consumerClaim: 'constructor', planClaim: '__proto__', scopesClaim: 'toString' };
  const { issuer, verifier } = await start(t, { ...names, claimsToMetadata: new Map([['hasOwnProperty', 'x-h']]) });
  const plain = await verifier.verify(issuer.sign({ sub: 'ada' }));
  t.deepEqual([plain.consumer, plain.plan, plain.scopes.size, plain.metadata], [undefined, undefined, 0, []]);
  const claims = JSON.parse('{"sub":"ada","__proto__":"free","constructor":"acme","toString":"a"}') as object;
  const hostile = await verifier.verify(issuer.sign(ownEntries(claims)));
  t.deepEqual([hostile.consumer, hostile.plan, [...hostile.scopes]], ['acme', 'free', ['a']]);
  t.is(({} as { plan?: string }).plan, undefined);
});

/** Adds the claims that `sign` adds. A spread would lose an own `__proto__`. */
function ownEntries(claims: object): Record<string, unknown> {
  return Object.defineProperties({}, Object.getOwnPropertyDescriptors(claims));
}

test('claims become metadata as text, element by element; -bin takes any text', async (t) => {
  const { issuer, verifier } = await start(t, {
    claimsToMetadata: new Map([
      ['sub', 'x-user-id'],
      ['v', 'x-v'],
      ['b', 'x-b-bin'],
    ]),
  });
  const metadata = async (claims: object) =>
    (await verifier.verify(issuer.sign({ sub: 'ada', ...claims }))).metadata.slice(1);
  for (const [claims, expected] of [
    [{}, []],
    [{ v: null }, []],
    [{ v: true }, [['x-v', 'true']]],
    [{ v: 1.5 }, [['x-v', '1.5']]],
    [{ v: '' }, [['x-v', '']]],
    [
      { v: ['a', 1, null] },
      [
        ['x-v', 'a'],
        ['x-v', '1'],
      ],
    ],
    [{ v: { a: 'é' } }, [['x-v', '{"a":"\\u00e9"}']]],
    [
      { v: [['a'], { b: 1 }] },
      [
        ['x-v', '["a"]'],
        ['x-v', '{"b":1}'],
      ],
    ],
    [{ b: 'é\n' }, [['x-b-bin', Buffer.from('é\n')]]],
  ] as const) {
    t.deepEqual(await metadata(claims), expected as never, JSON.stringify(claims));
  }
  for (const v of ['é', 'a\r\nx-admin: 1', 'a\0', ' admin', 'admin ', ['ok', '\u007f']]) {
    const token = issuer.sign({ sub: 'ada', v });
    await refused(t, verifier, token, 'claim v: expected printable ASCII without spaces at its ends, got other text');
  }
});

test('a claim that is a rounded number is equal to nothing', async (t) => {
  const { issuer, verifier } = await start(t, { claimsToMetadata: new Map([['id', 'x-id']]) });
  for (const id of [2 ** 53, -(2 ** 60), [2 ** 53], { id: 2 ** 53 }, [[2 ** 53]]]) {
    const token = issuer.sign({ sub: 'ada', id });
    await refused(
      t,
      verifier,
      token,
      'claim id: expected a string or a number up to 2^53, got a larger number, which is not exact in JSON',
    );
  }
});

test('a payload nested a thousand deep is verified like another', async (t) => {
  const { issuer, verifier } = await start(t);
  const deep = JSON.parse(`${'['.repeat(2500)}${']'.repeat(2500)}`) as unknown;
  const { claims } = await verifier.verify(issuer.sign({ sub: 'ada', deep }));
  t.true(Object.isFrozen((claims.deep as unknown[])[0]));
});
