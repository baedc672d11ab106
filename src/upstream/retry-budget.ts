/**
 * The budget of one upstream for additional calls: retries and hedges. Without it, an upstream that fails would get a multiple
 * of its normal load exactly when it can serve the fewest calls.
 */
import type { Clock } from '../base/clock.js';
import { RecentCount } from '../base/recent-count.js';
import type { Resource } from '../base/resources.js';
import type { Interceptor } from '../call/call.js';

/** The additional calls that are allowed, as a share of the clients' calls in the window. */
const SHARE = 0.2;
/** The additional calls per second of the window that are allowed in any case, because a fifth of few calls would be none. */
const AT_LEAST_PER_SECOND = 1;
const WINDOW_SECONDS = 10;

/** Counts the calls of clients and the additional calls to one upstream, over all of its routes. */
export class RetryBudget implements Resource {
  private readonly calls: RecentCount;
  private readonly extra: RecentCount;

  constructor(clock: Clock) {
    this.calls = new RecentCount(WINDOW_SECONDS * 1000, clock);
    this.extra = new RecentCount(WINDOW_SECONDS * 1000, clock);
  }

  /** Counts a call of a client. */
  count(): void {
    this.calls.add();
  }

  /** Counts one additional call, if the budget allows it. Returns false if the budget is used up. */
  take(): boolean {
    const most = Math.max(SHARE * this.calls.get(), AT_LEAST_PER_SECOND * WINDOW_SECONDS);
    if (this.extra.get() + 1 > most) return false;
    this.extra.add();
    return true;
  }

  async close(): Promise<void> {}
}

/** Returns the layer that counts the calls of clients in the budget. */
export function countingCalls(budget: RetryBudget): Interceptor {
  return (next) => (request) => {
    budget.count();
    return next(request);
  };
}
