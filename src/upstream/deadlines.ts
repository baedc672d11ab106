/**
 * The deadlines of calls, in a timer wheel with a single timer. A call that ends before its deadline is removed from its slot,
 * without stopping or starting a timer, because most calls end long before their deadline.
 */
import { Bag } from '../base/bag.js';
import type { Clock } from '../base/clock.js';

export interface Expiring {
  /** Called once, when the deadline has passed. */
  expire(): void;
  /** The deadline on the monotonic clock, in milliseconds. Only {@link Deadlines} sets it. */
  dueAt: number;
  /** The index of the call in its slot; -1 if it is in none. Only {@link Deadlines} sets it. */
  placeInSlot: number;
}

/**
 * The length of a slot in milliseconds: calls whose deadlines lie in the same 256 ms are in one slot. Each call still expires
 * at its own time.
 */
const SLOT_MS = 256;

export class Deadlines {
  /** The calls by the number of their slot. */
  private readonly slots = new Map<number, Bag<Expiring>>();
  /**
   * The number of the slot to which a call was added last. This slot is kept even when it is empty, because the next call is
   * usually added to it too.
   */
  private latest = Number.NaN;
  /** The monotonic time at which the timer fires, in milliseconds; infinity if it does not run. */
  private timerAt = Number.POSITIVE_INFINITY;
  private cancelTimer: (() => void) | undefined;

  constructor(private readonly clock: Clock) {}

  /**
   * Adds a call, whose `expire` is called at `deadline`. Returns the present time. Both times are in milliseconds since the
   * epoch.
   */
  add(deadline: number, call: Expiring): number {
    const { clock } = this;
    const now = clock.now();
    call.dueAt = clock.monotonic() + Math.max(0, deadline - now);
    const slot = Math.floor(call.dueAt / SLOT_MS);
    call.placeInSlot = this.openSlot(slot).add(call);
    if (call.dueAt < this.timerAt) this.wakeAt(call.dueAt);
    return now;
  }

  /** Removes a call. Does nothing if the call has expired or was removed before. */
  delete(call: Expiring): void {
    if (call.placeInSlot < 0) return;
    const slot = Math.floor(call.dueAt / SLOT_MS);
    const calls = this.slots.get(slot)!;
    calls.remove(call.placeInSlot);
    call.placeInSlot = -1;
    if (calls.size === 0 && slot !== this.latest) this.slots.delete(slot);
  }

  private openSlot(slot: number): Bag<Expiring> {
    const { latest } = this;
    const known = this.slots.get(slot);
    if (slot === latest) return known!;
    this.latest = slot;
    if (this.slots.get(latest)?.size === 0) this.slots.delete(latest);
    if (known !== undefined) return known;
    const made = new Bag<Expiring>();
    this.slots.set(slot, made);
    return made;
  }

  private wakeAt(time: number): void {
    this.cancelTimer?.();
    this.timerAt = time;
    this.cancelTimer = this.clock.after(Math.max(0, time - this.clock.monotonic()), () => this.turn());
  }

  /** Called by the timer. Expires the calls whose deadline has passed, and starts the timer for the next ones. */
  private turn(): void {
    const now = this.clock.monotonic();
    this.cancelTimer = undefined;
    this.timerAt = Number.POSITIVE_INFINITY;
    for (const [slot, calls] of this.slots) {
      if (slot * SLOT_MS > now) continue;
      for (const call of calls) {
        if (call.dueAt > now) continue;
        this.delete(call);
        call.expire();
      }
    }
    const next = this.earliest();
    if (next < this.timerAt) this.wakeAt(next);
  }

  private earliest(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const [slot, { size }] of this.slots) if (size > 0) first = Math.min(first, slot);
    let time = Number.POSITIVE_INFINITY;
    for (const { dueAt } of this.slots.get(first) ?? []) time = Math.min(time, dueAt);
    return time;
  }
}
