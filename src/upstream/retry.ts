/**
 * A failed call is tried again: for the codes that are listed, when trying twice does no harm or the first try never
 * reached the server, within a budget, and never past the deadline (gRFC A6, with a budget in place of its throttle).
 */
import type { Clock } from '../base/clock.js';
import type { Resource } from '../base/resources.js';
import type { CallRequest, Interceptor } from '../call/call.js';
import type { Code } from '../status/code.js';
import { StatusError } from '../status/status-error.js';

export interface RetrySettings {
  /** The first try included. */
  readonly maxAttempts: number;
  readonly codes: readonly Code[];
}

export interface RetryOptions {
  /** Two calls have the effect of one. Otherwise only what never reached the server is tried again. */
  readonly idempotent: boolean;
  readonly budget: RetryBudget;
  /** Calls that the upstream has now. */
  readonly running: () => number;
  readonly clock: Clock;
  readonly onRetry: () => void;
  /** 0 to 1. */
  readonly random?: () => number;
}

/** Share of an upstream's running calls that may be retries: a service that is down gets a fifth more calls, not twice. */
const SHARE = 0.2;
/** So many are always allowed: of few calls a fifth is none. */
const AT_LEAST = 3;
const FIRST_DELAY_MS = 50;
const LONGEST_DELAY_MS = 1000;

/** The retries that one upstream has now, of all routes. */
export class RetryBudget implements Resource {
  private retrying = 0;

  /** False: among `running` calls there is no room for one more. */
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

  return (next) => async (request) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await (attempt === 1 ? next(request) : again());
      } catch (error) {
        if (attempt >= maxAttempts || !mayRetry(error, request)) throw error;
        // Full jitter: those who failed together don't come back together.
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
