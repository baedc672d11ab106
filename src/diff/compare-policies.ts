/** This module compares the policies of two routes that belong together: their demands on callers, and their limits. */
import type { Position } from '../base/diagnostic.js';
import { formatDuration } from '../base/duration.js';
import type { Config } from '../config/config.js';
import type { PolicyKey } from '../policy/policy.js';
import type { RateLimitSettings } from '../policy/rate-limit/settings.js';
import type { PlannedRoute } from '../route/planned-route.js';
import { breaking, type Cause, type Found, risky, safe } from './finding.js';

/** A route with the config of its surface. */
export interface Governed {
  readonly route: PlannedRoute;
  readonly config: Config;
}

export function policyChanges(old: Governed, now: Governed): readonly Cause[] {
  return [
    ...accessChanges(old.route, now.route),
    ...addressChanges(old.route, now.route),
    ...rateLimitChanges(old.route, now.route),
    ...timeChanges(old, now),
    ...bodySizeChanges(old, now),
    ...statusChanges(old.route, now.route),
  ];
}

/** Returns a change whose subject is the declaration of a policy, so that all routes which it governs become one finding. */
function cause(
  key: PolicyKey,
  [old, now]: readonly [PlannedRoute, PlannedRoute],
  { change, what, effects }: Found,
): Cause {
  const owner = now.policy.owners.get(key) ?? old.policy.owners.get(key);
  const subject = owner?.replace(/^(?:method|service) /, '') ?? now.binding.method.fullName;
  return { change, subject, what, effects, old: placeOf(key, old), new: placeOf(key, now) };
}

function placeOf(key: PolicyKey, { policy, access, binding }: PlannedRoute): Position {
  const declared = policy.origins.get(key) ?? (key === 'auth' ? access.origin : undefined);
  return declared ?? binding.method.position;
}

const STRICTNESS = { public: 0, optional: 1, required: 2 } as const;

function accessChanges(old: PlannedRoute, now: PlannedRoute): readonly Cause[] {
  const [before, after] = [old.access, now.access];
  const causes: Cause[] = [];
  const add = (found: Found) => {
    const isDefault = !now.policy.owners.has('auth') && !old.policy.owners.has('auth');
    const one = cause('auth', [old, now], found);
    causes.push(isDefault && old.aggregate === undefined ? { ...one, subject: 'auth.default' } : one);
  };
  if (before.mode !== after.mode) {
    const what = `the auth mode is now ${after.mode} instead of ${before.mode}`;
    const isStricter = STRICTNESS[after.mode] > STRICTNESS[before.mode];
    const effect = !isStricter
      ? NEEDS_LESS
      : after.mode === 'required'
        ? breaking('a request without a credential gets 401')
        : risky('a request with a wrong credential gets 401');
    add({ change: 'auth-mode', what, effects: [effect] });
  }
  const scopes = lost(after.scopes, before.scopes, isImplied);
  if (scopes.length > 0) {
    const effects = [breaking('callers without it get 403')];
    add({ change: 'scope', what: `the scope ${scopes.join(' and ')} is needed now`, effects });
  }
  const dropped = lost(before.scopes, after.scopes, isImplied);
  if (dropped.length > 0 && scopes.length === 0) {
    add({ change: 'scope', what: `the scope ${dropped.join(' and ')} is no longer needed`, effects: [NEEDS_LESS] });
  }
  const [had, has] = [before, after].map(({ require }) => require.map(({ text }) => text)) as [string[], string[]];
  const demanded = lost(has, had);
  if (demanded.length > 0) {
    const effects = [breaking('requests that do not meet it get 403')];
    add({ change: 'require', what: `there is a new condition: ${demanded.join('; ')}`, effects });
  } else if (lost(had, has).length > 0) {
    add({ change: 'require', what: `a condition is gone: ${lost(had, has).join('; ')}`, effects: [NEEDS_LESS] });
  }
  return causes;
}

const NEEDS_LESS = safe('requests need less');

/** Returns the elements that nothing in `others` covers. */
function lost(
  all: readonly string[],
  others: readonly string[],
  covers: (other: string, one: string) => boolean = (other, one) => other === one,
): readonly string[] {
  return all.filter((one) => !others.some((other) => covers(other, one)));
}

/** True if every caller with the scope `other` also has `scope`. One of the scopes in `a|b` is enough. */
function isImplied(other: string, scope: string): boolean {
  const enough = scope.split('|');
  return other.split('|').every((one) => enough.includes(one));
}

