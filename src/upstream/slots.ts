/**
 * The slots of one upstream, which limit how many calls may run on it at a time. A call that finds no free slot waits in a
 * queue for a moment, so that a short burst is not refused. The queue is short in number and in time, because a call that waits
 * long would not be answered in time either.
 */
import type { Clock } from '../base/clock.js';
import type { Resource } from '../base/resources.js';
import type { CallRequest } from '../call/call.js';
import { gatewayError, type StatusError } from '../status/status-error.js';
import { cancelled } from './failure.js';
import { followersOf } from './followers.js';

/** The longest time in milliseconds that a call waits for a slot. */
export const LONGEST_WAIT_MS = 100;

interface Waiting {
  readonly limit: number;
  readonly admit: () => void;
}

export class Slots implements Resource {
  private taken = 0;
  /** The calls that wait, in the order in which they came. */
  private readonly waiting = new Set<Waiting>();

  constructor(private readonly clock: Clock) {}

  /**
   * Takes a slot for a call if fewer than `limit` are taken. Returns undefined if the call has a slot now, or a promise that
   * resolves when it has one. The promise rejects with a StatusError if the queue is full, if the call is cancelled, or if it
   * waits too long or until its deadline.
   */
  take(limit: number, request: CallRequest): Promise<void> | undefined {
    if (this.taken < limit && this.waiting.size === 0) {
      this.taken++;
      return undefined;
    }
    return this.waiting.size < limit ? this.wait(limit, request) : Promise.reject(busy());
  }

  /** Frees a slot. If a call waits, it gets the slot. */
  release(): void {
    this.taken--;
    for (const waiting of this.waiting) {
      if (this.taken >= waiting.limit) return;
      this.taken++;
      waiting.admit();
    }
  }

  async close(): Promise<void> {}

  private wait(limit: number, { signal, deadline }: CallRequest): Promise<void> {
    if (signal.aborted) return Promise.reject(cancelled());
    const leftMs = deadline === undefined ? Number.POSITIVE_INFINITY : deadline.at - this.clock.now();
    const followers = followersOf(signal);
    return new Promise((resolve, reject) => {
      const end = () => {
        this.waiting.delete(waiting);
        followers.remove(place);
        cancelTimer();
      };
      const fail = (error: unknown) => {
        end();
        reject(error);
      };
      const waiting: Waiting = {
        limit,
        admit() {
          end();
          resolve();
        },
      };
      const place = followers.add({ abort: fail });
      const cancelTimer = this.clock.after(Math.max(0, Math.min(LONGEST_WAIT_MS, leftMs)), () => fail(busy()));
      this.waiting.add(waiting);
    });
  }
}

function busy(): StatusError {
  return gatewayError('UPSTREAM_BUSY', 'the service has as many calls as it can take');
}
