/** Option trees → google.api.HttpRule, protogate.v1.Policy and protogate.v1.Aggregate, typed. */
import type { Diagnostic } from '../base/diagnostic.js';
import type { AggregateDeclaration, HttpRule, PolicyDeclaration, StepDeclaration } from './annotations.js';
import { type OptionMessage, OptionReader } from './option-tree.js';

/** Full names of the extensions that are read. */
export const HTTP = 'google.api.http';
export const POLICY = 'protogate.v1.policy';
export const DEFAULT_POLICY = 'protogate.v1.default_policy';
export const AGGREGATE = 'protogate.v1.aggregate';
export const FIELD_BEHAVIOR = 'google.api.field_behavior';

/** Rule id of what is wrong with a rule as it is written. */
export const HTTP_RULE = 'http-rule';

const VERBS = ['get', 'put', 'post', 'delete', 'patch'] as const;

/** Undefined: the rule has no pattern; that is reported. */
export function readHttpRule(option: OptionMessage, diagnostics: Diagnostic[]): HttpRule {
  return httpRule(new OptionReader(option, HTTP_RULE, diagnostics));
}

function httpRule(reader: OptionReader): HttpRule {
  const patterns: { kind: string; path: string; position: HttpRule['positions']['path'] }[] = [];
  for (const verb of VERBS) {
    const path = reader.string(verb);
    if (reader.has(verb)) patterns.push({ kind: verb.toUpperCase(), path, position: reader.positionOf(verb) });
  }
  for (const custom of reader.messages('custom')) {
    patterns.push({ kind: custom.string('kind'), path: custom.string('path'), position: custom.positionOf('path') });
    custom.close();
  }
  if (patterns.length > 1) {
    reader.error('additional_bindings', `expected one pattern, got ${patterns.map(({ kind }) => kind).join(' and ')}`);
  }
  const pattern = patterns[0] ?? { kind: '', path: '', position: reader.position };
  reader.string('selector');
  const rule: HttpRule = {
    kind: pattern.kind,
    path: pattern.path,
    body: reader.string('body'),
    responseBody: reader.string('response_body'),
    additionalBindings: reader.messages('additional_bindings').map(httpRule),
    positions: {
      rule: reader.position,
      path: pattern.position,
      body: reader.positionOf('body'),
      responseBody: reader.positionOf('response_body'),
    },
  };
  reader.close();
  return rule;
}

