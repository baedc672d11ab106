/**
 * What must never show: every token, key and secret that a test makes is written down here, and everything that a
 * gateway of the test run logged or printed is searched for it.
 */

const secrets = new Set<string>();

/** Gives the secret back. Of a token its signature counts as well: the rest says nothing without it. */
export function keepSecret(secret: string): string {
  secrets.add(secret);
  const signature = secret.split('.')[2];
  if (signature !== undefined && signature.length > 16) secrets.add(signature);
  return secret;
}

/** Throws if a secret stands in the text. */
export function assertNoSecret(text: string, where: string): void {
  for (const secret of secrets) {
    if (text.includes(secret)) throw new Error(`${where}: a secret shows: ${secret.slice(0, 12)}…`);
  }
}
