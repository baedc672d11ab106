/**
 * This module compiles the paths that read the caller, for every place in which such paths are allowed:
 *
 *     caller.subject
 *     caller.issuer
 *     caller.claims.customer, caller.claims.realm_access.tenant, caller.claims['https://x.example/id'].name
 *
 * A path has no text if there is no caller, or if a claim is missing, empty, a list, an object or a number beyond 2^53.
 */
import { claimPathOf, claimText, compileClaim } from './claim-path.js';
import { ExpressionError } from './expression.js';

export interface PathCaller {
  readonly subject: string;
  /** The issuer of the identity: a token's `iss`, `api-key` or `certificate`. */
  readonly issuer: string;
  /** Claims come from outside: read only their own properties. */
  readonly claims: Readonly<Record<string, unknown>>;
}

export interface CallerPath {
  /** The names after `caller` as JSON. Paths with equal texts read the same value. */
  readonly text: string;
  readonly read: (caller: PathCaller | undefined) => string | undefined;
}

/** Compiles the names after `caller`. Throws ExpressionError if they are not a path of a caller. */
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

/** The values that identify a caller. `sub` is the claim of that name, which only tokens have. */
export type CallerName = 'subject' | 'issuer' | 'sub';

const NAMES: ReadonlyMap<string, CallerName> = new Map([
  [JSON.stringify(['subject']), 'subject'],
  [JSON.stringify(['issuer']), 'issuer'],
  [JSON.stringify(['claims', 'iss']), 'issuer'],
  [JSON.stringify(['claims', 'sub']), 'sub'],
]);

/** Returns which of the values that identify a caller the paths read. */
export function callerNames(paths: readonly CallerPath[]): ReadonlySet<CallerName> {
  return new Set(paths.flatMap(({ text }) => NAMES.get(text) ?? []));
}
