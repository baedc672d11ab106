/**
 * This module turns tokens into Principals. Before it verifies a token it makes two cheap checks: was the same token
 * verified before, and are its issuer, its algorithm and its key known?
 *
 *     seen before, key still held ──▶ Principal, at once
 *     otherwise: read unverified → issuer by `iss` → `alg` among its algorithms → key by `kid` → koa-jwt → Principal
 *
 * koa-jwt verifies the tokens. Each issuer has an instance of its own, because a shared one would accept a token of
 * issuer A with an audience of issuer B. This module adds the checks that koa-jwt lacks: `exp` must be present, `crit`
 * must be absent, and a key is looked up only after the algorithm was found to be allowed.
 */
import type { KeyObject } from 'node:crypto';
import { createRequire } from 'node:module';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../base/clock.js';
import { isRecord } from '../../base/record.js';
import type { Resource } from '../../base/resources.js';
import type { Principal } from '../../call/principal.js';
import type { HeldCounter } from '../../telemetry/held-counters.js';
import { type ClaimNames, compileClaims } from './claims.js';
import type { KeySource } from './jwk-set.js';
import { invalidToken, MAX_TOKEN_LENGTH, readUnverified } from './unverified-token.js';

export interface TokenIssuer extends ClaimNames {
  /** The exact value of the claim `iss`. */
  readonly issuer: string;
  /** The token must have one of these audiences. When the list is empty, no token is accepted. */
  readonly audiences: readonly string[];
  /** The allowed algorithms, a subset of `TOKEN_ALGORITHMS`. */
  readonly algorithms: readonly string[];
  readonly keys: KeySource;
  /** The counters of the issuer's tokens. */
  readonly counts: TokenCounts;
}

export interface TokenCounts {
  readonly remembered: HeldCounter;
  readonly verified: HeldCounter;
  readonly refused: HeldCounter;
}

export interface TokenVerifierOptions {
  readonly clock: Clock;
  /** The largest number of verified tokens that are remembered. The default is 10,000. */
  readonly maxTokens?: number;
  /** The approximate memory, in bytes, that remembered tokens may take. The default is 32 MiB. */
  readonly maxBytes?: number;
}

export interface TokenVerifier extends Resource {
  /**
   * Returns the caller whom the token names, without a promise if the token was verified before. Rejects with a
   * StatusError: 401 `INVALID_TOKEN`, or 503 `KEYS_UNAVAILABLE`.
   */
  verify(token: string): Principal | Promise<Principal>;
  /** The number of tokens that are remembered. */
  readonly remembered: number;
}

const CLOCK_SKEW_S = 60;
const REMEMBER_MS = 300_000;
/** A remembered token needs the memory of its text, and about three times as much for its parsed claims. */
const BYTES_PER_CHARACTER = 4;

/**
 * A remembered token is looked up by this many characters at its end. They belong to the signature, so two tokens hardly ever
 * share them, and the whole text is compared after the look-up. Looking up the whole text would read it once more, to hash it.
 */
const TAIL = 43;

interface Remembered extends Verified {
  readonly token: string;
}

interface Verified {
  readonly principal: Principal;
  readonly key: KeyObject;
  readonly keys: KeySource;
  readonly counts: TokenCounts;
  readonly untilMs: number;
}

/** Returns a verifier for the tokens of all `issuers`. No two of them may have the same `issuer`. */
export function createTokenVerifier(
  issuers: readonly TokenIssuer[],
  { clock, maxTokens = 10_000, maxBytes = 33_554_432 }: TokenVerifierOptions,
): TokenVerifier {
  const verifications = new Map(issuers.map((issuer) => [issuer.issuer, compileIssuer(issuer, clock)]));
  const memory = new LRUCache<string, Remembered>({
    max: maxTokens,
    maxSize: maxBytes,
    sizeCalculation: ({ token }) => token.length * BYTES_PER_CHARACTER,
  });

  async function verifyAnew(token: string): Promise<Principal> {
    const { iss, alg, kid, exp } = readUnverified(token);
    const verification = verifications.get(iss);
    if (verification === undefined) throw invalidToken('iss: expected an issuer that this API trusts, got another');
    const verified = await verification(token, alg, kid, exp);
    if (verified.untilMs > clock.now()) {
      const own = ownText(token);
      memory.set(own.slice(-TAIL), { ...verified, token: own });
    }
    return verified.principal;
  }

  return {
    verify(token) {
      const tail = token.slice(-TAIL);
      const seen = token.length > MAX_TOKEN_LENGTH ? undefined : memory.get(tail);
      if (seen === undefined || seen.token !== token) return verifyAnew(token);
      if (clock.now() < seen.untilMs && seen.keys.holds(seen.key)) {
        seen.counts.remembered.count++;
        return seen.principal;
      }
      memory.delete(tail);
      return verifyAnew(token);
    },
    get remembered() {
      return memory.size;
    },
    close: async () => memory.clear(),
  };
}

