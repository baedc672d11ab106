import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../../src/base/clock.js';
import {
  createKeySet,
  createSecretKeys,
  type KeySource,
  parseJwks,
  secretProblem,
} from '../../../src/policy/access/jwk-set.js';
import { jwksUriProblem } from '../../../src/policy/access/jwks-fetch.js';
import { createJwks } from '../../../src/policy/access/jwks-uri.js';
import { StatusError } from '../../../src/status/status-error.js';
import { createLog } from '../../../src/telemetry/log.js';
import { certificates } from '../../support/certificates.js';
import { type HandClock, handClock } from '../../support/clock.js';
import { type IssuerMode, startIssuer, type TestIssuer } from '../../support/issuer.js';

interface Setup {
  readonly issuer: TestIssuer;
  readonly clock: HandClock;
  readonly keys: KeySource;
  readonly lines: string[];
}

async function start(t: ExecutionContext, mode: IssuerMode = 'ok'): Promise<Setup> {
  const issuer = await startIssuer(t);
  issuer.mode = mode;
  const clock = handClock();
  const lines: string[] = [];
  const log = createLog({ format: 'json', destination: { write: (line) => lines.push(line) } });
  const keys = createJwks({ uri: `${issuer.jwksUri}?key=sesame` }, { clock, log });
  t.teardown(() => keys.close());
  if (mode === 'ok') await keys.prepared;
  return { issuer, clock, keys, lines };
}

const FETCH_TIMEOUT_MS = 5000;
const PREPARE_MS = 10_000;

/** Waits until a condition holds; the test's own time limit ends it otherwise. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

const isUnavailable = {
  instanceOf: StatusError,
  message: "the keys of the token's issuer are not available yet; try again later",
};

// The ways in which the issuer can fail.

for (const [mode, reason] of [
  ['down', 'ECONNRESET'],
  ['cut', 'expected the whole answer, but the connection ended before its end'],
  ['huge', 'expected at most 1048576 bytes'],
  ['redirect', 'expected status 200, got 302'],
  ['garbage', 'expected JSON, got other text'],
  ['500', 'expected status 200, got 500'],
] as const) {
  test(`an issuer that is first '${mode}' gives 503, one log line, and is asked again`, async (t) => {
    const { issuer, clock, keys, lines } = await start(t, mode);
    await until(() => lines.length > 0);
    const error = t.throws(() => keys.find(issuer.rsa.kid, 'RS256'), isUnavailable) as StatusError;
    t.is(error.httpStatus, 503);
    const { level, jwks, reason: told } = JSON.parse(lines[0]!) as Record<string, unknown>;
    t.deepEqual([level, jwks, told], ['warn', issuer.jwksUri, reason]);
    t.is(issuer.fetches, 1, 'nothing is asked before its time, nor where a redirect points');
    issuer.mode = 'ok';
    clock.advance(250);
    await keys.prepared;
    t.truthy(await keys.find(issuer.rsa.kid, 'RS256'));
    await until(() => lines.length > 1);
    t.is((JSON.parse(lines[1]!) as { level: string }).level, 'info');
    t.notRegex(lines.join(''), /sesame/, 'neither the query nor the body is logged');
  });
}

for (const mode of ['hang', 'half'] as const) {
  test(`an issuer in mode '${mode}' is left after 5 s`, async (t) => {
    const { issuer, clock, lines } = await start(t, mode);
    await until(() => issuer.fetches === 1);
    clock.advance(4999);
    await turn();
    t.is(lines.length, 0);
    clock.advance(1);
    await until(() => lines.length === 1);
    t.regex(lines[0]!, /expected an answer within 5s/);
  });
}

test('an endless answer is cut while it is read', async (t) => {
  const { issuer, lines } = await start(t, 'huge');
  await until(() => lines.length > 0);
  t.true(issuer.sentBytes < 20_000_000, `${issuer.sentBytes} of 100,000,000 bytes were taken`);
});

test('waiting for the first keys ends after 10 s; trying goes on, ever less often', async (t) => {
  const { issuer, clock, keys, lines } = await start(t, 'down');
  let isPrepared = false;
  void keys.prepared.then(() => {
    isPrepared = true;
  });
  const retries = [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000];
  for (const [index, delay] of retries.entries()) {
    await until(() => retriesOf(clock).length === index + 1);
    t.is(issuer.fetches, index + 1);
    t.is(isPrepared, index > 5, `after the ${index + 1}th try`);
    clock.advance(delay);
  }
  t.deepEqual(retriesOf(clock), retries);
  await until(() => issuer.fetches === 10);
  t.is(lines.length, 1, 'one line for ten failures');
  t.throws(() => keys.find('any', 'RS256'), isUnavailable);
});

/** Returns the delays after which the keys were to be fetched again. */
function retriesOf(clock: HandClock): number[] {
  return clock.delays.filter((delay) => ![FETCH_TIMEOUT_MS, PREPARE_MS].includes(delay));
}

