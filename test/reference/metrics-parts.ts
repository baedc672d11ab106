/** The table of docs/metrics.md. */
import { Counter, Gauge, Histogram, type Metric } from 'prom-client';
import { createMetrics, createReloadMetrics } from '../../src/telemetry/metrics.js';
import { table } from './table.js';

/** The fields of a metric that prom-client has and does not declare. */
type Described = Metric & { readonly name: string; readonly help: string; readonly labelNames: readonly string[] };

export function metricTable(): string {
  const { registry } = createMetrics();
  createReloadMetrics(registry);
  const metrics = registry.getMetricsAsArray() as unknown as readonly Described[];
  return table(
    ['metric', 'type', 'labels', 'unit', 'meaning'],
    metrics.map((metric) => [
      `\`${metric.name}\``,
      typeOf(metric),
      metric.labelNames.map((label) => `\`${label}\``).join(', '),
      metric.name.endsWith('_seconds') ? 'seconds' : '',
      metric.help,
    ]),
  );
}

function typeOf(metric: Metric): string {
  if (metric instanceof Counter) return 'counter';
  if (metric instanceof Gauge) return 'gauge';
  if (metric instanceof Histogram) return 'histogram';
  throw new Error('expected a counter, a gauge or a histogram');
}
