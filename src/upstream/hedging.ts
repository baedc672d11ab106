/**
 * Sends a second call when the first one has not been answered for some time, and takes the answer that comes first. This helps
 * if single answers are slow, for example while a server collects garbage. The other call is cancelled.
 */
import type { Clock } from '../base/clock.js';
import type { Call, CallRequest, CallResponse, Interceptor, TriedEndpoints } from '../call/call.js';
import { StatusError } from '../status/status-error.js';
import { type Followers, followersOf } from './followers.js';
import type { RetryBudget } from './retry-budget.js';

/** Says which of the two calls gave the answer. `none`: both have failed, or the client has left. */
export type Winner = 'first' | 'second' | 'none';

export interface HedgingOptions {
  /** The time that the first call may take before the second one is sent, in milliseconds. */
  readonly afterMs: number;
  readonly budget: RetryBudget;
  readonly clock: Clock;
  /** Called once for each call that was sent twice. */
  readonly onHedge: (winner: Winner) => void;
}

/** Returns the layer. Use it only for methods that are safe to call twice. Streams pass unchanged. */
export function hedging(options: HedgingOptions): Interceptor {
  return (next) => (request) =>
    request.message instanceof Uint8Array && !request.method.serverStreaming
      ? new Race(next, request, options).answer
      : next(request);
}

class Race {
  readonly answer: Promise<CallResponse>;
  private resolve!: (response: CallResponse) => void;
  private reject!: (error: unknown) => void;
  private readonly abortion = new AbortController();
  private readonly followers: Followers;
  private readonly place: number;
  /** The endpoints that have had the call. With it, the second call goes to another endpoint, if there is one. */
  private readonly tried: TriedEndpoints;
  private readonly cancelTimer: () => void;
  /** The number of calls that run. */
  private running = 0;
  private isHedged = false;
  private isOver = false;
  private failure: { readonly of: Winner; readonly error: unknown } | undefined;

  constructor(
    private readonly next: Call,
    private readonly request: CallRequest,
    private readonly options: HedgingOptions,
  ) {
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.tried = request.tried ?? new Set();
    this.followers = followersOf(request.signal);
    this.place = this.followers.add(this);
    if (request.signal.aborted) this.abort();
    this.cancelTimer = options.clock.after(options.afterMs, () => this.hedge());
    this.send('first');
  }

  /** Called when the client has left. Aborts both calls; the promise `answer` rejects when they have failed. */
  abort(): void {
    this.abortion.abort();
  }

  private hedge(): void {
    if (this.isOver || this.request.signal.aborted || !this.options.budget.take()) return;
    this.isHedged = true;
    this.send('second');
  }

  private send(which: Winner): void {
    this.running++;
    this.next({ ...this.request, signal: this.abortion.signal, tried: this.tried }).then(
      (response) => {
        if (this.end(which)) this.resolve(response);
      },
      (error: unknown) => this.lose(which, error),
    );
  }

  private lose(which: Winner, error: unknown): void {
    this.running--;
    if (!mayBeBetter(error)) {
      if (this.end(which)) this.reject(error);
    } else if (this.running > 0) this.failure = { of: which, error };
    else {
      // If both have failed, the error of the first call is returned, because the second one may have been refused by the
      // gateway itself.
      const told = this.failure?.of === 'first' ? this.failure.error : error;
      if (this.end('none')) this.reject(told);
    }
  }

  /** Ends the race between the two calls, and cancels the one that still runs. Returns false if the race had ended before. */
  private end(winner: Winner): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.cancelTimer();
    this.followers.remove(this.place);
    if (this.isHedged) {
      this.abortion.abort();
      this.options.onHedge(winner);
    }
    return true;
  }
}

/** Returns true if the server or the connection to it has failed, so that the other call may still succeed. */
function mayBeBetter(error: unknown): boolean {
  return error instanceof StatusError && error.httpStatus >= 500;
}
