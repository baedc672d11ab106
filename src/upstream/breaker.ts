/**
 * The circuit breaker of one method of one upstream, as a pure policy over a clock.
 *
 *     closed ── enough calls failed ──▶ open ── openFor has passed, and a call comes ──▶ probing
 *        ▲                               ▲                                                 │
 *        │                               └──────────────── the probe failed ───────────────┤
 *        └──────────────────────────────────────────────── the probe succeeded ────────────┘
 *
 * While the breaker is open, and while one call probes whether the upstream works again, all other calls are refused.
 */
import type { Clock } from '../base/clock.js';
import { RecentCount } from '../base/recent-count.js';
import type { Resource } from '../base/resources.js';
import type { Verdict } from './outcome.js';

export interface BreakerSettings {
  /** The share of failed calls that opens the breaker, above 0 and at most 1. */
  readonly failureRatio: number;
  /** The number of calls that there must be in the window before the share counts. */
  readonly minRequests: number;
  readonly windowMs: number;
  /** The time that the breaker stays open before a call may probe. */
  readonly openForMs: number;
  /** A unary call that takes so long counts as failed. Undefined when slow calls are as good as fast ones. */
  readonly slowAfterMs: number | undefined;
}

export type CircuitState = 'closed' | 'probing' | 'open';

/** The calls in the window when the breaker opened. */
export interface Opening {
  readonly failed: number;
  readonly calls: number;
}

/** Admits a call, and identifies the period in which it began. */
export type Pass = number;

export interface BreakerEvents {
  readonly onFirstCall: () => void;
  /** Called for each change of the state. `opening` is given when a closed breaker has opened. */
  readonly onChange: (state: CircuitState, opening?: Opening) => void;
  readonly onClose: () => void;
}

export class Breaker implements Resource {
  private state: CircuitState = 'closed';
  /**
   * The number of the current period, which grows with each change of the state. A call that began in an earlier period
   * changes nothing.
   */
  private period: Pass = 0;
  private openUntil = 0;
  /** It is 0 before the first call. */
  private windowMs = 0;
  private calls!: RecentCount;
  private failed!: RecentCount;

  constructor(
    private readonly clock: Clock,
    private readonly events: BreakerEvents,
  ) {}

  /** Admits a call. Returns undefined if the call is refused. */
  admit(): Pass | undefined {
    if (this.state === 'closed') return this.period;
    if (this.state === 'probing' || this.clock.monotonic() < this.openUntil) return undefined;
    this.change('probing');
    return this.period;
  }

  /** True while one call decides whether the breaker closes. */
  get isProbing(): boolean {
    return this.state === 'probing';
  }

  /** Returns the time in milliseconds after which a refused call may be sent again. */
  waitMs(): number {
    return Math.max(0, this.openUntil - this.clock.monotonic());
  }

  /** Counts the result of an admitted call. `settings` may differ from those of earlier calls, after a reload. */
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
    // If a probe shows nothing about the server, the next call probes.
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

  /** Begins an empty window. */
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
