/**
 * This module opens the upstreams of a config. Resources with state outlive a config, and their keys have all that they
 * depend on: the endpoint, the TLS files' content and the transport. So a reload that changes a time-out or a limit keeps all connections, and a reload that finds a
 * renewed certificate opens new ones.
 */
import { readFileSync } from 'node:fs';
import type { Clock } from '../base/clock.js';
import { type Lease, settingsKey } from '../base/resources.js';
import type { Config } from '../config/config.js';
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
    return [name, connections.upstream(name, config.limits.responseBytes)] as const;
  });
  return new Map(upstreams);
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
