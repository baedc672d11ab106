/**
 * Collects every token, key and secret that a test makes. Everything that a gateway of the test run logs, prints or counts is
 * searched for them, because none may show.
 */

const secrets = new Set<string>();
/** The beginnings of the secrets that are made of letters, digits and `_.+/=-` only, which are nearly all. */
const beginnings = new Set<string>();
/** The other secrets. */
const unusual = new Set<string>();
const BEGINNING = 16;
const RUNS = /[\w.+/=-]{16,}/g;
const USUAL = /^[\w.+/=-]{16,}$/;

/**
 * Stores the secret and returns it. The signature of a token is stored as well, because the rest of a token is worthless
 * without it.
 */
export function keepSecret(secret: string): string {
  add(secret);
  const signature = secret.split('.')[2];
  if (signature !== undefined && signature.length > 16) add(signature);
  return secret;
}

function add(secret: string): void {
  secrets.add(secret);
  if (USUAL.test(secret)) beginnings.add(secret.slice(0, BEGINNING));
  else unusual.add(secret);
}

/** Throws if the text contains a secret. */
export function assertNoSecret(text: string, where: string): void {
  for (const secret of mayHaveUsual(text) ? secrets : unusual) {
    if (text.includes(secret)) throw new Error(`${where}: a secret shows: ${secret.slice(0, 12)}…`);
  }
}

/** False if the text has none of the beginnings. There are thousands of secrets, so they are not searched one by one. */
function mayHaveUsual(text: string): boolean {
  if (beginnings.size === 0) return false;
  for (const [run] of text.matchAll(RUNS)) {
    for (let at = 0; at + BEGINNING <= run.length; at++) {
      if (beginnings.has(run.slice(at, at + BEGINNING))) return true;
    }
  }
  return false;
}
