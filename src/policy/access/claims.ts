/**
 * The claims of a verified token → the Principal they describe. Each name is a path (`paths/claim-path.ts`):
 *
 *     { sub: 'ada', scope: 'orders.read orders.write', org: { id: 'acme' }, plan: 'free' }
 *     with consumerClaim org.id, claimsToMetadata { sub: x-user-id }
 *     → subject ada, consumer acme, plan free, two scopes, metadata x-user-id: ada
 */
import { isExact } from '../../base/exact-number.js';
import { isRecord, type OutsideRecord, own } from '../../base/record.js';
import { isMetadataText, type MetadataEntry } from '../../call/metadata.js';
import type { Credential, Principal } from '../../call/principal.js';
import { compileClaim, parseClaimPath, type ReadClaim } from '../../paths/claim-path.js';
import { invalidToken } from './unverified-token.js';

export interface ClaimNames {
  /** A string of words, or a list of strings. */
  readonly scopesClaim: string;
  readonly consumerClaim: string;
  readonly planClaim: string;
  /** Claim → metadata key. A key that ends in `-bin` gets the text's UTF-8 bytes. */
  readonly claimsToMetadata: ReadonlyMap<string, string>;
}

/** The returned function throws a StatusError (401) where a claim can't be what it has to be. */
export function compileClaims(names: ClaimNames): (claims: OutsideRecord, credential: Credential) => Principal {
  const [scopes, consumer, plan] = [names.scopesClaim, names.consumerClaim, names.planClaim].map(reader);
  const metadata = [...names.claimsToMetadata].map(([name, key]) => ({ name, key, read: reader(name) }));

  return function principalOf(claims, credential) {
    const subject = own(claims, 'sub');
    if (typeof subject !== 'string' || subject === '') throw invalidToken('sub: expected a string that is not empty');
    return {
      subject,
      issuer: String(own(claims, 'iss')),
      consumer: nameIn(consumer!(claims)),
      plan: nameIn(plan!(claims)),
      scopes: new Set(scopesIn(scopes!(claims))),
      claims: frozen(claims),
      credential,
      metadata: metadata.flatMap(({ name, key, read }) => entriesOf(read(claims), name, key)),
    };
  };
}

function reader(name: string): ReadClaim {
  return compileClaim(parseClaimPath(name));
}

/** Of whom or what: a text. A number or a list is none, and so nobody is taken for somebody else. */
function nameIn(claim: unknown): string | undefined {
  return typeof claim === 'string' && claim !== '' ? claim : undefined;
}

function scopesIn(claim: unknown): readonly string[] {
  const scopes = typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim : [];
  return scopes.filter((scope) => typeof scope === 'string' && scope !== '');
}

/** One entry for a value, one for each element of a list; none for what is absent or null. */
function entriesOf(claim: unknown, name: string, key: string): MetadataEntry[] {
  const values: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  return values
    .filter((value) => value !== undefined && value !== null)
    .map((value) => {
      const text = typeof value === 'object' ? asciiJson(value, name) : textOf(value, name);
      if (key.endsWith('-bin')) return [key, Buffer.from(text)];
      // Space around a value may get lost on the way, and ' admin' would arrive as 'admin'.
      if (isMetadataText(text) && text === text.trim()) return [key, text];
      throw invalidToken(`claim ${name}: expected printable ASCII without space around it`);
    });
}

/** A number that was rounded when it was read may name somebody else. */
function textOf(value: unknown, name: string): string {
  if (typeof value !== 'number' || isExact(value)) return String(value);
  throw invalidToken(`claim ${name}: expected a text where a number is beyond 2^53`);
}

/** JSON whose strings are escaped as far as they need to be to travel as text. */
function asciiJson(value: unknown, name: string): string {
  const checked = (_key: string, inner: unknown) => {
    if (typeof inner === 'number') textOf(inner, name);
    return inner;
  };
  return JSON.stringify(value, checked).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Principals are remembered and shared by requests: nobody may change them. */
function frozen(value: OutsideRecord): OutsideRecord {
  for (const inner of Object.values(value)) {
    if (isRecord(inner) || Array.isArray(inner)) frozen(inner as OutsideRecord);
  }
  return Object.freeze(value);
}