export function readPolicy(option: OptionMessage, diagnostics: Diagnostic[]): PolicyDeclaration {
  const reader = new OptionReader(option, 'policy', diagnostics);
  const auth = reader.messages('auth').map(readAuth).at(-1);
  const rateLimits = reader.messages('rate_limits').map(readRateLimit);
  const cache = reader.messages('cache').map(readCache).at(-1);
  const retry = reader.messages('retry').map(readRetry).at(-1);
  const timeoutMs = reader.durationMs('timeout');
  const maxRequestBytes = reader.integer('max_request_bytes');
  const successStatus = reader.integer('success_status');
  const labels = reader.strings('labels');
  if (successStatus !== 0 && (successStatus < 200 || successStatus > 299)) {
    reader.error('success_status', `success_status: expected 200 to 299, got ${successStatus}`);
  }
  reader.close();
  return {
    ...(auth === undefined ? {} : { auth }),
    ...(rateLimits.length === 0 ? {} : { rateLimits }),
    ...(cache === undefined ? {} : { cache }),
    ...(retry === undefined ? {} : { retry }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(maxRequestBytes === 0 ? {} : { maxRequestBytes }),
    ...(successStatus === 0 ? {} : { successStatus }),
    ...(labels.length === 0 ? {} : { labels }),
    position: reader.position,
  };
}

const MODES = [
  ['MODE_UNSPECIFIED', undefined],
  ['MODE_REQUIRED', 'required'],
  ['MODE_OPTIONAL', 'optional'],
  ['MODE_PUBLIC', 'public'],
] as const;
const PERS = [
  ['PER_UNSPECIFIED', undefined],
  ['PER_CONSUMER', 'consumer'],
  ['PER_IP', 'ip'],
  ['PER_ROUTE', 'route'],
] as const;
const SCOPES = [
  ['SCOPE_UNSPECIFIED', undefined],
  ['SCOPE_CONSUMER', 'consumer'],
  ['SCOPE_PUBLIC', 'public'],
] as const;

function readAuth(reader: OptionReader): NonNullable<PolicyDeclaration['auth']> {
  const mode = reader.enums('mode', MODES).at(-1);
  const auth = { scopes: reader.strings('scopes'), require: reader.strings('require') };
  reader.close();
  return mode === undefined ? auth : { mode, ...auth };
}

function readRateLimit(reader: OptionReader) {
  const limit = {
    limit: reader.integer('limit'),
    periodMs: reader.durationMs('period') ?? 0,
    per: reader.enums('per', PERS).filter((per) => per !== undefined),
  };
  if (limit.limit === 0) reader.error('limit', 'limit: expected 1 or more');
  requireTime(reader, 'period', limit.periodMs);
  reader.close();
  return limit;
}

/** What is there and is no duration has been told. */
function requireTime(reader: OptionReader, name: string, ms: number): void {
  if (ms > 0 || (reader.has(name) && !reader.hasMessage(name))) return;
  reader.error(name, `${name}: expected a duration above zero such as { seconds: 30 }, got none`);
}

function readCache(reader: OptionReader): NonNullable<PolicyDeclaration['cache']> {
  const scope = reader.enums('scope', SCOPES).at(-1);
  const staleWhileRevalidateMs = reader.durationMs('stale_while_revalidate');
  const staleIfErrorMs = reader.durationMs('stale_if_error');
  const cache = {
    ttlMs: reader.durationMs('ttl') ?? 0,
    ...(scope === undefined ? {} : { scope }),
    ...(staleWhileRevalidateMs === undefined ? {} : { staleWhileRevalidateMs }),
    ...(staleIfErrorMs === undefined ? {} : { staleIfErrorMs }),
  };
  requireTime(reader, 'ttl', cache.ttlMs);
  reader.close();
  return cache;
}

function readRetry(reader: OptionReader): NonNullable<PolicyDeclaration['retry']> {
  const retry = { maxAttempts: reader.integer('max_attempts'), codes: reader.strings('codes') };
  reader.close();
  return retry;
}

const DEFAULT_MAX_CALLS = 64;
const DEFAULT_CONCURRENCY = 8;

export function readAggregate(option: OptionMessage, diagnostics: Diagnostic[]): AggregateDeclaration {
  const reader = new OptionReader(option, 'aggregate', diagnostics);
  const aggregate = {
    steps: reader.messages('steps').map(readStep),
    maxCalls: reader.integer('max_calls') || DEFAULT_MAX_CALLS,
    position: reader.position,
  };
  reader.close();
  return aggregate;
}

function readStep(reader: OptionReader): StepDeclaration {
  const timeoutMs = reader.durationMs('timeout');
  const step = {
    into: reader.string('into'),
    name: reader.string('name'),
    call: reader.string('call'),
    copy: reader.string('copy'),
    with: reader.strings('with'),
    take: reader.string('take'),
    forEach: reader.string('for_each'),
    key: reader.string('key'),
    batchSize: reader.integer('batch_size'),
    maxItems: reader.integer('max_items'),
    concurrency: reader.integer('concurrency') || DEFAULT_CONCURRENCY,
    when: reader.string('when'),
    optional: reader.boolean('optional'),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    position: reader.position,
    positions: {
      into: reader.positionOf('into'),
      name: reader.positionOf('name'),
      call: reader.positionOf('call'),
      copy: reader.positionOf('copy'),
      with: reader.strings('with').map((_, index) => reader.positionOf('with', index)),
      take: reader.positionOf('take'),
      forEach: reader.positionOf('for_each'),
      key: reader.positionOf('key'),
      maxItems: reader.positionOf('max_items'),
      when: reader.positionOf('when'),
    },
  };
  reader.close();
  return step;
}
