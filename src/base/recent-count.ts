/**
 * This module counts the events of the last seconds. The time is divided into 20 slots, and the oldest slot is dropped as
 * a whole: a count of ten seconds includes the last 9.5 to 10 seconds.
 */
import type { Clock } from './clock.js';

const SLOTS = 20;

export class RecentCount {
  private readonly slots: number[] = new Array(SLOTS).fill(0);
  private readonly slotMs: number;
  private sum = 0;
  /** The number of the slot in which events are counted now. Slot 0 begins at time 0 of the clock. */
  private current: number;

  constructor(
    windowMs: number,
    private readonly clock: Clock,
  ) {
    this.slotMs = windowMs / SLOTS;
    this.current = this.slotNow();
  }

  /** Counts one more event. */
  add(): void {
    this.dropOld();
    this.slots[this.current % SLOTS]!++;
    this.sum++;
  }

  /** Returns the number of events in the window that ends now. */
  get(): number {
    this.dropOld();
    return this.sum;
  }

  private dropOld(): void {
    const now = this.slotNow();
    const passed = Math.min(SLOTS, now - this.current);
    for (let i = 1; i <= passed; i++) {
      const slot = (this.current + i) % SLOTS;
      this.sum -= this.slots[slot]!;
      this.slots[slot] = 0;
    }
    if (passed > 0) this.current = now;
  }

  private slotNow(): number {
    return Math.floor(this.clock.monotonic() / this.slotMs);
  }
}
