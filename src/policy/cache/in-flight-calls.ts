/**
 * This module lets several requests share one call. A request for a key whose call is running waits for that call. A request
 * that is cancelled or runs out of time does not stop the call for the others. The call is cancelled when no request waits for
 * it any more.
 */
import type { Clock } from '../../base/clock.js';
import type { CallRequest, CallResponse } from '../../call/call.js';
import type { Deadline } from '../../call/deadline.js';
import { cancelled, DeadlineExceeded } from '../../upstream/failure.js';

interface InFlightCall {
  readonly response: Promise<CallResponse>;
  readonly abort: AbortController;
  /** The number of requests that wait for the call. */
  waiting: number;
}

export type Fetch = (signal: AbortSignal) => Promise<CallResponse>;

export class InFlightCalls {
  private readonly calls = new Map<string, InFlightCall>();

  constructor(private readonly clock: Clock) {}

  isUnderWay(key: string): boolean {
    return this.calls.has(key);
  }

  /** Starts the call, or joins the running call of the same key, and returns its response. */
  async join(key: string, { signal, deadline }: CallRequest, fetch: Fetch): Promise<CallResponse> {
    if (signal.aborted) throw cancelled();
    const call = this.calls.get(key) ?? this.start(key, fetch);
    call.waiting++;
    const waitLimit = this.waitLimit(signal, deadline);
    try {
      return await Promise.race([call.response, waitLimit.over]);
    } finally {
      waitLimit.end();
      call.waiting--;
      if (call.waiting === 0 && this.calls.get(key) === call) {
        this.calls.delete(key);
        call.abort.abort();
      }
    }
  }

  /** Starts the call in the background, unless it is already running. No request sees its failure. */
  startAlone(key: string, fetch: Fetch): void {
    if (this.calls.has(key)) return;
    const call = this.start(key, fetch);
    call.waiting++;
  }

  close(): void {
    for (const { abort } of this.calls.values()) abort.abort();
    this.calls.clear();
  }

  private start(key: string, fetch: Fetch): InFlightCall {
    const abort = new AbortController();
    const response = fetch(abort.signal);
    const call: InFlightCall = { response, abort, waiting: 0 };
    this.calls.set(key, call);
    const ended = () => void (this.calls.get(key) === call && this.calls.delete(key));
    response.then(ended, ended);
    return call;
  }

  /** Returns a promise that rejects when the client has closed its connection or its deadline has passed. */
  private waitLimit(signal: AbortSignal, deadline: Deadline | undefined) {
    let end = () => {};
    const over = new Promise<never>((_resolve, reject) => {
      const onAbort = () => reject(cancelled());
      signal.addEventListener('abort', onAbort, { once: true });
      const stop =
        deadline === undefined
          ? () => {}
          : this.clock.after(Math.max(0, deadline.at - this.clock.now()), () =>
              reject(new DeadlineExceeded(deadline.owner)),
            );
      end = () => {
        signal.removeEventListener('abort', onAbort);
        stop();
      };
    });
    return { over, end };
  }
}
