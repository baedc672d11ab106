/** This module compares the settings of two configs that clients notice on every route. */
import { compilePatterns } from '../base/name-patterns.js';
import type { Config } from '../config/config.js';
import type { PlaceOf } from '../config/restart.js';
import { Code } from '../status/code.js';
import type { ChangeId } from './changes.js';
import { LIMITED, tighterLimits } from './compare-policies.js';
import { breaking, type Cause, type Effect, risky, safe } from './finding.js';
import type { Side, SideSurface } from './side.js';

/** A config with the places of its keys. */
export interface PlacedConfig {
  readonly config: Config;
  readonly placeOf: PlaceOf | undefined;
  /** Returns the path of a key, which may be in the block of a surface. */
  readonly keyPath: SideSurface['keyPath'];
}

/** A change of the setting with this key. */
interface Found {
  readonly key: readonly string[];
  readonly change: ChangeId;
  readonly what: string;
  readonly effect: Effect;
}

/** Returns the changes of settings for the clients of one surface. `name` is the name of the surface. */
export function settingChanges(name: string, old: PlacedConfig, now: PlacedConfig): readonly Cause[] {
  const [a, b] = [old.config, now.config];
  const found = [
    ...jsonChanges(a, b),
    ...unknownChanges(a, b),
    ...errorChanges(a, b),
    ...sizeChanges(a, b),
    ...headerChanges(a, b),
    ...corsChanges(a, b),
    ...credentialChanges(a, b),
  ];
  return found.map((one) => causeOf(one, old, now, name));
}

/** Returns the changes in the plans of consumers, which all surfaces share. */
export function planChanges(before: Side, after: Side): readonly Cause[] {
  const keyPath: SideSurface['keyPath'] = (key) => key;
  const [old, now] = [
    { ...before, keyPath },
    { ...after, keyPath },
  ];
  return [...old.config.plans].flatMap(([name, { rateLimits }]) => {
    const tighter = tighterLimits(rateLimits, now.config.plans.get(name)?.rateLimits ?? []);
    return tighter.map((what) =>
      causeOf({ key: ['plans', name], change: 'rate-limit', what, effect: LIMITED }, old, now),
    );
  });
}

function causeOf({ key, change, what, effect }: Found, old: PlacedConfig, now: PlacedConfig, surface = ''): Cause {
  const paths = [old.keyPath(key), now.keyPath(key)] as const;
  const isOwn = paths.some((path) => path.length > key.length);
  const subject = isOwn ? `surfaces.${surface}.${key.join('.')}` : key.join('.');
  return { change, subject, what, effects: [effect], old: old.placeOf?.(paths[0]), new: now.placeOf?.(paths[1]) };
}

function isNow(value: unknown, before: unknown): string {
  return `the setting is now ${String(value)} instead of ${String(before)}`;
}

function jsonChanges({ json: old }: Config, { json: now }: Config): readonly Found[] {
  const change = 'json-form';
  const found: Found[] = [];
  for (const [name, effect] of [
    ['protoNames', 'clients get fields under other names'],
    ['enumsAsInts', 'clients get enums in another form'],
  ] as const) {
    if (old[name] === now[name]) continue;
    found.push({ key: ['json', name], change, what: isNow(now[name], old[name]), effect: breaking(effect) });
  }
  if (old.emitDefaults !== now.emitDefaults) {
    const effect = now.emitDefaults
      ? safe('answers have more fields')
      : breaking('answers leave out fields with default values');
    found.push({ key: ['json', 'emitDefaults'], change, what: isNow(now.emitDefaults, old.emitDefaults), effect });
  }
  return found;
}

function unknownChanges(old: Config, now: Config): readonly Found[] {
  const change = 'unknown-fields';
  const found: Found[] = [];
  if (old.json.unknownFields === 'ignore' && now.json.unknownFields === 'reject') {
    const effect = breaking('a body with an unknown field gets 400');
    found.push({ key: ['json', 'unknownFields'], change, what: isNow('reject', 'ignore'), effect });
  }
  if (now.query.unknown === 'ignore') return found;
  const effect = breaking('a query with an unknown parameter gets 400');
  if (old.query.unknown === 'ignore') {
    return [...found, { key: ['query', 'unknown'], change, what: isNow('reject', 'ignore'), effect }];
  }
  const lost = without(old.query.ignore, now.query.ignore);
  if (lost.length === 0) return found;
  const what = `these parameters are no longer ignored: ${lost.join(', ')}`;
  return [...found, { key: ['query', 'ignore'], change, what, effect }];
}

function errorChanges({ errors: old }: Config, { errors: now }: Config): readonly Found[] {
  const change = 'error-format';
  const found: Found[] = [];
  if (old.format !== now.format) {
    const effect = breaking('clients get errors of another form');
    found.push({ key: ['errors', 'format'], change, what: isNow(now.format, old.format), effect });
  }
  const lost = old.expose.filter((code) => !now.expose.includes(code)).map((code) => Code[code]);
  if (lost.length > 0) {
    const what = `texts of these codes are no longer shown: ${lost.join(', ')}`;
    found.push({ key: ['errors', 'expose'], change, what, effect: risky('clients get a general text') });
  }
  return found;
}