function addressChanges(old: PlannedRoute, now: PlannedRoute): readonly Cause[] {
  const before = old.policy.settings.addresses ?? { allow: [], deny: [] };
  const after = now.policy.settings.addresses ?? { allow: [], deny: [] };
  const denied = lost(after.deny, before.deny);
  const isOpen = after.allow.length === 0;
  const closed = before.allow.length === 0 ? ['all others'] : lost(before.allow, after.allow);
  const texts = [...(isOpen ? [] : closed), ...denied];
  if (texts.length === 0) return [];
  const effects = [risky('clients there get 403')];
  const what = `these addresses may not call any more: ${texts.join(', ')}`;
  return [cause('addresses', [old, now], { change: 'addresses', what, effects })];
}

function rateLimitChanges(old: PlannedRoute, now: PlannedRoute): readonly Cause[] {
  const tighter = tighterLimits(old.policy.settings.rateLimits ?? [], now.policy.settings.rateLimits ?? []);
  return tighter.map((what) => cause('rateLimits', [old, now], { change: 'rate-limit', what, effects: [LIMITED] }));
}

export const LIMITED = risky('clients may get 429 earlier');

/** Returns a text for each new limit that allows less than every old limit of the same kind. */
export function tighterLimits(old: readonly RateLimitSettings[], now: readonly RateLimitSettings[]): readonly string[] {
  const before = old.filter(({ enforce }) => enforce);
  return now.flatMap((limit) => {
    if (!limit.enforce || before.some((one) => isAtLeastAsTight(one, limit))) return [];
    const had = before.filter((one) => perText(one) === perText(limit)).map(limitText);
    return `the rate limit is now ${limitText(limit)}${had.length === 0 ? '' : ` instead of ${had.join(' and ')}`}`;
  });
}

function isAtLeastAsTight(one: RateLimitSettings, other: RateLimitSettings): boolean {
  if (perText(one) !== perText(other)) return false;
  return one.limit <= other.limit && one.limit / one.periodMs <= other.limit / other.periodMs;
}

function perText({ per }: RateLimitSettings): string {
  return [...per].sort().join(' and ');
}

function limitText(limit: RateLimitSettings): string {
  const per = perText(limit);
  return `${limit.limit}/${formatDuration(limit.periodMs)}${per === '' ? '' : ` per ${per}`}`;
}

function timeChanges(old: Governed, now: Governed): readonly Cause[] {
  const [before, after] = [timeOf(old.route), timeOf(now.route)];
  if (after >= before) return [];
  const what = `calls have ${formatDuration(after)} instead of ${before === Infinity ? 'no limit of their own' : formatDuration(before)}`;
  const effects = [risky('slow calls get 504')];
  const one = cause('timeoutMs', [old.route, now.route], { change: 'time-limit', what, effects });
  const isOfPolicy = now.route.policy.owners.has('timeoutMs');
  return [isOfPolicy ? one : { ...one, subject: `upstreams.${now.route.upstream}` }];
}

function timeOf({ timeoutMs }: PlannedRoute): number {
  return timeoutMs ?? Infinity;
}

/**
 * Compares how large bodies may be, if a policy of the route says it. The limit of the config alone is compared once, with the
 * config.
 */
function bodySizeChanges(old: Governed, now: Governed): readonly Cause[] {
  const [own, had] = [now.route.policy.settings.maxRequestBytes, old.route.policy.settings.maxRequestBytes];
  if (own === undefined && had === undefined) return [];
  const before = had ?? old.config.limits.bodyBytes;
  const after = own ?? now.config.limits.bodyBytes;
  if (after >= before) return [];
  const effects = [risky('a larger body gets 413')];
  const what = `a body may have ${after} bytes instead of ${before}`;
  return [cause('maxRequestBytes', [old.route, now.route], { change: 'size-limit', what, effects })];
}

function statusChanges(old: PlannedRoute, now: PlannedRoute): readonly Cause[] {
  const [before, after] = [old.policy.settings.successStatus ?? 200, now.policy.settings.successStatus ?? 200];
  if (before === after) return [];
  const effect = after === 204 ? breaking('clients get no body') : risky('clients may expect the old status');
  const what = `the status of success is now ${after} instead of ${before}`;
  return [cause('successStatus', [old, now], { change: 'success-status', what, effects: [effect] })];
}
