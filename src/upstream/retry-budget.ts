/**
 * The budget of one upstream for calls that are sent in addition: retries and hedges. Without it, an upstream that fails
 * would get a multiple of its normal load exactly when it can serve the fewest calls.
 */
import type { Clock } from '../base/clock.js';
import { RecentCount } from '../base/recent-count.js';
import type { Resource } from '../base/resources.js';
import type { Interceptor } from '../call/call.js';

/** The share of the calls of the window that may be sent in addition. */
const SHARE = 0.2;
/** The number of calls that may be sent in addition per second of the window, because a fifth of few calls would be none. */
const AT_LEAST_PER_SECOND = 1;
const WINDOW_SECONDS = 10;

/** Counts the calls of one upstream, over all routes that may send some of them again. */
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

  /** Takes one additional call out of the budget. Returns false if the budget is used up. */
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
