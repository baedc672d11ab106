/**
 * This module describes what a route does when its upstream fails. If nothing of it helps, the answer is an error: 503 with
 * `Retry-After` if the upstream cannot be reached.
 */
import { formatDuration } from '../base/duration.js';
import type { PlannedCall, PlannedRoute } from '../route/planned-route.js';
import { Code } from '../status/code.js';

/**
 * `retry`: the call is sent again after a failure. `hedge`: a slow call is sent a second time. `stale`: an older answer
 * is given. `partial`: the answer comes without optional parts. `breaker`: calls are refused at once while too many
 * fail.
 */
export type OnFailure = 'retry' | 'hedge' | 'stale' | 'partial' | 'breaker';

type Failing = Pick<PlannedCall, 'retry' | 'hedgeAfterMs' | 'cache' | 'circuitBreaker'>;

/** Returns what a route does when its upstream fails. For an aggregate, this is what any of its calls does. */
export function onFailure(route: PlannedRoute): readonly OnFailure[] {
  const calls = callsOf(route);
  const isPartial = route.aggregate?.plan.steps.some(({ optional }) => optional) ?? false;
  const all: readonly (readonly [OnFailure, boolean])[] = [
    ['retry', calls.some(({ retry }) => retry !== undefined)],
    ['hedge', calls.some(({ hedgeAfterMs }) => hedgeAfterMs !== undefined)],
    ['stale', [route, ...calls].some(({ cache }) => cache !== undefined && cache.staleIfErrorMs > 0)],
    ['partial', isPartial],
    ['breaker', calls.some(({ circuitBreaker }) => circuitBreaker !== undefined)],
  ];
  return all.filter(([, does]) => does).map(([name]) => name);
}

/**
 * Returns what a route does when its upstream fails, as sentences with the settings. `idempotent` is true if the call may be
 * sent twice, because two calls have the effect of one.
 */
export function onFailureLines(route: PlannedRoute, idempotent: boolean): readonly string[] {
  const { aggregate, cache } = route;
  const lines = aggregate === undefined ? callLines(route, idempotent) : [];
  for (const [index, call] of aggregate?.calls.entries() ?? []) {
    const { label } = aggregate!.plan.steps[index]!;
    if (call !== undefined) lines.push(...callLines(call, true).map((line) => `${label}: ${line}`));
  }
  if (aggregate !== undefined && cache !== undefined) lines.push(...staleLines(cache));
  const optional = aggregate?.plan.steps.filter((step) => step.optional).map(({ label }) => label) ?? [];
  if (optional.length > 0) lines.push(`answer without ${optional.join(', ')}`);
  return lines;
}

function callsOf(route: PlannedRoute): readonly Failing[] {
  return route.aggregate?.calls.filter((call) => call !== undefined) ?? [route];
}

function callLines({ retry, hedgeAfterMs, cache, circuitBreaker }: Failing, idempotent: boolean): string[] {
  const lines: string[] = [];
  if (retry !== undefined) {
    const codes = retry.codes.map((code) => Code[code]).join(', ');
    const when = idempotent ? codes : `${codes} if the call did not reach the server`;
    lines.push(`retry after ${when}, at most ${retry.maxAttempts} attempts`);
  }
  if (hedgeAfterMs !== undefined) lines.push(`hedge with a second call after ${formatDuration(hedgeAfterMs)}`);
  if (cache !== undefined) lines.push(...staleLines(cache));
  if (circuitBreaker !== undefined) {
    const { failureRatio, minRequests, windowMs, openForMs } = circuitBreaker;
    const share = `${Number((failureRatio * 100).toFixed(2))} % of at least ${minRequests} calls in ${formatDuration(windowMs)}`;
    lines.push(`refuse calls with 503 for ${formatDuration(openForMs)} after ${share} have failed`);
  }
  return lines;
}

function staleLines({ staleIfErrorMs }: NonNullable<Failing['cache']>): readonly string[] {
  return staleIfErrorMs > 0 ? [`answer from the cache, up to ${formatDuration(staleIfErrorMs)} after its ttl`] : [];
}
