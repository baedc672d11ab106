/**
 * This module opens the upstreams of a config. Resources with state outlive a config, and their keys have all that they
 * depend on: connections depend on the endpoint, the TLS files' content and the transport, a balancer on those of all its
 * targets and on its policy. So a reload that changes a time-out keeps all
 * connections, and a reload that finds a renewed certificate opens new ones.
 */
import { readFileSync } from 'node:fs';
import type { Clock } from '../base/clock.js';
import { type Lease, type Resources, settingsKey } from '../base/resources.js';
import type { Config } from '../config/config.js';
import { Balancer } from '../upstream/balance/balancer.js';
import type { Lookup } from '../upstream/balance/lookup.js';
import { parseTarget } from '../upstream/target.js';
import type { TlsSettings } from '../upstream/transport.js';
import type { Upstream } from '../upstream/upstream.js';

type UpstreamConfig = Config['upstreams'] extends Map<string, infer Settings> ? Settings : never;

export interface UpstreamOptions {
  readonly resources: Resources;
  readonly clock: Clock;
  readonly lookup: Lookup;
}

export function acquireUpstreams(
  { upstreams, limits }: Config,
  lease: Lease,
  options: UpstreamOptions,
): ReadonlyMap<string, Upstream> {
  const acquired = [...upstreams].map(([name, { targets, loadBalancing, transport, tls }]): [string, Upstream] => {
    const settings = {
      targets: targets.map(({ address, ...rest }) => ({ ...rest, target: parseTarget(address) })),
      policy: loadBalancing,
      transport,
      maxResponseBytes: limits.responseBytes,
      ...(tls === undefined ? {} : { tls: materialOf(tls) }),
    };
    const balancer = lease.acquire(
      settingsKey(`balancer ${name}`, settings),
      () => new Balancer(name, settings, options),
    );
    return [
      name,
      {
        name,
        call: (request) => balancer.call(request),
        state: () => balancer.state(),
        addresses: () => balancer.addresses(),
      },
    ];
  });
  return new Map(acquired);
}

/** Reads the TLS files. A reload reads them again. */
function materialOf({ ca, cert, key, serverName }: NonNullable<UpstreamConfig['tls']>): TlsSettings {
  return {
    ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
    ...(cert === undefined ? {} : { cert: readFileSync(cert) }),
    ...(key === undefined ? {} : { key: readFileSync(key) }),
    ...(serverName === undefined ? {} : { serverName }),
  };
}
