/** The table of docs/metrics.md. */
import { createMetrics, createReloadMetrics } from '../../src/telemetry/metrics.js';
import { collectProcessMetrics } from '../../src/telemetry/process-metrics.js';
import { table } from './table.js';

/** The fields of a metric that prom-client has and does not declare. */
interface Described {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

export function metricTable(): string {
  const { registry } = createMetrics();
  createReloadMetrics(registry);
  collectProcessMetrics(registry);
  const metrics = registry.getMetricsAsArray() as unknown as readonly Described[];
  return table(
    ['metric', 'type', 'labels', 'unit', 'meaning'],
    metrics.map((metric) => [
      `\`${metric.name}\``,
      metric.type,
      metric.labelNames.map((label) => `\`${label}\``).join(', '),
      metric.name.endsWith('_seconds') ? 'seconds' : '',
      metric.help,
    ]),
  );
}
