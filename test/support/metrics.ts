/** The metrics of a gateway as a scraper sees them. */
import type { RunningGateway } from '../../src/gateway/gateway.js';

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export async function metricsOf({ metrics }: Pick<RunningGateway, 'metrics'>): Promise<readonly Sample[]> {
  return parseMetrics(await metrics.registry.metrics());
}

/** Parses Prometheus' text format. Throws for a line that is none of it. */
export function parseMetrics(text: string): readonly Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const match = /^([a-z_0-9]+)(?:\{(.*)\})? (\S+)(?: # .*)?$/.exec(line);
      if (match === null) throw new Error(`expected a sample, got ${line}`);
      const [, name = '', labels = '', value] = match;
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, text]);
      return { name, labels: Object.fromEntries(pairs), value: Number(value) };
    });
}

/** Returns the value of the first sample that has all of `labels`. Undefined when there is none. */
export function sampleOf(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>>,
): number | undefined {
  return samples.find(
    (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  )?.value;
}
