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

/** Shorter values may occur by chance. */
const SHORTEST = 16;
/** The headers whose values are credentials. A scheme may stand before one. */
const HEADERS = ['authorization', 'proxy-authorization', 'x-api-key'];
/** The settings whose values are secrets, and those whose URL may have one in it. */
const [SETTINGS, URLS] = [
  ['secret', 'password'],
  ['url', 'jwksUri', 'otlp'],
];

/** Stores the credentials that the headers of a request have: tokens, keys and the values of cookies. */
export function keepCredentials(headers: Readonly<Record<string, unknown>> = {}): void {
  for (const [name, values] of Object.entries(headers)) {
    for (const value of [values].flat()) {
      if (typeof value !== 'string') continue;
      if (HEADERS.includes(name.toLowerCase())) keepLong(value.slice(value.lastIndexOf(' ') + 1));
      if (name.toLowerCase() !== 'cookie') continue;
      for (const pair of value.split(';')) keepLong(pair.slice(pair.indexOf('=') + 1).trim());
    }
  }
}

/** Stores the secrets that a config has: of HS256, of stores, and those in headers for others. */
export function keepSettings(config: unknown): void {
  if (typeof config !== 'object' || config === null) return;
  for (const [key, value] of Object.entries(config)) {
    if (typeof value !== 'string') keepSettings(value);
    else if (SETTINGS.includes(key)) keepLong(value);
    else if (HEADERS.includes(key)) keepCredentials({ [key]: value });
    else if (URLS.includes(key) && URL.canParse(value)) {
      const { password, searchParams } = new URL(value);
      for (const secret of [password, ...searchParams.values()]) keepLong(secret);
    }
  }
}

function keepLong(value: string): void {
  if (value.length >= SHORTEST) keepSecret(value);
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
