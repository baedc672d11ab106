/**
 * Collects every token, key and secret that a test makes. Everything that a gateway of the test run logs, prints or counts is
 * searched for them, because none may show.
 */

const secrets = new Set<string>();

/**
 * Stores the secret and returns it. The signature of a token is stored as well, because the rest of a token is worthless
 * without it.
 */
export function keepSecret(secret: string): string {
  secrets.add(secret);
  const signature = secret.split('.')[2];
  if (signature !== undefined && signature.length > 16) secrets.add(signature);
  return secret;
}

/** Throws if the text contains a secret. */
export function assertNoSecret(text: string, where: string): void {
  for (const secret of secrets) {
    if (text.includes(secret)) throw new Error(`${where}: a secret shows: ${secret.slice(0, 12)}…`);
  }
}
