/**
 * This module reads the keys that verify an issuer's tokens, from a JWK Set (RFC 7517) or a shared secret, and chooses
 * one by the `kid` and `alg` of a token's header. A key is used only for the algorithms that it is made for: RS and PS
 * need an RSA key, ES256 needs a P-256 key and so on, HS needs a secret. If a JWK has an `alg`, only that algorithm is
 * allowed.
 */
import { createPublicKey, createSecretKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { isRecord, type OutsideRecord, own } from '../../base/record.js';
import type { Resource } from '../../base/resources.js';

/** The place from which an issuer's keys come. */
export interface KeySource extends Resource {
  /** Resolves when the keys are known, or when waiting longer would not help. Never rejects. */
  readonly prepared: Promise<void>;
  /**
   * Returns the key for a token's header, or a promise if the issuer has to be asked. Undefined when there is no such
   * key. Throws a StatusError (503, `KEYS_UNAVAILABLE`) while no keys are known.
   */
  find(kid: string | undefined, alg: string): KeyObject | undefined | Promise<KeyObject | undefined>;
  /**
   * Returns false once a key that `find` returned has left the set. Tokens that this key verified are then not valid
   * any more.
   */
  holds(key: KeyObject): boolean;
}

export interface VerificationKey {
  readonly kid: string | undefined;
  /** The `alg` of the JWK. Undefined when the key may be used with every algorithm that fits it. */
  readonly alg: string | undefined;
  readonly key: KeyObject;
}

export interface ParsedJwks {
  /** The keys that can be used. Undefined when the text is not a JWK Set. */
  readonly keys: readonly VerificationKey[] | undefined;
  /** The reasons why the text, or some of its keys, cannot be used. */
  readonly problems: readonly JwksProblem[];
}

export interface JwksProblem {
  /** The problem as text, for example `keys[2]: expected 2048 to 8192 bits, got 1024`. */
  readonly text: string;
  /** True if the key is wrong. False if it is meant for another use, such as encryption, or has an unknown type. */
  readonly isFault: boolean;
}

/** The algorithms with which tokens may be signed. jsonwebtoken supports no others; EdDSA, for example, is missing. */
export const TOKEN_ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'HS256', 'HS384', 'HS512'],
] as const;

/** The largest length of a `kid`, in characters, in a set or in a token's header. */
const MAX_KID_LENGTH = 200;
const MAX_KEYS = 100;
/**
 * The allowed size of an RSA key in bits. A shorter modulus can be factored, and with a longer one each check takes
 * milliseconds.
 */
const RSA_BITS = { least: 2048, most: 8192 };
/** The least length of a shared secret in bytes, which RFC 7518 §3.2 demands for HS256. */
const MIN_SECRET_BYTES = 32;

const CURVES: ReadonlyMap<string, string> = new Map([
  ['ES256', 'prime256v1'],
  ['ES384', 'secp384r1'],
  ['ES512', 'secp521r1'],
]);

/**
 * True if `kid` can name a key: it is short, and has no control character and no `..`. A slash is allowed, because some
 * ids are base64 or URLs. No id is ever opened as a file or fetched.
 */
export function isKeyId(kid: unknown): kid is string {
  return typeof kid === 'string' && kid.length <= MAX_KID_LENGTH && !/\p{Cc}|\.\./u.test(kid);
}

/** Returns a source of keys that never change, such as those of a `jwksFile`. */
export function createKeySet(keys: readonly VerificationKey[]): KeySource {
  const held = new Set(keys.map(({ key }) => key));
  return {
    prepared: Promise.resolve(),
    find: (kid, alg) => findKey(keys, kid, alg),
    holds: (key) => held.has(key),
    close: async () => {},
  };
}

/** Returns a source with one shared secret, for HS256, HS384 and HS512. Every `kid` selects this secret. */
export function createSecretKeys(secret: string): KeySource {
  const shared = createSecretKey(secret, 'utf8');
  return {
    prepared: Promise.resolve(),
    find: (_, alg) => (fits(shared, alg) ? shared : undefined),
    holds: (key) => key === shared,
    close: async () => {},
  };
}

/** Returns what is wrong with a secret. Undefined when it is usable. */
export function secretProblem(secret: string): string | undefined {
  const bytes = Buffer.byteLength(secret);
  return bytes < MIN_SECRET_BYTES ? `expected at least ${MIN_SECRET_BYTES} bytes, got ${bytes}` : undefined;
}

/**
 * Returns the key for the algorithm `alg` with the id `kid`. Without an id it returns a key only if exactly one fits the
 * algorithm: if all were tried, the token could choose its key. Undefined when there is no such key.
 */
export function findKey(keys: readonly VerificationKey[], kid: string | undefined, alg: string): KeyObject | undefined {
  const fitting = keys.filter((one) => (kid === undefined || one.kid === kid) && isFor(one, alg));
  return kid !== undefined || fitting.length === 1 ? fitting[0]?.key : undefined;
}

