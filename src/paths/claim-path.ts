/**
 * This module parses the path to a claim in a token, as the config and the path language write it:
 *
 *     scope                               the claim of that name
 *     realm_access.roles                  the claim of exactly that name, or else `roles` inside of `realm_access`
 *     https://x.example/roles             one name: a text with :// in it is not split
 *     "https://x.example/jwt".roles       a name in quotes may contain any other character
 *     realm_access..roles                 refused: column 14: expected a name, got '.'
 */
import { isExact } from '../base/exact-number.js';
import { isRecord } from '../base/record.js';
import { ExpressionError } from './expression.js';

export interface ClaimPath {
  /** The names of nested claims from the outside inwards; one or more. */
  readonly names: readonly string[];
  /**
   * The whole path as the name of one claim, which is tried first: `realm_access.roles`. Undefined when it cannot be one name.
   */
  readonly whole: string | undefined;
}

/**
 * Returns the value of a claim; undefined when there is no such claim. Reads own properties only, and nothing inside of lists.
 */
export type ReadClaim = (claims: unknown) => unknown;

/** Parses a path that is written in the config. Throws ExpressionError. */
export function parseClaimPath(text: string): ClaimPath {
  const isQuoted = text.includes('"');
  if (!isQuoted && text.includes('://')) return { names: [text], whole: undefined };
  const names: string[] = [];
  for (let at = 0; ; at++) {
    const { name, end } = nameAt(text, at);
    names.push(name);
    at = end;
    if (at === text.length) break;
    if (text[at] !== '.') throw new ExpressionError(at + 1, `expected '.' or the end, got '${text[at]}'`);
  }
  return { names, whole: isQuoted || names.length === 1 ? undefined : text };
}

function nameAt(text: string, at: number): { readonly name: string; readonly end: number } {
  const isQuoted = text[at] === '"';
  const [, name = ''] = (isQuoted ? QUOTED : BARE).exec(text.slice(at)) ?? [];
  if (name !== '') return { name, end: at + name.length + (isQuoted ? 2 : 0) };
  const found = text[at] === undefined ? 'the end' : `'${text[at]}'`;
  throw new ExpressionError(at + 1, isQuoted ? 'expected a name and a closing quote' : `expected a name, got ${found}`);
}

const QUOTED = /^"([^"]+)"/;
const BARE = /^([^".]+)/;

/** Returns the path for the names after `caller.claims`, as in `caller.claims.realm_access.roles`. */
export function claimPathOf(names: readonly string[]): ClaimPath {
  // If a name needs brackets, the path means nested claims only, not one claim with dots in its name.
  const isPlain = names.length > 1 && names.every((name) => IDENTIFIER.test(name));
  return { names, whole: isPlain ? names.join('.') : undefined };
}

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;

export function compileClaim({ names, whole }: ClaimPath): ReadClaim {
  return function readClaim(claims) {
    if (whole !== undefined && isRecord(claims) && Object.hasOwn(claims, whole)) return claims[whole];
    let value = claims;
    for (const name of names) {
      if (!isRecord(value) || !Object.hasOwn(value, name)) return undefined;
      value = value[name];
    }
    return value;
  };
}

/** Returns a claim as text; undefined if it is missing, empty, a list, an object or a number beyond 2^53. */
export function claimText(value: unknown): string | undefined {
  if (typeof value === 'boolean' || (typeof value === 'number' && isExact(value))) return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
