/**
 * Writes metrics as a scraper wants them: in the text format of Prometheus, or as OpenMetrics, which alone can carry
 * exemplars. It takes values and not a registry, so that the values of several processes can be joined before.
 */
import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client';
import type { Exemplar } from './histogram.js';

export type MetricValues = Omit<MetricObjectWithValues<MetricValue<string>>, 'collect'>;

type Value = MetricValue<string> & { readonly metricName?: string; exemplar?: Exemplar };

export interface Exposition {
  readonly contentType: string;
  readonly text: string;
}

/** True if the scraper asks for OpenMetrics, as Prometheus does. */
export function wantsOpenMetrics(accept: string | undefined): boolean {
  return accept?.includes('application/openmetrics-text') === true;
}

/** Returns the values of all metrics of a process. */
export async function valuesOf(registry: Registry): Promise<readonly MetricValues[]> {
  return (await registry.getMetricsAsJSON()) as unknown as readonly MetricValues[];
}

export async function expose(metrics: readonly MetricValues[], openMetrics: boolean): Promise<Exposition> {
  const contentType = openMetrics ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE;
  const registry = new Registry() as Registry<never>;
  registry.setContentType(contentType as never);
  for (const metric of metrics) {
    // In OpenMetrics a counter is named without the suffix `_total` of its samples, and prom-client adds the suffix.
    const name = openMetrics && String(metric.type) === 'counter' ? metric.name.replace(/_total$/, '') : metric.name;
    const named = { ...metric, name };
    registry.registerMetric({ ...named, get: async () => named } as never);
  }
  return { contentType, text: await registry.metrics() };
}

/**
 * Joins the values of several processes, in the way that the aggregator of each metric says. Of the exemplars of one bucket,
 * only the latest is kept.
 */
export async function join(reports: readonly (readonly MetricValues[])[]): Promise<readonly MetricValues[]> {
  const exemplars = new Map<string, Exemplar>();
  for (const { values } of reports.flat()) {
    for (const value of values as Value[]) {
      const { exemplar } = value;
      if (exemplar == null) continue;
      const known = exemplars.get(keyOf(value));
      if (known === undefined || known.timestamp < exemplar.timestamp) exemplars.set(keyOf(value), exemplar);
    }
  }
  const joined = await AggregatorRegistry.aggregate(reports as MetricValues[][]).getMetricsAsJSON();
  for (const { values } of joined as unknown as readonly MetricValues[]) {
    for (const value of values as Value[]) {
      const exemplar = exemplars.get(keyOf(value));
      if (exemplar !== undefined) value.exemplar = exemplar;
    }
  }
  return joined as unknown as readonly MetricValues[];
}

function keyOf({ metricName, labels }: Value): string {
  return `${metricName} ${JSON.stringify(Object.entries(labels).sort())}`;
}
