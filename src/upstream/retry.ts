/**
 * Tries failed calls again, as gRFC A6 describes: only after the listed status codes, only if a second try does no harm or the
 * first one never reached the server, and never after the deadline. The throttle of A6 is replaced by a RetryBudget.
 */
import type { Clock } from '../base/clock.js';
import type { CallRequest, CallResponse, Interceptor } from '../call/call.js';
import type { Code } from '../status/code.js';
import { StatusError } from '../status/status-error.js';
import type { RetryBudget } from './retry-budget.js';

export interface RetrySettings {
  /** The most tries of one call, including the first one. */
  readonly maxAttempts: number;
  readonly codes: readonly Code[];
}

export interface RetryOptions {
  /**
   * True if calling the method twice has the same effect as calling it once. Otherwise only calls that never reached the server
   * are tried again.
   */
  readonly idempotent: boolean;
  readonly budget: RetryBudget;
  readonly clock: Clock;
  readonly onRetry: () => void;
  /** Called when a call would be tried again, but the budget is used up. */
  readonly onRefusal: () => void;
  /** Returns a random number from 0 to below 1; it is `Math.random` by default. */
  readonly random?: () => number;
}

const FIRST_DELAY_MS = 50;
const LONGEST_DELAY_MS = 1000;

export function retrying({ maxAttempts, codes }: RetrySettings, options: RetryOptions): Interceptor {
  const { idempotent, budget, clock, onRetry, onRefusal, random = Math.random } = options;
  const listed = new Set(codes);

  return (next) => (given) => {
    const request: CallRequest = { ...given, tried: new Set() };
    const attempt = (count: number): Promise<CallResponse> =>
      next(request).catch(async (error) => {
        await beforeNext(count, error, request);
        return attempt(count + 1);
      });
    return attempt(1);
  };

  /**
   * Resolves after the delay before the next try; `count` tries were made. Throws the error of the last try if the call may not
   * be tried again.
   */
  async function beforeNext(count: number, error: unknown, request: CallRequest): Promise<void> {
    if (count >= maxAttempts || !mayRetry(error, request)) throw error;
    // The delay is drawn at random from 0 to the longest delay (full jitter), so that calls which failed together are not
    // repeated together.
    const delayMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (count - 1)) * random();
    if (request.deadline !== undefined && clock.now() + delayMs >= request.deadline.at) throw error;
    if (!budget.take()) {
      onRefusal();
      throw error;
    }
    await pause(delayMs, request.signal);
    if (request.signal.aborted) throw error;
    onRetry();
  }

  function mayRetry(error: unknown, { signal, message }: CallRequest): boolean {
    if (!(error instanceof StatusError) || signal.aborted || !(message instanceof Uint8Array)) return false;
    // The gateway would refuse the call again, for example because a circuit breaker is open.
    if (error.source === 'gateway') return false;
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
