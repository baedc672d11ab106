/**
 * The keys that verify an issuer's tokens: a JWK Set (RFC 7517) or a shared secret → KeyObjects, and the choice of one
 * by the `kid` and `alg` of a token's header. A key never verifies what it was not made for: RS and PS want RSA, ES256
 * wants P-256 and so on, HS wants a secret, and a JWK's own `alg` is final.
 */
import { createPublicKey, createSecretKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { isRecord, type OutsideRecord, own } from '../../base/record.js';
import type { Resource } from '../../base/resources.js';

/** Where an issuer's keys come from. */
export interface KeySource extends Resource {
  /** Resolves when keys are there, or when it is no use to wait any longer. Never rejects. */
  readonly prepared: Promise<void>;
  /**
   * The key for a token's header; undefined: there is none. A promise if the issuer has to be asked.
   * Throws a StatusError (503, `KEYS_UNAVAILABLE`) while no keys are known.
   */
  find(kid: string | undefined, alg: string): KeyObject | undefined | Promise<KeyObject | undefined>;
  /** False once a key that `find` gave has left the set: what it verified counts no more. */
  holds(key: KeyObject): boolean;
}

export interface VerificationKey {
  readonly kid: string | undefined;
  /** The JWK's own word; undefined: every algorithm that fits the key. */
  readonly alg: string | undefined;
  readonly key: KeyObject;
}

export interface ParsedJwks {
  /** The keys that can be used; undefined: the text is no JWK Set. */
  readonly keys: readonly VerificationKey[] | undefined;
  /** Why the text, or which of its keys, can't be used. */
  readonly problems: readonly JwksProblem[];
}

export interface JwksProblem {
  /** `keys[2]: expected 2048 to 8192 bits, got 1024`. */
  readonly text: string;
  /** False for a key that is made for something else, as for encryption, or is of a type that is not known here. */
  readonly isFault: boolean;
}

/** The algorithms that tokens may be signed with. jsonwebtoken knows no others; EdDSA for one. */
export const TOKEN_ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'HS256', 'HS384', 'HS512'],
] as const;

/** The longest `kid`, in a set or in a token's header. */
const MAX_KID_LENGTH = 200;
const MAX_KEYS = 100;
/** Below, a modulus can be factored; above, a signature takes milliseconds. */
const RSA_BITS = { least: 2048, most: 8192 };
/** RFC 7518 §3.2 for HS256. */
const MIN_SECRET_BYTES = 32;

const CURVES: ReadonlyMap<string, string> = new Map([
  ['ES256', 'prime256v1'],
  ['ES384', 'secp384r1'],
  ['ES512', 'secp521r1'],
]);

/**
 * True if `kid` can name a key: short, nothing that a log would choke on, and no way up a path. (A slash may be there:
 * some ids are base64 or URLs. No id is ever opened as a file or fetched.)
 */
export function isKeyId(kid: unknown): kid is string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  return typeof kid === 'string' && kid.length <= MAX_KID_LENGTH && !/[\u0000-\u001f\u007f-\u009f]|\.\./.test(kid);
}

/** Fixed keys, as from a `jwksFile`. */
export function createKeySet(keys: readonly VerificationKey[]): KeySource {
  const held = new Set(keys.map(({ key }) => key));
  return {
    prepared: Promise.resolve(),
    find: (kid, alg) => findKey(keys, kid, alg),
    holds: (key) => held.has(key),
    close: async () => {},
  };
}

/** A shared secret, for HS256, HS384 and HS512. Any `kid` means it. */
export function createSecretKeys(secret: string): KeySource {
  const shared = createSecretKey(secret, 'utf8');
  return {
    prepared: Promise.resolve(),
    find: (_, alg) => (fits(shared, alg) ? shared : undefined),
    holds: (key) => key === shared,
    close: async () => {},
  };
}

/** What is wrong with a secret; undefined: nothing. */
export function secretProblem(secret: string): string | undefined {
  const bytes = Buffer.byteLength(secret);
  return bytes < MIN_SECRET_BYTES ? `expected at least ${MIN_SECRET_BYTES} bytes, got ${bytes}` : undefined;
}

/** The key of that id; without an id the only one that fits, since trying all would let a token choose its key. */
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

/** True if the key can verify what one of the algorithms signs. */
export function isForAny(key: VerificationKey, algorithms: readonly string[]): boolean {
  return algorithms.some((alg) => isFor(key, alg));
}

/**
 * Reads a JWK Set. A key that can't be used is left out, with its reason, and does not spoil the others (RFC 7517 §5);
 * symmetric and private keys are such, as neither belongs where others can read it.
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

/** What is said where no key is left. */
export function noKeyText(problems: readonly JwksProblem[]): string {
  return ['expected a key that can be used', ...problems.slice(0, 1).map(({ text }) => text)].join('; ');
}

function listedKeys(text: string): readonly unknown[] | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return 'expected JSON';
  }
  const keys = isRecord(parsed) ? own(parsed, 'keys') : undefined;
  if (!Array.isArray(keys)) return 'expected an object with a list "keys"';
  return keys.length > MAX_KEYS ? `keys: expected at most ${MAX_KEYS}, got ${keys.length}` : keys;
}

/** The key, or why it can't be used. */
function readJwk(jwk: unknown): VerificationKey | JwksProblem {
  if (!isRecord(jwk)) return fault('expected an object');
  const [kty, use, ops, kid, alg] = ['kty', 'use', 'key_ops', 'kid', 'alg'].map((name) => own(jwk, name));
  if (kty !== 'RSA' && kty !== 'EC') return notMeant('kty: expected RSA or EC');
  if (use !== undefined && use !== 'sig') return notMeant('use: expected sig');
  if (ops !== undefined && !(Array.isArray(ops) && ops.includes('verify')))
    return notMeant('key_ops: expected verify among them');
  if (alg !== undefined && !isTokenAlgorithm(alg)) return notMeant('alg: expected one for signatures');
  if (kid !== undefined && !isKeyId(kid))
    return fault(`kid: expected printable text of at most ${MAX_KID_LENGTH} characters`);
  if (own(jwk, 'd') !== undefined) return fault('expected a public key, got a private one');
  const key = publicKey(jwk, kty);
  if (key === undefined) return fault(`expected a valid ${kty} key`);
  const problem = kty === 'RSA' ? rsaProblem(key) : undefined;
  if (problem !== undefined) return fault(problem);
  if (alg !== undefined && !fits(key, alg)) return fault('alg: expected one that fits the key');
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
  return exponent < 3n || exponent % 2n === 0n ? 'e: expected an odd number from 3' : undefined;
}
