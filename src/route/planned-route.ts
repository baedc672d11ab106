/** A route as it is planned: its binding, what its policies come to, and what it calls. Reports and documents read it too. */
import type { AggregatePlan } from '../aggregate/plan-aggregate.js';
import type { Access } from '../policy/access/planned.js';
import type { Admits } from '../policy/addresses/planned.js';
import type { CachePolicy } from '../policy/cache/interceptor.js';
import type { Policy } from '../policy/policy.js';
import type { RateLimit } from '../policy/rate-limit/planned.js';
import type { Binding } from '../routing/binding.js';
import type { MethodDescriptor } from '../schema/descriptor.js';
import type { RetrySettings } from '../upstream/retry.js';

/** Name of the only surface. */
export const SURFACE = 'default';

export interface PlannedRoute {
  readonly binding: Binding;
  readonly policy: Policy;
  readonly access: Access;
  /** Each of them must admit the client: the route's own, and those of an aggregate's required steps. */
  readonly addresses: readonly Admits[];
  readonly rateLimits: readonly RateLimit[];
  /** Undefined: no answer is kept. */
  readonly cache: CachePolicy | undefined;
  /** Undefined: a failure is final. */
  readonly retry: RetrySettings | undefined;
  /** Name of the upstream that serves it; undefined: none does, or it is an aggregate. */
  readonly upstream: string | undefined;
  readonly aggregate: PlannedAggregate | undefined;
  /** Deadline of the call in milliseconds; of a stream only its policy's. */
  readonly timeoutMs: number | undefined;
  /** What declares the timeout, for people. */
  readonly timeoutOrigin: string;
}

export interface PlannedAggregate {
  readonly plan: AggregatePlan;
  /** One for each step; undefined for a step that copies. */
  readonly calls: readonly (PlannedCall | undefined)[];
}

/** What a step calls. */
export interface PlannedCall {
  readonly method: MethodDescriptor;
  readonly access: Access;
  /** Undefined: clients of every address may call. */
  readonly admits: Admits | undefined;
  /** The called method's own. */
  readonly cache: CachePolicy | undefined;
  readonly retry: RetrySettings | undefined;
  /** Undefined: no upstream serves the method. */
  readonly upstream: string | undefined;
  readonly timeoutMs: number | undefined;
}

/** True if somebody answers: the route's upstream, or those of all calls of an aggregate. */
export function isServed({ upstream, aggregate }: PlannedRoute): boolean {
  if (aggregate === undefined) return upstream !== undefined;
  return aggregate.calls.every((call) => call === undefined || call.upstream !== undefined);
}

/** How much one request of an aggregate counts in limits: its calls, as they are declared. */
export function costOf({ aggregate }: Pick<PlannedRoute, 'aggregate'>): number {
  if (aggregate === undefined) return 1;
  return Math.max(1, aggregate.calls.filter((call) => call !== undefined).length);
}
