/** The timers of calls. Calls whose deadlines are in the same millisecond share one timer, as the calls of an aggregate do. */
import type { Clock } from '../base/clock.js';

interface Expiring {
  expire(): void;
}

interface Moment {
  readonly calls: Set<Expiring>;
  readonly cancelTimer: () => void;
}

export class Deadlines {
  private readonly moments = new Map<number, Moment>();

  constructor(private readonly clock: Clock) {}

  /** Calls `expire` of `call` at `deadline`, in milliseconds since the epoch. */
  add(deadline: number, call: Expiring): void {
    let moment = this.moments.get(deadline);
    if (moment === undefined) {
      moment = { calls: new Set(), cancelTimer: this.timer(deadline) };
      this.moments.set(deadline, moment);
    }
    moment.calls.add(call);
  }

  delete(deadline: number, call: Expiring): void {
    const moment = this.moments.get(deadline);
    if (moment === undefined || !moment.calls.delete(call) || moment.calls.size > 0) return;
    moment.cancelTimer();
    this.moments.delete(deadline);
  }

  private timer(deadline: number): () => void {
    return this.clock.after(Math.max(0, deadline - this.clock.now()), () => {
      const moment = this.moments.get(deadline);
      this.moments.delete(deadline);
      for (const call of moment?.calls ?? []) call.expire();
    });
  }
}
