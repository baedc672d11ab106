/**
 * Measures what checking a token costs: a token that was seen before, compared with a whole verification (RS256, 2048
 * bits).
 *
 *     node dist/bench/token.js
 *
 * The tokens have about 600 characters. Each check gets a string of its own, as from a socket, so that the figure includes
 * hashing and comparing it; the string is made before the clock runs. The rounds are interleaved, and the figures are
 * medians.
 */
import { generateKeyPairSync } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { systemClock } from '../src/base/clock.js';
import { createKeySet } from '../src/policy/access/jwk-set.js';
import { createTokenVerifier } from '../src/policy/access/jwt.js';

const TOKENS = 1000;
const ROUNDS = 15;
const HITS_PER_ROUND = 20_000;
const VERIFICATIONS_PER_ROUND = 100;
/** The most that checking a known token may cost, in microseconds. */
const GOAL_US = 3;

async function main(): Promise<void> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const options = { algorithm: 'RS256', keyid: 'key', issuer: 'https://auth.test', audience: 'api' } as const;
  const tokens = Array.from({ length: TOKENS }, (_, i) =>
    Buffer.from(
      jwt.sign({ scope: 'orders.read orders.write', org: 'acme', email: `user-${i}@example.com` }, privateKey, {
        ...options,
        subject: `user-${i}`,
        expiresIn: '1h',
      }),
    ),
  );
  const issuer = {
    issuer: options.issuer,
    audiences: ['api'],
    algorithms: ['RS256'],
    keys: createKeySet([{ kid: 'key', alg: 'RS256', key: publicKey }]),
    counts: { remembered: { count: 0 }, verified: { count: 0 }, refused: { count: 0 } },
    scopesClaim: 'scope',
    consumerClaim: 'org',
    planClaim: 'plan',
    claimsToMetadata: new Map([['sub', 'x-user-id']]),
  };
  const verifier = createTokenVerifier([issuer], { clock: systemClock });
  const forgetful = createTokenVerifier([issuer], { clock: systemClock, maxTokens: 1 });
  for (const token of tokens) await verifier.verify(token.toString('latin1'));

  const hits: number[] = [];
  const whole: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    hits.push(hitCost(tokens, (token) => !(verifier.verify(token) instanceof Promise)));
    const start = process.hrtime.bigint();
    for (let i = 0; i < VERIFICATIONS_PER_ROUND; i++) await forgetful.verify(tokens[i]!.toString('latin1'));
    whole.push(microsecondsSince(start) / VERIFICATIONS_PER_ROUND);
  }
  const [hit, verification] = [median(hits), median(whole)];
  console.log(`${tokens[0]!.length} characters a token, ${TOKENS} remembered; ${process.version}`);
  console.log(`seen before: ${hit.toFixed(2)} µs`);
  console.log(`verified: ${verification.toFixed(1)} µs`);
  console.log(`ratio: ${(verification / hit).toFixed(0)}`);
  if (hit >= GOAL_US) {
    console.log(`expected less than ${GOAL_US} µs for a token that was seen before`);
    process.exitCode = 1;
  }
}

/** Returns the microseconds per check. All strings are made before the measurement begins. */
function hitCost(tokens: readonly Buffer[], isHit: (token: string) => boolean): number {
  const asked = Array.from({ length: HITS_PER_ROUND }, (_, i) => tokens[(i * 7) % tokens.length]!.toString('latin1'));
  let found = 0;
  const start = process.hrtime.bigint();
  for (const token of asked) if (isHit(token)) found++;
  const cost = microsecondsSince(start) / HITS_PER_ROUND;
  if (found !== HITS_PER_ROUND) throw new Error(`expected ${HITS_PER_ROUND} hits, got ${found}`);
  return cost;
}

function microsecondsSince(start: bigint): number {
  return Number(process.hrtime.bigint() - start) / 1000;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

await main();
