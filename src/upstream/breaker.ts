/**
 * The circuit breaker of one method of one upstream, as a pure policy over a clock.
 *
 *     closed ── enough calls failed ──▶ open ── openFor has passed, and a call comes ──▶ probing
 *        ▲                               ▲                                                 │
 *        │                               └──────────────── the probe failed ───────────────┤
 *        └──────────────────────────────────────────────── the probe succeeded ────────────┘
 *
 * In the state open all calls are refused, and in the state probing all calls but the one that probes.
 */
import type { Clock } from '../base/clock.js';
import { RecentCount } from '../base/recent-count.js';
import type { Resource } from '../base/resources.js';
import type { Verdict } from './outcome.js';

export interface BreakerSettings {
  /** The share of failed calls from which on the breaker opens, above 0 and at most 1. */
  readonly failureRatio: number;
  /** The fewest calls in the window with which the breaker may open. */
  readonly minRequests: number;
  readonly windowMs: number;
  /** The milliseconds for which the breaker stays open. After them, the next call is let through as a probe. */
  readonly openForMs: number;
  /**
   * The milliseconds from which on an answered unary call counts as failed. Undefined when the time of calls does not matter.
   */
  readonly slowAfterMs: number | undefined;
}

export type CircuitState = 'closed' | 'probing' | 'open';

/** The numbers of calls in the window when the breaker opened. */
export interface Opening {
  readonly failed: number;
  readonly calls: number;
}

/**
 * The permission for one call, which is passed to {@link Breaker.report} with its result. It is the number of the period in
 * which the call began.
 */
export type Pass = number;

export interface BreakerEvents {
  readonly onFirstCall: () => void;
  /** Called for each change of the state. `opening` is given only when a closed breaker opens. */
  readonly onChange: (state: CircuitState, opening?: Opening) => void;
  readonly onClose: () => void;
}

export class Breaker implements Resource {
  private state: CircuitState = 'closed';
  /**
   * The number of the current period. Each change of the state begins a new period. The results of calls that began in an
   * earlier period are ignored.
   */
  private period: Pass = 0;
  private openUntil = 0;
  /** The length of the window in milliseconds; 0 before the first call. */
  private windowMs = 0;
  private calls!: RecentCount;
  private failed!: RecentCount;

  constructor(
    private readonly clock: Clock,
    private readonly events: BreakerEvents,
  ) {}

  /** Returns the permission for a call; undefined if the call is refused. */
  admit(): Pass | undefined {
    if (this.state === 'closed') return this.period;
    if (this.state === 'probing' || this.clock.monotonic() < this.openUntil) return undefined;
    this.change('probing');
    return this.period;
  }

  /** True while one call is let through to find out whether the breaker may close. */
  get isProbing(): boolean {
    return this.state === 'probing';
  }

  /** Returns the milliseconds after which a refused call may be sent again. */
  waitMs(): number {
    return Math.max(0, this.openUntil - this.clock.monotonic());
  }

  /**
   * Counts the result of a call that {@link admit} has let through. After a reload of the config, `settings` may differ from
   * those of earlier calls.
   */
  report(pass: Pass, verdict: Verdict, settings: BreakerSettings): void {
    if (pass !== this.period) return;
    if (this.state === 'probing') this.judge(verdict, settings);
    else if (verdict !== 'unknown') this.count(verdict, settings);
  }

  async close(): Promise<void> {
    this.events.onClose();
  }

  private judge(verdict: Verdict, { openForMs }: BreakerSettings): void {
    if (verdict === 'answered') {
      this.forget();
      this.change('closed');
      return;
    }
    // If the result of a probe shows nothing about the server, the breaker stays open, but the next call probes at once.
    this.openUntil = this.clock.monotonic() + (verdict === 'failed' ? openForMs : 0);
    this.change('open');
  }

  private count(
    verdict: 'answered' | 'failed',
    { failureRatio, minRequests, windowMs, openForMs }: BreakerSettings,
  ): void {
    if (windowMs !== this.windowMs) {
      if (this.windowMs === 0) this.events.onFirstCall();
      this.windowMs = windowMs;
      this.forget();
    }
    this.calls.add();
    if (verdict === 'answered') return;
    this.failed.add();
    const [failed, calls] = [this.failed.get(), this.calls.get()];
    if (calls < minRequests || failed < calls * failureRatio) return;
    this.openUntil = this.clock.monotonic() + openForMs;
    this.change('open', { failed, calls });
  }

  /** Sets the counts of calls in the window to 0. */
  private forget(): void {
    this.calls = new RecentCount(this.windowMs, this.clock);
    this.failed = new RecentCount(this.windowMs, this.clock);
  }

  private change(state: CircuitState, opening?: Opening): void {
    this.state = state;
    this.period++;
    this.events.onChange(state, opening);
  }
}
