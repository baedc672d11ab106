/**
 * The metrics of routes and calls. They are Resources: a reload keeps those that are still used. Those of a route or an
 * upstream that no longer exists disappear when the last snapshot with it is released.
 */
import type { Lease, Resource } from '../base/resources.js';
import type { EndpointMetrics, RpcMetrics } from '../telemetry/call-metrics.js';
import type { HeldCounter, HeldCounters } from '../telemetry/held-counters.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { RouteMetrics } from '../telemetry/request-metrics.js';

export interface Series {
  readonly route: (surface: string, route: string) => RouteMetrics;
  readonly rpc: (upstream: string, rpc: string) => RpcMetrics;
  readonly endpoints: (upstream: string) => EndpointMetrics;
  /** Returns the counter of the requests that have exceeded a limit. */
  readonly exceeded: (limit: string) => HeldCounter;
  /** Returns the counter of an issuer's tokens whose check had this result. */
  readonly tokens: (issuer: string, result: string) => HeldCounter;
  /** Returns the counter of the spans whose export had this outcome. */
  readonly spans: (outcome: 'exported' | 'failed') => HeldCounter;
}

type Families = Pick<Metrics, 'requests' | 'calls' | 'exceededLimits' | 'tokens' | 'spans'>;

export function leasedSeries({ requests, calls, exceededLimits, tokens, spans }: Families, lease: Lease): Series {
  const counted = (family: HeldCounters, labels: Readonly<Record<string, string>>) =>
    held(
      lease,
      Object.entries(labels).flat(),
      () => family.open(labels),
      (own) => family.close(own),
    );
  return {
    route: (surface, route) =>
      held(
        lease,
        ['route', surface, route],
        () => requests.open(surface, route),
        (own) => requests.close(own),
      ),
    rpc: (upstream, rpc) =>
      held(
        lease,
        ['rpc', upstream, rpc],
        () => calls.openRpc(upstream, rpc),
        (own) => calls.closeRpc(own),
      ),
    endpoints: (upstream) =>
      held(
        lease,
        ['endpoints', upstream],
        () => calls.openUpstream(upstream),
        (own) => calls.closeUpstream(own),
      ),
    exceeded: (limit) => counted(exceededLimits, { limit }),
    tokens: (issuer, result) => counted(tokens, { issuer, result }),
    spans: (outcome) => counted(spans, { outcome }),
  };
}

interface HeldSeries<Own> extends Resource {
  readonly series: Own;
}

function held<Own>(lease: Lease, key: readonly string[], open: () => Own, close: (own: Own) => void): Own {
  const { series } = lease.acquire(`series ${JSON.stringify(key)}`, (): HeldSeries<Own> => {
    const series = open();
    return { series, close: async () => close(series) };
  });
  return series;
}
