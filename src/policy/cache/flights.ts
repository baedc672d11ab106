/**
 * This module lets several requests share one call. A request for a key whose call is under way waits for that call. A
 * request that is cancelled or runs out of time does not stop the call for the others. The call is cancelled when no
 * request waits for it any more.
 */
import type { Clock } from '../../base/clock.js';
import type { CallRequest, CallResponse } from '../../call/call.js';
import type { Deadline } from '../../call/deadline.js';
import { cancelled, DeadlineExceeded } from '../../upstream/failure.js';

interface Flight {
  readonly response: Promise<CallResponse>;
  readonly abort: AbortController;
  /** The number of requests that wait for the call. */
  waiting: number;
}

export type Fetch = (signal: AbortSignal) => Promise<CallResponse>;

export class Flights {
  private readonly flights = new Map<string, Flight>();

  constructor(private readonly clock: Clock) {}

  isUnderWay(key: string): boolean {
    return this.flights.has(key);
  }

  /** Starts the call, or joins the one that is under way, and returns its response. */
  async join(key: string, { signal, deadline }: CallRequest, fetch: Fetch): Promise<CallResponse> {
    if (signal.aborted) throw cancelled();
    const flight = this.flights.get(key) ?? this.start(key, fetch);
    flight.waiting++;
    const patience = this.patience(signal, deadline);
    try {
      return await Promise.race([flight.response, patience.over]);
    } finally {
      patience.end();
      flight.waiting--;
      if (flight.waiting === 0 && this.flights.get(key) === flight) {
        this.flights.delete(key);
        flight.abort.abort();
      }
    }
  }

  /** Starts the call in the background, unless it is under way. No request sees its failure. */
  startAlone(key: string, fetch: Fetch): void {
    if (this.flights.has(key)) return;
    const flight = this.start(key, fetch);
    flight.waiting++;
  }

  close(): void {
    for (const { abort } of this.flights.values()) abort.abort();
    this.flights.clear();
  }

  private start(key: string, fetch: Fetch): Flight {
    const abort = new AbortController();
    const response = fetch(abort.signal);
    const flight: Flight = { response, abort, waiting: 0 };
    this.flights.set(key, flight);
    const ended = () => void (this.flights.get(key) === flight && this.flights.delete(key));
    response.then(ended, ended);
    return flight;
  }

  /** Returns a promise that rejects when the client is gone or its deadline has passed. */
  private patience(signal: AbortSignal, deadline: Deadline | undefined) {
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