test('a server with a certificate of an unknown authority is refused', async (t) => {
  const { cert, key } = certificates().server;
  const server = createServer({ cert, key }, (_, response) => response.end('{"keys":[]}')).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await until(() => server.listening);
  const lines: string[] = [];
  const log = createLog({ format: 'json', destination: { write: (line) => lines.push(line) } });
  const { port } = server.address() as AddressInfo;
  const keys = createJwks({ uri: `https://127.0.0.1:${port}/` }, { clock: systemClock, log });
  t.teardown(() => keys.close());
  await until(() => lines.length > 0);
  t.regex(lines[0]!, /"reason":"UNABLE_TO_VERIFY_LEAF_SIGNATURE"/);
  t.throws(() => keys.find('any', 'RS256'), isUnavailable);
});

test('keys are kept while the issuer is down', async (t) => {
  const { issuer, clock, keys, lines } = await start(t);
  const key = await keys.find(issuer.rsa.kid, 'RS256');
  for (const [mode, delay] of [
    ['down', 600_000],
    ['garbage', 250],
    ['500', 500],
  ] as const) {
    await until(() => retriesOf(clock).at(-1) === delay);
    issuer.mode = mode;
    clock.advance(delay);
    await until(() => retriesOf(clock).at(-1) !== delay);
    t.is(await keys.find(issuer.rsa.kid, 'RS256'), key);
    t.true(keys.holds(key!));
  }
  t.is(issuer.fetches, 4);
  t.is(lines.length, 1);
});

test('an empty set is the issuer’s word: no key counts any more', async (t) => {
  const { issuer, clock, keys, lines } = await start(t);
  const key = (await keys.find(issuer.rsa.kid, 'RS256'))!;
  issuer.jwks = { keys: [] };
  clock.advance(600_000);
  await until(() => !keys.holds(key));
  t.regex(lines[0]!, /expected a key that can be used/);
});

// Rotation, and unknown key ids.

test('a rotated key is found at its first use, and the old one is dropped', async (t) => {
  const { issuer, keys } = await start(t);
  const old = (await keys.find(issuer.rsa.kid, 'RS256'))!;
  issuer.rotate();
  const found = await Promise.all(Array.from({ length: 100 }, () => keys.find(issuer.rsa.kid, 'RS256')));
  t.true(found.every((key) => key?.equals(issuer.rsa.publicKey)));
  t.is(issuer.fetches, 2, 'a hundred tokens at once share a fetch');
  t.false(keys.holds(old));
});

test('a key published while a fetch is under way is found all the same', async (t) => {
  const { issuer, keys, clock } = await start(t);
  issuer.mode = 'hang';
  const joined = keys.find('unknown', 'RS256');
  await until(() => issuer.fetches === 2);
  issuer.rotate();
  const found = keys.find(issuer.rsa.kid, 'RS256');
  issuer.mode = 'ok';
  clock.advance(5000);
  t.is(await joined, undefined);
  t.truthy(await found);
});

test('a key that is still published stays the same object', async (t) => {
  const { issuer, clock, keys } = await start(t);
  const key = await keys.find(issuer.rsa.kid, 'RS256');
  clock.advance(600_000);
  await until(() => retriesOf(clock).length === 2);
  t.is(await keys.find(issuer.rsa.kid, 'RS256'), key);
  t.true(keys.holds(key!));
});

