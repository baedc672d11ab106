/**
 * Outlier ejection: an endpoint that fails several calls in a row gets no calls for a while. Each ejection is longer than the
 * one before, up to a maximum. For each `ejectFor` in which the endpoint works, the next ejection becomes shorter again.
 */
import type { Clock } from '../../base/clock.js';
import type { Verdict } from '../outcome.js';

export interface EjectionSettings {
  /** The number of failures in a row that eject an endpoint. */
  readonly consecutiveFailures: number;
  /** The length of the first ejection in milliseconds. The second one in a row is twice as long, the third one three times. */
  readonly ejectForMs: number;
  /**
   * The percentage of the endpoints that may be ejected at the same time. If an upstream has at least two endpoints, one may be
   * ejected in any case.
   */
  readonly maxEjectedPercent: number;
}

/** The longest ejection in milliseconds, unless `ejectForMs` itself is longer. */
const LONGEST_MS = 300_000;

/**
 * Returns how many of `count` endpoints may be ejected at the same time. A single endpoint is never ejected, because there is
 * no other one to send calls to.
 */
export function mostEjected(count: number, { maxEjectedPercent }: EjectionSettings): number {
  return count < 2 ? 0 : Math.max(1, Math.floor((count * maxEjectedPercent) / 100));
}

/** The failures and ejections of one endpoint. */
export class Outlier {
  /**
   * The number of lost connections that were counted as failures. Each call remembers this number when it begins, for {@link
   * noteLoss}.
   */
  losses = 0;
  private failures = 0;
  private ejections = 0;
  private returnedAt = 0;

  constructor(
    private readonly settings: EjectionSettings,
    private readonly clock: Clock,
  ) {}

  /** Counts the outcome of a call. Returns true if so many calls in a row have failed that the endpoint should be ejected. */
  note(verdict: Verdict): boolean {
    if (verdict === 'answered') this.failures = 0;
    if (verdict === 'failed') this.failures++;
    return this.failures >= this.settings.consecutiveFailures;
  }

  /**
   * Counts a call that failed because its connection was lost. `before` is the number of `losses` when the call began. When a
   * connection is lost, all calls on it fail together, so only the first of them is counted. Returns true if the endpoint
   * should be ejected, as {@link note} does.
   */
  noteLoss(before: number): boolean {
    if (before !== this.losses) return false;
    this.losses++;
    return this.note('failed');
  }

  /** Begins an ejection and returns its length in milliseconds. */
  eject(): number {
    const { ejectForMs } = this.settings;
    const forgiven = Math.floor((this.clock.monotonic() - this.returnedAt) / ejectForMs);
    this.ejections = Math.max(0, this.ejections - forgiven) + 1;
    return Math.min(ejectForMs * this.ejections, Math.max(ejectForMs, LONGEST_MS));
  }

  /** Ends an ejection. Failures are counted from 0 again. */
  end(): void {
    this.failures = 0;
    this.returnedAt = this.clock.monotonic();
  }
}