/**
 * Copies the token. A part of a header's text would keep the whole header in memory, with other cookies and
 * credentials.
 */
function ownText(token: string): string {
  return Buffer.from(token, 'latin1').toString('latin1');
}

type Verification = (token: string, alg: string, kid: string | undefined, exp: number) => Promise<Verified>;

function compileIssuer(issuer: TokenIssuer, clock: Clock): Verification {
  const { keys, counts } = issuer;
  const algorithms = new Set(issuer.algorithms);
  const claimsOf = compileKoaJwt(issuer, clock);
  const principalOf = compileClaims(issuer);
  return async function verification(token, alg, kid, exp) {
    try {
      const verified = await verify(token, alg, kid, exp);
      counts.verified.count++;
      return verified;
    } catch (error) {
      counts.refused.count++;
      throw error;
    }
  };

  async function verify(token: string, alg: string, kid: string | undefined, exp: number): Promise<Verified> {
    if (!algorithms.has(alg))
      throw invalidToken('alg: expected an algorithm that this API accepts from the issuer, got another');
    const key = await keys.find(kid, alg);
    if (key === undefined) throw invalidToken('kid: expected the id of a key of the issuer, got another');
    const claims = await claimsOf(token, key);
    const now = clock.now();
    // A token that has expired within the allowed clock difference stays valid until that difference has passed.
    const endsAtMs = (now < exp * 1000 ? exp : exp + CLOCK_SKEW_S) * 1000;
    const principal = principalOf(claims, { endsAtMs, stands: () => keys.holds(key) });
    return { principal, key, keys, counts, untilMs: Math.min(now + REMEMBER_MS, exp * 1000) };
  }
}

/**
 * Turns an instance of koa-jwt into a function. koa-jwt reads `ctx.state.secret` and writes `ctx.state.user`. It passes
 * its options to jsonwebtoken, which copies them for each token, so `clockTimestamp` can be a getter.
 */
function compileKoaJwt(
  { audiences, issuer, algorithms }: TokenIssuer,
  clock: Clock,
): (token: string, key: KeyObject) => Promise<Readonly<Record<string, unknown>>> {
  const options = {
    secret: () => Promise.reject(new Error('expected the key in ctx.state.secret')),
    getToken: (ctx: { readonly state: { readonly token: string } }) => ctx.state.token,
    audience: [...audiences],
    issuer,
    algorithms: [...algorithms],
    passthrough: false,
    clockTolerance: CLOCK_SKEW_S,
    get clockTimestamp() {
      return Math.floor(clock.now() / 1000);
    },
  };
  // koa-jwt is loaded here because it takes a while, and a gateway without issuers does not need it.
  const koaJwt = createRequire(import.meta.url)('koa-jwt') as typeof import('koa-jwt');
  const middleware = koaJwt(options);
  return async function claimsOf(token, key) {
    const state: { readonly token: string; readonly secret: KeyObject; user?: unknown } = { token, secret: key };
    await middleware({ state, throw: refuse } as unknown as Parameters<typeof middleware>[0], nothing);
    if (!isRecord(state.user)) throw invalidToken('expected a JSON object as payload, got another value');
    return state.user;
  };
}

async function nothing(): Promise<void> {}

/** Throws the gateway's own 401. koa-jwt calls it as `ctx.throw`. */
function refuse(_status: number, _message: string, { originalError }: { originalError?: unknown } = {}): never {
  const said = originalError instanceof Error ? originalError.message : '';
  throw invalidToken(REASONS.find(([start]) => said.startsWith(start))?.[1] ?? 'expected a token that can be verified');
}

/**
 * The text that a client receives for each message of jsonwebtoken. Its own messages would reveal parts of the config.
 */
const REASONS: readonly (readonly [start: string, reason: string])[] = [
  ['jwt expired', 'exp: expected a token that has not expired'],
  ['jwt not active', 'nbf: expected a token that is already valid'],
  ['invalid nbf', 'nbf: expected a number'],
  ['jwt audience invalid', 'aud: expected an audience of this API, got others'],
  ['invalid signature', 'expected a signature of the issuer, got another'],
];
