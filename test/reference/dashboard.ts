/**
 * The Grafana dashboard in `deploy/`, which `npm run docs` writes. It is built with Grafana's own SDK, which is generated from
 * the schema of dashboards, so that it cannot have a field that Grafana does not know.
 */
import * as common from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  RowBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

export const DASHBOARD_FILE = 'deploy/grafana-dashboard.json';

export interface PanelRow {
  readonly title: string;
  /** The question that the panel answers. */
  readonly about: string;
  readonly unit: 'reqps' | 's' | 'short' | 'percentunit' | 'bytes' | 'Bps';
  /** The queries with their legends. */
  readonly queries: readonly (readonly [expr: string, legend: string])[];
}

const BY_ROUTE = 'surface, route';

/** Returns a quantile of a histogram, by some labels. */
function quantile(share: number, metric: string, by: string): string {
  return `histogram_quantile(${share}, sum by (le, ${by}) (rate(${metric}_bucket[$__rate_interval])))`;
}

function rate(metric: string, by: string): string {
  return `sum by (${by}) (rate(${metric}[$__rate_interval]))`;
}

export const ROWS: Readonly<Record<string, readonly PanelRow[]>> = {
  Requests: [
    {
      title: 'Requests',
      about: 'How many requests each route gets.',
      unit: 'reqps',
      queries: [[rate('protogate_http_requests_total', BY_ROUTE), '{{route}}']],
    },
    {
      title: 'Failed requests',
      about: 'The share of 5xx answers, by who decided them: the gateway itself, or an upstream and the way to it.',
      unit: 'percentunit',
      queries: [
        [
          `sum by (source) (rate(protogate_http_requests_total{code=~"5.."}[$__rate_interval])) / ignoring (source) group_left sum(rate(protogate_http_requests_total[$__rate_interval]))`,
          '{{source}}',
        ],
      ],
    },
    {
      title: 'Statuses',
      about: 'Answers by HTTP status. 499: the client left before its answer.',
      unit: 'reqps',
      queries: [[rate('protogate_http_requests_total', 'code'), '{{code}}']],
    },
    {
      title: 'Duration, p99',
      about: 'Which route is slow.',
      unit: 's',
      queries: [[quantile(0.99, 'protogate_request_duration_seconds', BY_ROUTE), '{{route}}']],
    },
    {
      title: 'Own time of the gateway',
      about: 'What the gateway adds to the time of the upstreams.',
      unit: 's',
      queries: [
        [quantile(0.5, 'protogate_overhead_seconds', 'surface'), 'p50 {{surface}}'],
        [quantile(0.99, 'protogate_overhead_seconds', 'surface'), 'p99 {{surface}}'],
      ],
    },
    {
      title: 'Running requests and open streams',
      about: 'What the gateway works on now.',
      unit: 'short',
      queries: [
        ['sum(protogate_inflight_requests)', 'requests'],
        ['sum by (kind) (protogate_open_streams)', 'streams: {{kind}}'],
      ],
    },
    {
      title: 'Bytes',
      about: 'Bodies and messages from clients and for them.',
      unit: 'Bps',
      queries: [[rate('protogate_body_bytes_total', 'direction'), '{{direction}}']],
    },
  ],
  Upstreams: [
    {
      title: 'Calls, p99',
      about: 'Which upstream and which rpc is slow.',
      unit: 's',
      queries: [[quantile(0.99, 'protogate_upstream_duration_seconds', 'upstream, rpc'), '{{rpc}}']],
    },
    {
      title: 'Endpoints, p99',
      about: 'Which endpoint is slow.',
      unit: 's',
      queries: [[quantile(0.99, 'protogate_endpoint_duration_seconds', 'upstream, endpoint'), '{{endpoint}}']],
    },
    {
      title: 'Failed calls',
      about: 'Calls that did not end with OK, each try for itself.',
      unit: 'reqps',
      queries: [
        [
          'sum by (upstream, endpoint, grpc_code) (rate(protogate_endpoint_duration_seconds_count{grpc_code!="OK"}[$__rate_interval]))',
          '{{endpoint}} {{grpc_code}}',
        ],
      ],
    },
    {
      title: 'Retries, hedges and refused calls',
      about: 'Calls that were sent again, and calls that were not sent to protect an upstream.',
      unit: 'reqps',
      queries: [
        [rate('protogate_retries_total', 'upstream'), 'retries {{upstream}}'],
        [rate('protogate_hedges_total', 'upstream, winner'), 'hedges {{upstream}}, winner {{winner}}'],
        [rate('protogate_upstream_refused_total', 'upstream, reason'), '{{reason}} {{upstream}}'],
      ],
    },
    {
      title: 'Circuit breakers',
      about: '0 closed, 1 probing, 2 open.',
      unit: 'short',
      queries: [['max by (upstream, rpc) (protogate_circuit_state)', '{{rpc}}']],
    },
  ],
  'Refusals and limits': [
    {
      title: 'Errors of the gateway by reason',
      about: 'Who is refused, and why. The log has each request with its reason.',
      unit: 'reqps',
      queries: [[rate('protogate_errors_total', 'reason'), '{{reason}}']],
    },
    {
      title: 'Limits without room',
      about: 'Which limit is too low, or which client asks too much.',
      unit: 'reqps',
      queries: [[rate('protogate_ratelimit_exceeded_total', 'limit'), '{{limit}}']],
    },
    {
      title: 'Decisions of limits',
      about: 'Requests that limits admitted and refused.',
      unit: 'reqps',
      queries: [[rate('protogate_ratelimit_decisions_total', 'decision'), '{{decision}}']],
    },
    {
      title: 'Tokens',
      about: 'A token that was verified before costs little.',
      unit: 'reqps',
      queries: [[rate('protogate_tokens_verified_total', 'issuer, result'), '{{result}} {{issuer}}']],
    },
    {
      title: 'Shed',
      about: 'Requests and connections that were refused to protect the gateway.',
      unit: 'reqps',
      queries: [[rate('protogate_shed_total', 'reason'), '{{reason}}']],
    },
  ],
  'Cache and aggregates': [
    {
      title: 'Cache',
      about: 'Whether the cache is worth it: the share of requests that needed no call.',
      unit: 'percentunit',
      queries: [
        [
          'sum(rate(protogate_cache_requests_total{status=~"hit|stale"}[$__rate_interval])) / sum(rate(protogate_cache_requests_total[$__rate_interval]))',
          'answered without a call',
        ],
      ],
    },
    {
      title: 'Steps of aggregates, p99',
      about: 'Which step makes an aggregate slow.',
      unit: 's',
      queries: [
        [quantile(0.99, 'protogate_aggregate_part_duration_seconds', 'aggregate, part'), '{{aggregate}} {{part}}'],
      ],
    },
  ],
  Process: [
    {
      title: 'CPU',
      about: 'Cores in use, of all processes together.',
      unit: 'short',
      queries: [['sum(rate(process_cpu_seconds_total[$__rate_interval]))', 'cores']],
    },
    {
      title: 'Memory',
      about: 'Resident memory of all processes together.',
      unit: 'bytes',
      queries: [['sum(process_resident_memory_bytes)', 'resident']],
    },
    {
      title: 'Delay of the event loop',
      about: 'How late the process gets to its work.',
      unit: 's',
      queries: [
        ['max(nodejs_eventloop_lag_p99_seconds)', 'p99'],
        ['max(nodejs_eventloop_lag_max_seconds)', 'longest'],
      ],
    },
    {
      title: 'Lost log lines and spans',
      about: 'Lines that could not be written, and spans that could not be exported.',
      unit: 'short',
      queries: [
        ['sum(rate(protogate_log_dropped_total[$__rate_interval]))', 'lines'],
        ['sum(rate(protogate_trace_spans_total{outcome="failed"}[$__rate_interval])) or vector(0)', 'spans'],
      ],
    },
    {
      title: 'Reloads',
      about: '1 if the config and schema that were read last are served.',
      unit: 'short',
      queries: [['min(protogate_reload_success)', 'success']],
    },
    {
      title: 'Store',
      about: '1 while Redis is used, 0 while it counts as down. Without Redis it is 1.',
      unit: 'short',
      queries: [['min(protogate_store_up) or vector(1)', 'up']],
    },
  ],
};

/** Returns the dashboard as the text of its file. */
export function dashboardText(): string {
  const dashboard = new DashboardBuilder('protogate')
    .uid('protogate')
    .tags(['protogate'])
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'));
  for (const [title, panels] of Object.entries(ROWS)) {
    dashboard.withRow(new RowBuilder(title));
    for (const panel of panels) dashboard.withPanel(panelOf(panel));
  }
  return `${JSON.stringify(dashboard.build(), null, 2)}\n`;
}

function panelOf({ title, about, unit, queries }: PanelRow): PanelBuilder {
  const panel = new PanelBuilder()
    .title(title)
    .description(about)
    .unit(unit)
    .min(0)
    .height(8)
    .span(8)
    .datasource({ type: 'prometheus', uid: '$datasource' })
    .legend(new common.VizLegendOptionsBuilder().displayMode(common.LegendDisplayMode.List).showLegend(true));
  for (const [index, [expr, legend]] of queries.entries())
    panel.withTarget(
      new DataqueryBuilder()
        .expr(expr)
        .legendFormat(legend)
        .refId(String.fromCharCode(65 + index))
        .exemplar(true),
    );
  return panel;
}
