/**
 * What a path may ask of whoever calls, for every place in which such paths stand:
 *
 *     caller.subject
 *     caller.claims.customer, caller.claims['https://x.example/id'].name
 *
 * What is absent has no text: nobody is known, or a claim is missing, empty, a list, an object or a number beyond 2^53.
 */
import { isExact } from '../base/exact-number.js';
import { ExpressionError } from './expression.js';

export interface PathCaller {
  readonly subject: string;
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
  if (what === 'claims' && claim.length > 0) return { text, read: (caller) => ownClaim(caller?.claims, claim) };
  throw new ExpressionError(column, 'expected caller.subject or caller.claims.NAME');
}

function ownClaim(claims: unknown, names: readonly string[]): string | undefined {
  let value = claims;
  for (const name of names) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) return;
    value = (value as Record<string, unknown>)[name];
  }
  if (typeof value === 'boolean' || (typeof value === 'number' && isExact(value))) return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