test('a thousand unknown kids cause five fetches, and one more each half minute', async (t) => {
  const { issuer, clock, keys } = await start(t);
  const ask = async (name: string) => {
    const before = issuer.fetches;
    for (let i = 0; i < 1000; i++) t.is(await keys.find(`${name}-${i}`, 'RS256'), undefined);
    return issuer.fetches - before;
  };
  t.is(await ask('one by one'), 5);
  clock.advance(29_999);
  t.is(await ask('too early'), 0);
  clock.advance(1);
  t.is(await ask('later'), 1);
  clock.advance(300_000);
  const before = issuer.fetches;
  await Promise.all(Array.from({ length: 1000 }, (_, i) => keys.find(`at once ${i}`, 'RS256')));
  t.true(issuer.fetches - before <= 2, 'the one that was under way, and one begun since');
});

test('a known kid with another algorithm than its key’s causes no fetch', async (t) => {
  const { issuer, keys } = await start(t);
  t.is(keys.find(issuer.rsa.kid, 'ES256'), undefined);
  t.is(keys.find(issuer.rsa.kid, 'RS512'), undefined, 'the JWK says RS256');
  t.is(keys.find(issuer.ec.kid, 'RS256'), undefined);
  t.is(keys.find(undefined, 'HS256'), undefined);
  t.is(issuer.fetches, 1);
});

test('closing ends the fetch under way, and there is none after', async (t) => {
  const { issuer, clock, keys, lines } = await start(t, 'hang');
  await until(() => issuer.fetches === 1);
  await keys.close();
  await keys.prepared;
  clock.advance(3_600_000);
  await turn();
  t.deepEqual([issuer.fetches, lines.length, clock.pending], [1, 0, 0]);
});

// Sets of keys.

test('a key that can’t be used is left out with its reason, and spoils no other', (t) => {
  const good = jwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey, { kid: 'good' });
  const weak = jwk(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey);
  const rsa = jwk(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey);
  const privateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  /** Each row has an entry, the reason why it cannot be used, and whether that is a fault of the set. */
  const rows: readonly (readonly [unknown, string, isFault?: boolean])[] = [
    [null, 'expected an object'],
    [[], 'expected an object'],
    [{ kty: 'oct', k: 'c2VzYW1l' }, 'kty: expected RSA or EC', false],
    [jwk(generateKeyPairSync('ed25519').publicKey), 'kty: expected RSA or EC', false],
    [JSON.parse('{"__proto__":{"kty":"RSA"}}'), 'kty: expected RSA or EC', false],
    [{ ...good, use: 'enc' }, 'use: expected sig (signatures), or none', false],
    [{ ...good, key_ops: ['sign'] }, 'key_ops: expected a list with verify, or none', false],
    [{ ...good, kid: 7 }, 'kid: expected printable text of at most 200 characters'],
    [{ ...good, kid: 'k'.repeat(201) }, 'kid: expected printable text of at most 200 characters'],
    [privateKey, 'expected a public key, got a private one'],
    [{ ...good, x: 'AA' }, 'expected a valid EC key'],
    [{ ...good, crv: 'P-1' }, 'expected a valid EC key'],
    [{ ...good, alg: 'ES384' }, 'alg: expected an algorithm that fits the type of the key'],
    [{ ...good, alg: 'none' }, 'alg: expected a signature algorithm such as RS256 or ES256', false],
    [{ ...good, alg: 7 }, 'alg: expected a signature algorithm such as RS256 or ES256', false],
    [{ ...good, use: ['sig'] }, 'use: expected sig (signatures), or none', false],
    [{ ...rsa, alg: 'RSA-OAEP' }, 'alg: expected a signature algorithm such as RS256 or ES256', false],
    [{ ...rsa, n: 7 }, 'expected a valid RSA key'],
    [{ ...rsa, e: 'AQ' }, 'e: expected an odd number, 3 or more'],
    [{ ...rsa, alg: 'HS256' }, 'alg: expected an algorithm that fits the type of the key'],
    [weak, 'expected 2048 to 8192 bits, got 1024'],
  ];
  const { keys, problems } = parseJwks(JSON.stringify({ keys: [...rows.map(([key]) => key), good] }));
  t.deepEqual(
    problems,
    rows.map(([, reason, isFault = true], index) => ({ text: `keys[${index}]: ${reason}`, isFault })),
  );
  t.deepEqual(
    keys?.map(({ kid }) => kid),
    ['good'],
  );
});

