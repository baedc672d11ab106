/**
 * Metrics whose values are kept by the code that counts them. prom-client reads these values when somebody asks for the
 * metrics, so a request costs only an addition.
 */
import type { Metric, MetricObjectWithValues, MetricValue, Registry } from 'prom-client';
import type { Histogram } from './histogram.js';

export type Labels = Readonly<Record<string, string>>;

/** The way in which the primary process joins the values of its worker processes. */
type Aggregator = 'sum' | 'min' | 'max' | 'average';

export interface Collected {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  /** The way in which the primary process joins the values of its workers. The default is `sum`. */
  readonly aggregator?: Aggregator;
}

interface Sample<Value> {
  readonly labels: Labels;
  readonly value: Value;
}

/** Adds a counter or a gauge to the registry. `read` returns its series with their present values. */
export function collectNumbers(
  registry: Registry,
  type: 'counter' | 'gauge',
  about: Collected,
  read: () => Iterable<Sample<number>>,
): void {
  register(registry, type, about, () => [...read()].map(({ labels, value }) => ({ labels, value })));
}

/** Adds a histogram to the registry. `read` returns its series with their present values. */
export function collectHistograms(registry: Registry, about: Collected, read: () => Iterable<Sample<Histogram>>): void {
  register(registry, 'histogram', about, () => [...read()].flatMap((sample) => linesOf(about.name, sample)));
}

type Value = MetricValue<string> & { readonly metricName?: string };

function linesOf(name: string, { labels, value: histogram }: Sample<Histogram>): Value[] {
  const { bounds, counts, exemplars, sum, count } = histogram;
  const exemplarOf = (index: number) => (exemplars?.[index] === undefined ? {} : { exemplar: exemplars[index] });
  let below = 0;
  const buckets = bounds.map((bound, index) => {
    below += counts[index]!;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: bound }, value: below, ...exemplarOf(index) };
  });
  return [
    ...buckets,
    { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count, ...exemplarOf(bounds.length) },
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}

/** Adds a metric to the registry. prom-client reads its `name` now, and calls `get()` whenever the metrics are read. */
function register(
  registry: Registry,
  type: 'counter' | 'gauge' | 'histogram',
  { name, help, labelNames, aggregator = 'sum' }: Collected,
  values: () => Value[],
): void {
  const get = async () =>
    ({ name, help, type, aggregator, values: values() }) as unknown as MetricObjectWithValues<Value>;
  registry.registerMetric({ name, help, type, labelNames, aggregator, get } as unknown as Metric);
}
