/**
 * This module protects the gateway from a store (Redis) that is slow or down. No request to the store waits longer than 50 ms.
 * After three requests in a row without an answer, the store counts as down. Then it is not asked, so that clients do not wait
 * for it, until it answers a probe, which is sent every second.
 */
import type { Clock } from '../base/clock.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';

export interface GuardOptions {
  /** The name of the store, for log and metrics. */
  readonly name: string;
  readonly ping: () => Promise<unknown>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'storeFailures' | 'storeUp'>;
}

const WAIT_MS = 50;
const FAILURES = 3;
const PROBE_MS = 1000;

/** The result of a request that the store did not answer. */
export const UNANSWERED = Symbol('unanswered');

export class StoreGuard {
  private failures = 0;
  private isDown = false;
  private closed = false;
  private cancelProbe = () => {};

  constructor(private readonly options: GuardOptions) {
    options.metrics.storeUp.set({ store: options.name }, 1);
  }

  /** True while the store counts as down. Then it should not be asked. */
  get down(): boolean {
    return this.isDown;
  }

  /**
   * Returns the result of `question`, or UNANSWERED if the store counts as down, the request fails or it takes too long. Never
   * rejects.
   */
  async ask<T>(question: () => Promise<T>): Promise<T | typeof UNANSWERED> {
    if (this.isDown) return UNANSWERED;
    const answer = await this.bounded(question);
    if (answer !== UNANSWERED) this.failures = 0;
    else if (++this.failures >= FAILURES && !this.isDown && !this.closed) this.goDown();
    return answer;
  }

  close(): void {
    this.closed = true;
    this.cancelProbe();
  }

  /** Returns the result of `question`, or UNANSWERED if the request fails or takes longer than 50 ms. */
  private bounded<T>(question: () => Promise<T>): Promise<T | typeof UNANSWERED> {
    const { clock, name, metrics } = this.options;
    return new Promise((resolve) => {
      const unanswered = (reason: 'timeout' | 'error') => {
        metrics.storeFailures.inc({ store: name, reason });
        resolve(UNANSWERED);
      };
      let waiting = true;
      const settle = (): boolean => {
        const first = waiting;
        waiting = false;
        cancelTimer();
        return first;
      };
      // If this process was busy, the answer may already be in the socket. It is read before the request counts as timed out.
      const onTime = () => void setImmediate(() => void (settle() && unanswered('timeout')));
      const cancelTimer = clock.after(WAIT_MS, onTime);
      question().then(
        (answer) => void (settle() && resolve(answer)),
        () => void (settle() && unanswered('error')),
      );
    });
  }

  private goDown(): void {
    const { name, log, metrics } = this.options;
    this.isDown = true;
    metrics.storeUp.set({ store: name }, 0);
    log.error({ store: name }, 'the store does not answer; it is not used until it answers a probe');
    this.probeLater();
  }

  private probeLater(): void {
    this.cancelProbe = this.options.clock.after(PROBE_MS, () => void this.probe());
  }

  private async probe(): Promise<void> {
    const { name, log, metrics, ping } = this.options;
    const answered = (await this.bounded(ping)) !== UNANSWERED;
    if (this.closed) return;
    if (!answered) return this.probeLater();
    this.failures = 0;
    this.isDown = false;
    metrics.storeUp.set({ store: name }, 1);
    log.info({ store: name }, 'the store answers again');
  }
}