function isFor({ alg: own, key }: VerificationKey, alg: string): boolean {
  return (own === undefined || own === alg) && fits(key, alg);
}

function fits(key: KeyObject, alg: string): boolean {
  if (/^HS(256|384|512)$/.test(alg)) return key.type === 'secret';
  if (/^[RP]S(256|384|512)$/.test(alg)) return key.asymmetricKeyType === 'rsa';
  return key.asymmetricKeyType === 'ec' && CURVES.get(alg) === key.asymmetricKeyDetails?.namedCurve;
}

/** True if the key can verify the signatures of at least one of the algorithms. */
export function isForAny(key: VerificationKey, algorithms: readonly string[]): boolean {
  return algorithms.some((alg) => isFor(key, alg));
}

/**
 * Reads a JWK Set. A key that cannot be used is reported with a reason and left out; the other keys stay usable (RFC
 * 7517 §5). Symmetric and private keys cannot be used, because they must not be published.
 */
export function parseJwks(text: string): ParsedJwks {
  const listed = listedKeys(text);
  if (typeof listed === 'string') return { keys: undefined, problems: [fault(listed)] };
  const keys: VerificationKey[] = [];
  const problems: JwksProblem[] = [];
  for (const [index, jwk] of listed.entries()) {
    const read = readJwk(jwk);
    if ('key' in read) keys.push(read);
    else problems.push({ ...read, text: `keys[${index}]: ${read.text}` });
  }
  return { keys, problems };
}

/** Returns the error text for a key set without any usable key. It shows the first of the problems. */
export function noKeyText(problems: readonly JwksProblem[]): string {
  return ['expected a key that can be used', ...problems.slice(0, 1).map(({ text }) => text)].join('; ');
}

function listedKeys(text: string): readonly unknown[] | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return 'expected JSON, got other text';
  }
  const keys = isRecord(parsed) ? own(parsed, 'keys') : undefined;
  if (!Array.isArray(keys)) return 'expected a JSON object with a list "keys"';
  return keys.length > MAX_KEYS ? `keys: expected at most ${MAX_KEYS}, got ${keys.length}` : keys;
}

/** Returns the key, or the reason why it cannot be used. */
function readJwk(jwk: unknown): VerificationKey | JwksProblem {
  if (!isRecord(jwk)) return fault('expected an object');
  const [kty, use, ops, kid, alg] = ['kty', 'use', 'key_ops', 'kid', 'alg'].map((name) => own(jwk, name));
  if (kty !== 'RSA' && kty !== 'EC') return notMeant('kty: expected RSA or EC');
  if (use !== undefined && use !== 'sig') return notMeant('use: expected sig (signatures), or none');
  if (ops !== undefined && !(Array.isArray(ops) && ops.includes('verify')))
    return notMeant('key_ops: expected a list with verify, or none');
  if (alg !== undefined && !isTokenAlgorithm(alg))
    return notMeant('alg: expected a signature algorithm such as RS256 or ES256');
  if (kid !== undefined && !isKeyId(kid))
    return fault(`kid: expected printable text of at most ${MAX_KID_LENGTH} characters`);
  if (own(jwk, 'd') !== undefined) return fault('expected a public key, got a private one');
  const key = publicKey(jwk, kty);
  if (key === undefined) return fault(`expected a valid ${kty} key`);
  const problem = kty === 'RSA' ? rsaProblem(key) : undefined;
  if (problem !== undefined) return fault(problem);
  if (alg !== undefined && !fits(key, alg)) return fault('alg: expected an algorithm that fits the type of the key');
  return { kid, alg, key };
}

function isTokenAlgorithm(alg: unknown): alg is (typeof TOKEN_ALGORITHMS)[number] {
  return TOKEN_ALGORITHMS.some((known) => known === alg);
}

function fault(text: string): JwksProblem {
  return { text, isFault: true };
}

function notMeant(text: string): JwksProblem {
  return { text, isFault: false };
}

function publicKey(jwk: OutsideRecord, kty: 'RSA' | 'EC'): KeyObject | undefined {
  const key: JsonWebKey = { kty };
  for (const name of kty === 'RSA' ? ['n', 'e'] : ['crv', 'x', 'y']) key[name] = own(jwk, name);
  try {
    return createPublicKey({ key, format: 'jwk' });
  } catch {
    return undefined;
  }
}

function rsaProblem(key: KeyObject): string | undefined {
  const { modulusLength: bits = 0, publicExponent: exponent = 0n } = key.asymmetricKeyDetails ?? {};
  const { least, most } = RSA_BITS;
  if (bits < least || bits > most) return `expected ${least} to ${most} bits, got ${bits}`;
  return exponent < 3n || exponent % 2n === 0n ? 'e: expected an odd number, 3 or more' : undefined;
}