const SIZES = {
  bodyBytes: 'a larger body gets 413',
  headerBytes: 'larger headers get 431',
  responseBytes: 'a larger answer becomes 502',
  jsonDepth: 'a body that is nested deeper gets 400',
} as const;

function sizeChanges({ limits: old }: Config, { limits: now }: Config): readonly Found[] {
  const sizes = Object.entries(SIZES) as [keyof typeof SIZES, string][];
  const found = sizes
    .filter(([name]) => now[name] < old[name])
    .map(([name, effect]): Found => {
      return { key: ['limits', name], change: 'size-limit', what: isNow(now[name], old[name]), effect: risky(effect) };
    });
  if (now.requestTimeoutMs >= old.requestTimeoutMs) return found;
  const what = isNow(`${now.requestTimeoutMs}ms`, `${old.requestTimeoutMs}ms`);
  const effect = risky('slow requests get 504');
  return [...found, { key: ['limits', 'requestTimeout'], change: 'time-limit', what, effect }];
}

function headerChanges({ metadata: old }: Config, { metadata: now }: Config): readonly Found[] {
  const found: Found[] = [];
  for (const [name, effect] of [
    ['request', 'services do not get them'],
    ['response', 'clients do not get them'],
  ] as const) {
    const lost = without(old[name], now[name]);
    const what = `these headers no longer pass: ${lost.join(', ')}`;
    if (lost.length > 0) found.push({ key: ['metadata', name], change: 'header', what, effect: risky(effect) });
  }
  if (old.forwardAuthorization && !now.forwardAuthorization) {
    const effect = risky('services do not get the Authorization header');
    const key = ['metadata', 'forwardAuthorization'];
    found.push({ key, change: 'header', what: isNow(false, true), effect });
  }
  return found;
}

function corsChanges({ cors: old }: Config, { cors: now }: Config): readonly Found[] {
  if (old === undefined) return [];
  const found: Found[] = [];
  const lost = now?.origins.includes('*') === true ? [] : without(old.origins, now?.origins ?? []);
  if (lost.length > 0) {
    const what = `these origins are no longer allowed: ${lost.join(', ')}`;
    const effect = breaking('pages there cannot read answers');
    found.push({ key: ['cors', 'origins'], change: 'cors', what, effect });
  }
  if (now !== undefined && old.credentials && !now.credentials) {
    const effect = breaking('pages cannot read answers to requests with cookies');
    found.push({ key: ['cors', 'credentials'], change: 'cors', what: isNow(false, true), effect });
  }
  return found;
}

/**
 * Returns the changes of `auth` after which some credentials get 401. Without an auth block every route is public, so clients
 * lose nothing if the block is removed.
 */
function credentialChanges({ auth: old }: Config, { auth: now }: Config): readonly Found[] {
  if (old === undefined || now === undefined) return [];
  const found: Found[] = [];
  const add = (key: readonly string[], what: string, effect: string) =>
    found.push({ key, change: 'credential', what, effect: breaking(effect) });
  for (const issuer of old.jwt) {
    const after = now.jwt.find((one) => one.issuer === issuer.issuer);
    if (after === undefined) {
      add(['auth', 'jwt'], `the issuer ${issuer.issuer} is gone`, 'its tokens get 401');
      continue;
    }
    for (const [name, lost] of [
      ['audience', without(issuer.audiences, after.audiences)],
      ['algorithm', without(issuer.algorithms, after.algorithms)],
      ['source', without(issuer.from.map(sourceText), after.from.map(sourceText))],
    ] as const) {
      const what = `the issuer ${issuer.issuer} has lost the ${name} ${lost.join(', ')}`;
      if (lost.length > 0) add(['auth', 'jwt'], what, 'tokens with it get 401');
    }
  }
  if (old.apiKeys !== undefined && now.apiKeys === undefined) {
    add(['auth', 'apiKeys'], 'API keys are no longer accepted', 'requests with a key get 401');
  }
  const headers = now.apiKeys === undefined ? [] : without(sourcesOf(old.apiKeys), sourcesOf(now.apiKeys));
  if (headers.length > 0) {
    add(
      ['auth', 'apiKeys'],
      `API keys are no longer read from ${headers.join(', ')}`,
      'requests with a key there get 401',
    );
  }
  if (old.mtls !== undefined && now.mtls === undefined) {
    add(['auth', 'mtls'], 'client certificates are no longer accepted', 'requests with one get 401');
  }
  return found;
}

type Auth = NonNullable<Config['auth']>;

function sourceText(source: Auth['jwt'][number]['from'][number]): string {
  const [[kind, name]] = Object.entries(source) as [[string, string]];
  return `${kind} ${name}`;
}

function sourcesOf(keys: Auth['apiKeys']): readonly string[] {
  return (keys?.from ?? []).map(({ header }) => header);
}

/**
 * Returns the elements of `old` that are not in `now`. A pattern with `*` at its end in `now` stands for all elements that it
 * matches.
 */
function without(old: readonly string[], now: readonly string[]): readonly string[] {
  const isCovered = compilePatterns(now);
  return old.filter((one) => !isCovered(one));
}
