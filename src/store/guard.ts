/**
 * Between the gateway and a store that others run: no question waits longer than 50 ms, and after three in a row without
 * an answer the store counts as down. Then nothing is asked, so that nobody pays for it, until a probe is answered.
 */
import type { Clock } from '../base/clock.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';

export interface GuardOptions {
  /** Of the store, for log and metrics. */
  readonly name: string;
  readonly ping: () => Promise<unknown>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'storeFailures' | 'storeUp'>;
}

const WAIT_MS = 50;
const FAILURES = 3;
const PROBE_MS = 1000;

/** What is there instead of an answer. */
export const UNANSWERED = Symbol('unanswered');

export class StoreGuard {
  private failures = 0;
  private isDown = false;
  private closed = false;
  private cancelProbe = () => {};

  constructor(private readonly options: GuardOptions) {
    options.metrics.storeUp.set({ store: options.name }, 1);
  }

  /** Ask nothing: it would not be answered. */
  get down(): boolean {
    return this.isDown;
  }

  /** Never rejects. */
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

  /** The question's answer, or that there was none: it failed, or came too late. */
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
      // After what this process held up itself, the answer may lie in the socket: it is read before the store is blamed.
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
    log.error({ store: name }, 'the store does not answer: it is asked again when a probe is answered');
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
