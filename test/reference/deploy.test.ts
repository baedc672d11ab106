/** Each metric that `deploy/` uses exists in the code, with these labels. `npm run observe` asks a real Prometheus. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { createMetrics, createReloadMetrics } from '../../src/telemetry/metrics.js';
import { collectProcessMetrics } from '../../src/telemetry/process-metrics.js';
import { ROOT } from '../support/run.js';
import { DASHBOARD_FILE, dashboardText, ROWS } from './dashboard.js';

interface Known {
  readonly name: string;
  readonly type: string;
  readonly labelNames: readonly string[];
}

function knownMetrics(): ReadonlyMap<string, readonly string[]> {
  const { registry } = createMetrics();
  createReloadMetrics(registry);
  collectProcessMetrics(registry);
  const all = registry.getMetricsAsArray() as unknown as readonly Known[];
  return new Map(
    all.flatMap(({ name, type, labelNames }): [string, readonly string[]][] =>
      type === 'histogram'
        ? [
            [`${name}_bucket`, [...labelNames, 'le']],
            [`${name}_count`, labelNames],
          ]
        : [[name, labelNames]],
    ),
  );
}

/** Returns the metrics and labels of a query that do not exist. */
function unknownIn(query: string): readonly string[] {
  const known = knownMetrics();
  const names = [...query.matchAll(/\b(?:protogate|process|nodejs)_\w+/g)].map(([name]) => name);
  if (names.length === 0) return [`no metric in ${query}`];
  const labels = new Set(names.flatMap((name) => known.get(name) ?? []));
  const used = [...query.matchAll(/by \(([^)]*)\)|(\w+)(?:=~|!=|=)"/g)].flatMap(([, by, label]) =>
    by === undefined ? [label!] : by.split(',').map((one) => one.trim()),
  );
  return [...names.filter((name) => !known.has(name)), ...used.filter((label) => !labels.has(label))];
}

test('the dashboard is up to date', async (t) => {
  t.true((await readFile(join(ROOT, DASHBOARD_FILE), 'utf8')) === dashboardText(), 'run npm run docs');
});

test('each query of the dashboard names metrics and labels that exist', (t) => {
  for (const { title, queries } of Object.values(ROWS).flat())
    for (const [expr] of queries) t.deepEqual(unknownIn(expr), [], title);
  t.deepEqual(unknownIn('sum by (path) (protogate_nothing{code="1"})'), ['protogate_nothing', 'path', 'code']);
});

test('each alert names metrics and labels that exist, and says what it means', async (t) => {
  const { groups } = parse(await readFile(join(ROOT, 'deploy/prometheus-alerts.yaml'), 'utf8')) as {
    groups: {
      rules: { alert: string; expr: string; annotations: { summary: string }; labels: { severity: string } }[];
    }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  t.true(rules.length >= 9);
  for (const { alert, expr, annotations, labels } of rules) {
    t.deepEqual(unknownIn(expr), [], alert);
    t.true(annotations.summary.length > 20, alert);
    t.regex(labels.severity, /^(?:warning|critical)$/);
  }
});
