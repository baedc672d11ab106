/**
 * This module describes a planned route: its binding, its policies, and what it calls. Reports and API documents also
 * read it.
 */
import type { AggregatePlan } from '../aggregate/plan-aggregate.js';
import type { Access } from '../policy/access/planned.js';
import type { Admits } from '../policy/addresses/planned.js';
import type { CachePolicy } from '../policy/cache/interceptor.js';
import type { Policy } from '../policy/policy.js';
import type { RateLimit } from '../policy/rate-limit/planned.js';
import type { Binding } from '../routing/binding.js';
import type { MethodDescriptor } from '../schema/descriptor.js';
import type { BreakerSettings } from '../upstream/breaker.js';
import type { RetrySettings } from '../upstream/retry.js';

export interface PlannedRoute {
  /** The name of the surface that has the route. */
  readonly surface: string;
  /** The path in front of the template, which the surface removes before the match. It is empty if there is none. */
  readonly basePath: string;
  readonly binding: Binding;
  readonly policy: Policy;
  readonly access: Access;
  /** The address checks that must all admit the client: the route's own, and those of an aggregate's required steps. */
  readonly addresses: readonly Admits[];
  readonly rateLimits: readonly RateLimit[];
  /** The cache settings. Undefined when no answer is kept. */
  readonly cache: CachePolicy | undefined;
  /** The retry settings. Undefined when no failure is retried. */
  readonly retry: RetrySettings | undefined;
  /** The time after which a second call is sent, in milliseconds. Undefined when none is sent. */
  readonly hedgeAfterMs: number | undefined;
  /** The settings of the circuit breaker of the upstream. Undefined when it has none, and for an aggregate. */
  readonly circuitBreaker: BreakerSettings | undefined;
  /**
   * The name of the upstream that serves the route. Undefined for an aggregate, and when no upstream serves the route.
   */
  readonly upstream: string | undefined;
  readonly aggregate: PlannedAggregate | undefined;
  /**
   * The time limit of the call in milliseconds. For a stream it is only that of its policy. Undefined when there is
   * none.
   */
  readonly timeoutMs: number | undefined;
  /** The name of the setting that defines the time limit, as text for people. */
  readonly timeoutOrigin: string;
}

export interface PlannedAggregate {
  readonly plan: AggregatePlan;
  /** The indices of the steps that fill fields which the surface omits. */
  readonly hidden: ReadonlySet<number>;
  /** The calls of the steps, one for each step. Undefined for a step that copies. */
  readonly calls: readonly (PlannedCall | undefined)[];
}

/** The call of a step. */
export interface PlannedCall {
  readonly method: MethodDescriptor;
  readonly access: Access;
  /** The address check of the called method. Undefined when clients of every address may call. */
  readonly admits: Admits | undefined;
  /** The cache settings of the called method. Undefined when no answer is kept. */
  readonly cache: CachePolicy | undefined;
  readonly retry: RetrySettings | undefined;
  readonly hedgeAfterMs: number | undefined;
  readonly circuitBreaker: BreakerSettings | undefined;
  /** The name of the upstream that serves the called method. Undefined when no upstream serves it. */
  readonly upstream: string | undefined;
  readonly timeoutMs: number | undefined;
}

/** True if the route can be served: it has an upstream, or all calls of its aggregate have one. */
export function isServed({ upstream, aggregate }: PlannedRoute): boolean {
  if (aggregate === undefined) return upstream !== undefined;
  return aggregate.calls.every((call) => call === undefined || call.upstream !== undefined);
}

/** True if the config offers the route: it can be served, or there are no upstreams, so that only the schema matters. */
export function isOfferedRoute(
  route: PlannedRoute,
  { upstreams }: { readonly upstreams: ReadonlyMap<string, unknown> },
): boolean {
  return upstreams.size === 0 || isServed(route);
}

/** Returns how much one request counts in limits. An aggregate counts as many calls as it declares. */
export function costOf({ aggregate }: Pick<PlannedRoute, 'aggregate'>): number {
  if (aggregate === undefined) return 1;
  return Math.max(1, aggregate.calls.filter((call) => call !== undefined).length);
}
