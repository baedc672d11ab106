/**
 * This module turns the claims of a verified token into a Principal. Each claim's name is a path
 * (`paths/claim-path.ts`):
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
  /** The name of the claim with the scopes. Its value is a text of words, or a list of texts. */
  readonly scopesClaim: string;
  readonly consumerClaim: string;
  readonly planClaim: string;
  /** The metadata key for each claim that is forwarded. A key that ends in `-bin` gets the text's UTF-8 bytes. */
  readonly claimsToMetadata: ReadonlyMap<string, string>;
}

/**
 * Returns a function that reads the claims of a token. The function throws a StatusError (401) if a claim has a value
 * that is not allowed.
 */
export function compileClaims(names: ClaimNames): (claims: OutsideRecord, credential: Credential) => Principal {
  const [scopes, consumer, plan] = [names.scopesClaim, names.consumerClaim, names.planClaim].map(reader);
  const metadata = [...names.claimsToMetadata].map(([name, key]) => ({ name, key, read: reader(name) }));

  return function principalOf(claims, credential) {
    const subject = own(claims, 'sub');
    if (typeof subject !== 'string' || subject === '')
      throw invalidToken('sub: expected a string that is not empty, got another value');
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

/**
 * Returns a claim as a name. Undefined when the claim is empty or not a text: no number or list is turned into a text that
 * could be another caller's name.
 */
function nameIn(claim: unknown): string | undefined {
  return typeof claim === 'string' && claim !== '' ? claim : undefined;
}

function scopesIn(claim: unknown): readonly string[] {
  const scopes = typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim : [];
  return scopes.filter((scope) => typeof scope === 'string' && scope !== '');
}

/**
 * Returns the metadata of a forwarded claim: one entry for a single value, one for each element of a list, and none for a claim
 * that is absent or null. Throws 401 if the text of a value cannot be sent.
 */
function entriesOf(claim: unknown, name: string, key: string): MetadataEntry[] {
  const values: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  return values
    .filter((value) => value !== undefined && value !== null)
    .map((value) => {
      const text = typeof value === 'object' ? asciiJson(value, name) : textOf(value, name);
      if (key.endsWith('-bin')) return [key, Buffer.from(text)];
      // A space at either end may be lost on the way, and ' admin' would arrive as 'admin'.
      if (isMetadataText(text) && text === text.trim()) return [key, text];
      throw invalidToken(`claim ${name}: expected printable ASCII without spaces at its ends, got other text`);
    });
}

/**
 * Returns a claim's value as text. Throws 401 for a number that was rounded when it was read, because it may name
 * another caller.
 */
function textOf(value: unknown, name: string): string {
  if (typeof value !== 'number' || isExact(value)) return String(value);
  throw invalidToken(
    `claim ${name}: expected a string or a number up to 2^53, got a larger number, which is not exact in JSON`,
  );
}

/** Returns a value as JSON that contains only characters which can be sent as text metadata. */
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

/** Freezes a value and all values inside it, because remembered principals are shared by several requests. */
function frozen(value: OutsideRecord): OutsideRecord {
  for (const inner of Object.values(value)) {
    if (isRecord(inner) || Array.isArray(inner)) frozen(inner as OutsideRecord);
  }
  return Object.freeze(value);
}
