/**
 * The states of circuit breakers as a metric. If a reload changes the targets of an upstream, a method has two breakers with
 * the same labels until the last request to the old targets has ended. The series shows the breaker that got its first call
 * later.
 */
import { Gauge, type Registry } from 'prom-client';

const VALUES = { closed: 0, probing: 1, open: 2 };

/** The series of one circuit breaker. */
export interface CircuitSeries {
  /** Must be called at the first call of the breaker. From then on the series shows this breaker. */
  readonly begin: () => void;
  readonly set: (state: keyof typeof VALUES) => void;
  /** Removes the series, unless it shows another breaker by now. */
  readonly end: () => void;
}

export class CircuitStates {
  private readonly gauge: Gauge<'upstream' | 'rpc'>;
  /** The breaker that the metric shows, by upstream and rpc. */
  private readonly shown = new Map<string, CircuitSeries>();

  constructor(registry: Registry) {
    this.gauge = new Gauge({
      name: 'protogate_circuit_state',
      help: 'The state of the circuit breaker of each method that has been called: 0 closed, 1 probing, 2 open.',
      labelNames: ['upstream', 'rpc'],
      registers: [registry],
      // The highest value of all workers is shown, so that one open circuit is seen.
      aggregator: 'max',
    });
  }

  of(upstream: string, rpc: string): CircuitSeries {
    const { gauge, shown } = this;
    const labels = { upstream, rpc };
    const key = JSON.stringify([upstream, rpc]);
    const series: CircuitSeries = {
      begin() {
        shown.set(key, series);
        series.set('closed');
      },
      set(state) {
        if (shown.get(key) === series) gauge.set(labels, VALUES[state]);
      },
      end() {
        if (shown.get(key) !== series) return;
        shown.delete(key);
        gauge.remove(labels);
      },
    };
    return series;
  }
}
