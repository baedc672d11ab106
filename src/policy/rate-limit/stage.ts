/**
 * This stage counts requests. It throws 429 when a rate limit is used up. In any case it sets headers with the state of the
 * limit that has the least room. When a later stage refuses the request because of another limit, the count of this stage is
 * undone, so that a refused request uses up no limit.
 */
import type { Context, Middleware } from '../../exchange/exchange.js';
import { retryInfoDetail } from '../../status/details.js';
import { gatewayError } from '../../status/status-error.js';
import type { Counters, Decision } from '../../store/counters.js';
import type { LimitState } from '../../store/window.js';
import type { HeldCounter } from '../../telemetry/held-counters.js';
import type { RateLimitDecisions } from '../../telemetry/metrics.js';
import { hitOf, type RateLimit } from './planned.js';

export interface RateLimitSettings {
  readonly limits: readonly RateLimit[];
  /** The limits of each plan, by the plan's name. */
  readonly plans: ReadonlyMap<string, readonly RateLimit[]>;
  readonly counters: Counters;
  /** The amount that one request counts, which is the number of its calls. */
  readonly cost: number;
  /** True if no other stage with limits follows, so that nothing can undo the count of this one. */
  readonly isLast: boolean;
  readonly decisions: RateLimitDecisions;
  /** The name of each limit and the counter of the requests that exceeded it, by the id of the limit. */
  readonly exceeded: ReadonlyMap<string, ExceededLimit>;
}

export interface ExceededLimit {
  readonly title: string;
  readonly counter: HeldCounter;
}

export function rateLimit({
  limits,
  plans,
  counters,
  cost,
  isLast,
  decisions,
  exceeded,
}: RateLimitSettings): Middleware {
  return function rateLimit(ctx, next) {
    const { state } = ctx;
    const plan = state.principal?.plan;
    const ofPlan = plan === undefined ? undefined : plans.get(plan);
    const applying = ofPlan === undefined ? limits : [...limits, ...ofPlan];
    if (applying.length === 0) return next();
    const hits = applying.map((limit) => hitOf(limit, state));
    const taken = counters.take(hits, cost);
    return taken instanceof Promise ? taken.then((decision) => decide(ctx, decision, next)) : decide(ctx, taken, next);
  };

  function decide(ctx: Context, decision: Decision, next: () => Promise<unknown>): Promise<unknown> {
    const { state } = ctx;
    setHeaders(ctx, decision.limitStates);
    if (!decision.admitted) {
      decisions.refused.count++;
      note(decision);
      state.overLimit = true;
      throw tooMany(decision, exceeded);
    }
    if (decision.limitStates.every(({ passed }) => passed)) decisions.admitted.count++;
    else {
      decisions.over.count++;
      note(decision);
    }
    return isLast ? next() : undoing(ctx, decision, next);
  }

  async function undoing({ state }: Context, decision: Decision, next: () => Promise<unknown>): Promise<void> {
    try {
      await next();
    } finally {
      if (state.overLimit) decision.undo();
    }
  }

  function note({ limitStates }: Decision): void {
    for (const { rule, passed } of limitStates) if (!passed) exceeded.get(rule.id)!.counter.count++;
  }
}

/** Sets the headers of the limit that has the least room. Limits that never refuse a request are left out. */
function setHeaders(ctx: Context, limitStates: readonly LimitState[]): void {
  let tightest = ctx.state.limitState;
  for (const limitState of limitStates) {
    if (limitState.rule.enforce && (tightest === undefined || tighter(limitState, tightest))) tightest = limitState;
  }
  if (tightest === undefined) return;
  ctx.state.limitState = tightest;
  ctx.res.setHeader('ratelimit-limit', tightest.rule.limit);
  ctx.res.setHeader('ratelimit-remaining', tightest.remaining);
  ctx.res.setHeader('ratelimit-reset', Math.ceil(tightest.resetMs / 1000));
}

function tighter(a: LimitState, b: LimitState): boolean {
  if (a.passed !== b.passed) return !a.passed;
  return a.remaining === b.remaining ? a.resetMs > b.resetMs : a.remaining < b.remaining;
}

function tooMany({ limitStates }: Decision, exceeded: RateLimitSettings['exceeded']): Error {
  const full = limitStates.filter(({ passed, rule }) => !passed && rule.enforce);
  const seconds = Math.max(1, Math.ceil(Math.max(...full.map(({ resetMs }) => resetMs)) / 1000));
  return gatewayError('RATE_LIMITED', `too many requests; try again in ${seconds} s`, {
    details: [retryInfoDetail(seconds * 1000)],
    logText: `no room in ${full.map(({ rule }) => exceeded.get(rule.id)!.title).join(' and ')}`,
  });
}
