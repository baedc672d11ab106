/**
 * The upstreams of a config. What has state outlives a config, and is keyed by what it depends on: connections by endpoint,
 * TLS material and transport, the budget of retries by the upstream's name. So a reload that changes a time-out or a limit
 * keeps every connection, and one that finds a renewed certificate makes new ones.
 */
import { readFileSync } from 'node:fs';
import type { Clock } from '../base/clock.js';
import { type Lease, settingsKey } from '../base/resources.js';
import type { Config } from '../config/config.js';
import { RetryBudget } from '../upstream/retry.js';
import { endpointOf } from '../upstream/target.js';
import type { TlsSettings } from '../upstream/transport.js';
import { Connections, type Upstream } from '../upstream/upstream.js';

type UpstreamConfig = Config['upstreams'] extends Map<string, infer Settings> ? Settings : never;

export function acquireUpstreams(config: Config, lease: Lease, clock: Clock): ReadonlyMap<string, Upstream> {
  const upstreams = [...config.upstreams].map(([name, { target, transport, tls }]) => {
    const settings = { endpoint: endpointOf(target), ...(tls === undefined ? {} : { tls: materialOf(tls) }) };
    const connections = lease.acquire(
      settingsKey('connections', [transport, settings]),
      () => new Connections(transport, settings, clock),
    );
    const budget = lease.acquire(`retry-budget ${name}`, () => new RetryBudget());
    return [name, connections.upstream(name, budget, config.limits.responseBytes)] as const;
  });
  return new Map(upstreams);
}

/** What the files hold now: a reload reads them anew. */
function materialOf({ ca, cert, key, serverName }: NonNullable<UpstreamConfig['tls']>): TlsSettings {
  return {
    ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
    ...(cert === undefined ? {} : { cert: readFileSync(cert) }),
    ...(key === undefined ? {} : { key: readFileSync(key) }),
    ...(serverName === undefined ? {} : { serverName }),
  };
}
