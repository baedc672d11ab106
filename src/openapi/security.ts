/** This module describes the credentials of callers, and the scopes that operations need. */
import type { Access } from '../policy/access/planned.js';
import type { AuthBlock } from '../policy/access/settings.js';
import type { Json } from './api.js';

/** A security scheme with its name. */
interface Scheme {
  readonly name: string;
  readonly scheme: Json;
  /** True if its callers can have scopes. */
  readonly hasScopes: boolean;
  /** True for tokens in the query, which only GETs that stream accept. */
  readonly isQuery: boolean;
}

/** Returns the schemes of the config's `auth` block. */
export function schemesOf(auth: AuthBlock | undefined): readonly Scheme[] {
  if (auth === undefined) return [];
  const places = new Map<string, { source: AuthBlock['jwt'][number]['from'][number]; issuers: string[] }>();
  for (const { issuer, from } of auth.jwt) {
    for (const source of from) {
      const key = JSON.stringify(source);
      const place = places.get(key) ?? { source, issuers: [] };
      place.issuers.push(issuer);
      places.set(key, place);
    }
  }
  const tokens = [...places.values()].map(({ source, issuers }): Scheme => {
    const description = `A JSON Web Token of ${issuers.join(' or ')}.`;
    const isQuery = 'query' in source;
    if ('header' in source && source.header.toLowerCase() === 'authorization') {
      const scheme = { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description };
      return { name: 'token', scheme, hasScopes: true, isQuery };
    }
    const [[place = '', name = ''] = []] = Object.entries(source);
    const scheme = { type: 'apiKey', in: place, name, description };
    return { name: `token-${place}-${nameOf(name)}`, scheme, hasScopes: true, isQuery };
  });
  const headers = auth.apiKeys?.from ?? [];
  const keys = headers.map(({ header }, index): Scheme => {
    const scheme = { type: 'apiKey', in: 'header', name: header, description: 'An API key.' };
    return { name: index === 0 ? 'apiKey' : `apiKey-${nameOf(header)}`, scheme, hasScopes: true, isQuery: false };
  });
  const certificate = { type: 'mutualTLS', description: 'A client certificate.' };
  const certificates: Scheme[] =
    auth.mtls === undefined ? [] : [{ name: 'certificate', scheme: certificate, hasScopes: false, isQuery: false }];
  return [...tokens, ...keys, ...certificates];
}

/** Returns a text without characters that the names of components cannot have. */
function nameOf(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]/g, '_');
}

/** The most combinations of scopes that are listed. More are described by a text alone. */
const MOST = 16;

/**
 * Returns the security requirements of an operation: one for each scheme and each combination of scopes, any of which is
 * enough. `takesQuery` is true if a token may be in the query.
 */
export function securityOf({ mode, scopes }: Access, schemes: readonly Scheme[], takesQuery: boolean): readonly Json[] {
  if (mode === 'public') return [];
  const usable = schemes.filter(
    ({ hasScopes, isQuery }) => (hasScopes || scopes.length === 0) && (takesQuery || !isQuery),
  );
  const combinations = combinationsOf(scopes);
  const requirements = usable.flatMap(({ name }) => combinations.map((all) => ({ [name]: all })));
  return mode === 'optional' ? [...requirements, {}] : requirements;
}

/** Returns all ways to have the scopes: `a|b` and `c` are `[a, c]` and `[b, c]`. */
function combinationsOf(scopes: readonly string[]): readonly (readonly string[])[] {
  let combinations: readonly (readonly string[])[] = [[]];
  for (const scope of scopes) {
    combinations = combinations.flatMap((all) => scope.split('|').map((one) => [...new Set([...all, one])]));
    if (combinations.length > MOST) return [[]];
  }
  return combinations;
}

/** Returns the scopes as a sentence. Empty when none is needed. */
export function scopesText({ scopes }: Access): string {
  if (scopes.length === 0) return '';
  const texts = scopes.map((scope) =>
    scope
      .split('|')
      .map((one) => `\`${one}\``)
      .join(' or '),
  );
  return `Needs the scope ${texts.join(', and ')}.`;
}
