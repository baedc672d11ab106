/**
 * Outlier ejection: an endpoint that fails several calls in a row gets no calls for a while. Each ejection is longer
 * than the one before. While the endpoint works, the length of the next ejection goes down again.
 */
import type { Clock } from '../../base/clock.js';
import type { Verdict } from '../outcome.js';

export interface EjectionSettings {
  /** The number of failures in a row that eject an endpoint. */
  readonly consecutiveFailures: number;
  /** The length of the first ejection. The second one in a row is twice as long, the third one three times. */
  readonly ejectForMs: number;
  /**
   * The percentage of the endpoints that may be ejected at the same time. If there are several endpoints, one may
   * always be ejected.
   */
  readonly maxEjectedPercent: number;
}

/** The longest ejection, unless `ejectFor` itself is longer. */
const LONGEST_MS = 300_000;

/** Returns how many of `count` endpoints may be ejected. A single endpoint never is: there is no other one. */
export function mostEjected(count: number, { maxEjectedPercent }: EjectionSettings): number {
  return count < 2 ? 0 : Math.max(1, Math.floor((count * maxEjectedPercent) / 100));
}

/** The failures of one endpoint. */
export class Outlier {
  /** The number of lost connections that were counted. Each call notes this number when it begins, for {@link noteLoss}. */
  losses = 0;
  private failures = 0;
  private ejections = 0;
  private returnedAt = 0;

  constructor(
    private readonly settings: EjectionSettings,
    private readonly clock: Clock,
  ) {}

  /** Notes the outcome of a call. Returns true if the endpoint has failed so often that it should be ejected. */
  note(verdict: Verdict): boolean {
    if (verdict === 'answered') this.failures = 0;
    if (verdict === 'failed') this.failures++;
    return this.failures >= this.settings.consecutiveFailures;
  }

  /**
   * Notes a call that failed because its connection was lost. `before` is the number of `losses` when the call began. All
   * calls that were running together count as one failure, because one lost connection has ended them all. Returns true as
   * {@link note} does.
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

  /** Ends an ejection. The endpoint must fail as often as before to be ejected again. */
  end(): void {
    this.failures = 0;
    this.returnedAt = this.clock.monotonic();
  }
}
