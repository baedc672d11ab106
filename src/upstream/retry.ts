/**
 * Tries failed calls again, as gRFC A6 describes: only for the listed codes, only if a second try does no harm or the first
 * one never reached the server, and never past the deadline. A budget replaces the throttle of A6.
 */
import type { Clock } from '../base/clock.js';
import type { Resource } from '../base/resources.js';
import type { CallRequest, Interceptor } from '../call/call.js';
import type { Code } from '../status/code.js';
import { StatusError } from '../status/status-error.js';

export interface RetrySettings {
  /** The most tries of one call, the first one included. */
  readonly maxAttempts: number;
  readonly codes: readonly Code[];
}

export interface RetryOptions {
  /** True if two calls have the effect of one. Otherwise only calls that never reached the server are tried again. */
  readonly idempotent: boolean;
  readonly budget: RetryBudget;
  /** Returns the number of calls that are running on the upstream. */
  readonly running: () => number;
  readonly clock: Clock;
  readonly onRetry: () => void;
  /** Returns a random number from 0 to 1; `Math.random` by default. */
  readonly random?: () => number;
}

/**
 * The share of an upstream's running calls that may be retries: an upstream that is down gets a fifth more calls, not twice
 * as many.
 */
const SHARE = 0.2;
/** How many retries are always allowed: a fifth of few calls would be none. */
const AT_LEAST = 3;
const FIRST_DELAY_MS = 50;
const LONGEST_DELAY_MS = 1000;

/** Counts the running retries of one upstream, over all routes. */
export class RetryBudget implements Resource {
  private retrying = 0;

  /**
   * Takes one retry out of the budget; `running` is the number of running calls. Returns false if no more retries are
   * allowed.
   */
  take(running: number): boolean {
    if (this.retrying >= Math.max(AT_LEAST, running * SHARE)) return false;
    this.retrying++;
    return true;
  }

  giveBack(): void {
    this.retrying--;
  }

  async close(): Promise<void> {}
}

export function retrying({ maxAttempts, codes }: RetrySettings, options: RetryOptions): Interceptor {
  const { idempotent, budget, running, clock, onRetry, random = Math.random } = options;
  const listed = new Set(codes);

  return (next) => async (given) => {
    const request: CallRequest = { ...given, tried: new Set() };
    for (let attempt = 1; ; attempt++) {
      try {
        return await (attempt === 1 ? next(request) : again());
      } catch (error) {
        if (attempt >= maxAttempts || !mayRetry(error, request)) throw error;
        // The delay is drawn at random from the whole range (full jitter), so that calls which failed together do not come
        // back together.
        const delayMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1)) * random();
        if (request.deadline !== undefined && clock.now() + delayMs >= request.deadline.at) throw error;
        if (!budget.take(running())) throw error;
        await pause(delayMs, request.signal);
        if (request.signal.aborted) {
          budget.giveBack();
          throw error;
        }
        onRetry();
      }
    }

    async function again() {
      try {
        return await next(request);
      } finally {
        budget.giveBack();
      }
    }
  };

  function mayRetry(error: unknown, { signal, message }: CallRequest): boolean {
    if (!(error instanceof StatusError) || signal.aborted || !(message instanceof Uint8Array)) return false;
    return listed.has(error.code) && (idempotent || error.unsent);
  }

  function pause(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const cancel = clock.after(delayMs, end);
      signal.addEventListener('abort', end, { once: true });
    });
  }
}
