/**
 * What a path may ask of whoever calls, for every place in which such paths stand:
 *
 *     caller.subject
 *     caller.issuer
 *     caller.claims.customer, caller.claims.realm_access.tenant, caller.claims['https://x.example/id'].name
 *
 * What is absent has no text: nobody is known, or a claim is missing, empty, a list, an object or a number beyond 2^53.
 */
import { claimPathOf, claimText, compileClaim } from './claim-path.js';
import { ExpressionError } from './expression.js';

export interface PathCaller {
  readonly subject: string;
  /** Who vouches for the subject. */
  readonly issuer: string;
  /** Came from outside: only own properties count. */
  readonly claims: Readonly<Record<string, unknown>>;
}

export interface CallerPath {
  /** Its names behind `caller`, as JSON: the same text reads the same. */
  readonly text: string;
  readonly read: (caller: PathCaller | undefined) => string | undefined;
}

/** `names`: those behind the root. Throws ExpressionError. */
export function callerPath(names: readonly string[], column: number): CallerPath {
  const [what, ...claim] = names;
  const text = JSON.stringify(names);
  if (what === 'subject' && claim.length === 0) return { text, read: (caller) => caller?.subject };
  if (what === 'issuer' && claim.length === 0) return { text, read: (caller) => caller?.issuer };
  if (what === 'claims' && claim.length > 0) {
    const readClaim = compileClaim(claimPathOf(claim));
    return { text, read: (caller) => claimText(readClaim(caller?.claims)) };
  }
  throw new ExpressionError(column, 'expected caller.subject, caller.issuer or caller.claims.NAME');
}

/** What tells callers apart, among what rules and steps read of them. */
export type CallerName = 'subject' | 'issuer' | 'sub';

const NAMES: ReadonlyMap<string, CallerName> = new Map([
  [JSON.stringify(['subject']), 'subject'],
  [JSON.stringify(['issuer']), 'issuer'],
  [JSON.stringify(['claims', 'iss']), 'issuer'],
  [JSON.stringify(['claims', 'sub']), 'sub'],
]);

export function callerNames(paths: readonly CallerPath[]): ReadonlySet<CallerName> {
  return new Set(paths.flatMap(({ text }) => NAMES.get(text) ?? []));
}