test('a JWK Set that is invalid or has more than 100 keys is refused as a whole', (t) => {
  for (const [text, problem] of [
    ['', 'expected JSON, got other text'],
    ['[]', 'expected a JSON object with a list "keys"'],
    ['{"keys":{}}', 'expected a JSON object with a list "keys"'],
    [JSON.stringify({ keys: Array(101).fill({}) }), 'keys: expected at most 100, got 101'],
  ] as const) {
    t.deepEqual(parseJwks(text), { keys: undefined, problems: [{ text: problem, isFault: true }] });
  }
});

test('a key verifies only its own algorithm and use', async (t) => {
  const curves = ['P-256', 'P-384', 'P-521'] as const;
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
  const set = { keys: [jwk(rsa, { kid: 'RSA' }), ...curves.map((curve) => ecKey(curve))] };
  const keys = createKeySet(parseJwks(JSON.stringify(set)).keys!);
  const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'];
  const fitting = (kid: string) => [...algorithms, 'HS256', 'none', 'ES256K'].filter((alg) => keys.find(kid, alg));
  t.deepEqual(fitting('RSA'), algorithms.slice(0, 6));
  t.deepEqual(fitting('P-256'), ['ES256']);
  t.deepEqual(fitting('P-384'), ['ES384']);
  t.deepEqual(fitting('P-521'), ['ES512']);
});

test('a token without a kid has a key only if exactly one fits', (t) => {
  const set = (...curves: readonly ('P-256' | 'P-384')[]) =>
    createKeySet(parseJwks(JSON.stringify({ keys: curves.map(ecKey) })).keys!);
  t.truthy(set('P-256', 'P-384').find(undefined, 'ES256'));
  t.is(set('P-256', 'P-256').find(undefined, 'ES256'), undefined);
  t.is(set('P-384').find(undefined, 'ES256'), undefined);
});

test('a secret is for HS alone, has 32 bytes or more, and a published key is never one', async (t) => {
  t.is(secretProblem('é'.repeat(16)), undefined);
  t.is(secretProblem('x'.repeat(31)), 'expected at least 32 bytes, got 31');
  const keys = createSecretKeys('x'.repeat(32));
  const key = keys.find('any', 'HS512') as KeyObject;
  t.true(keys.holds(key));
  for (const alg of ['RS256', 'ES256', 'none', 'hs256']) t.is(keys.find(undefined, alg), undefined, alg);
  const { issuer, keys: remote } = await start(t);
  t.is(await remote.find(issuer.rsa.kid, 'HS256'), undefined);
});

test('keys are fetched over https, or from this machine', (t) => {
  for (const uri of [
    'https://auth.example.com/jwks.json',
    'https://10.0.0.1/',
    'http://127.0.0.1:8080/jwks',
    'http://127.1/jwks',
    'http://localhost/',
    'http://[::1]:1/',
    'HTTPS://auth.example.com',
  ]) {
    t.is(jwksUriProblem(uri), undefined, uri);
  }
  for (const [uri, problem] of [
    ['', /expected an https URL/],
    ['/jwks.json', /expected an https URL/],
    ['file:///etc/passwd', /expected an https URL/],
    ['ftp://127.0.0.1/', /expected an https URL/],
    ['http://auth.example.com/', /loopback/],
    ['http://127.0.0.1.evil.test/', /loopback/],
    ['http://127.evil.test/', /loopback/],
    ['http://localhost.evil.test/', /loopback/],
    ['http://0.0.0.0/', /loopback/],
    ['http://[::ffff:10.0.0.1]/', /loopback/],
    ['http://10.0.0.1#127.0.0.1', /loopback/],
    ['https://user:sesame@auth.example.com/', /without a user name and password/],
  ] as const) {
    t.regex(jwksUriProblem(uri)!, problem, uri);
    t.notRegex(jwksUriProblem(uri)!, /sesame/);
  }
});

function jwk(key: KeyObject, more: object = {}): object {
  return { ...createPublicKey(key.export({ type: 'spki', format: 'pem' })).export({ format: 'jwk' }), ...more };
}

function ecKey(namedCurve: 'P-256' | 'P-384' | 'P-521'): object {
  return jwk(generateKeyPairSync('ec', { namedCurve }).publicKey, { kid: namedCurve });
}
