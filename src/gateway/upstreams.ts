/**
 * This module opens the upstreams of a config. Resources with state survive a reload, and their keys contain everything that
 * they depend on: connections depend on the endpoint, the paths of the TLS files and the transport; a balancer depends on its
 * policy and on the same settings of all its targets. So a reload that changes only a time-out keeps all connections. The TLS
 * files are read again when they change.
 */
import type { Clock } from '../base/clock.js';
import { type Lease, type Resources, settingsKey } from '../base/resources.js';
import type { Config } from '../config/config.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { Balancer, type BalancerSettings } from '../upstream/balance/balancer.js';
import type { Lookup } from '../upstream/balance/lookup.js';
import { parseTarget } from '../upstream/target.js';
import { TlsFiles, type TlsPaths } from '../upstream/tls-files.js';
import type { Upstream } from '../upstream/upstream.js';
import { loggedEvents } from './upstream-events.js';

type UpstreamConfig = Config['upstreams'] extends Map<string, infer Settings> ? Settings : never;

export interface UpstreamOptions {
  readonly resources: Resources;
  readonly clock: Clock;
  readonly lookup: Lookup;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'servers'>;
}

/** Opens the upstreams. `maxResponseBytes` is the most bytes that a message of a server may have. */
export function acquireUpstreams(
  upstreams: Config['upstreams'],
  maxResponseBytes: number,
  lease: Lease,
  options: UpstreamOptions,
): ReadonlyMap<string, Upstream> {
  const { log, metrics } = options;
  const acquired = [...upstreams].map(([name, own]): [string, Upstream] => {
    const settings = balancerSettings(own, maxResponseBytes);
    const tls = own.tls && acquireTls(own.tls, lease, options);
    const balancer = lease.acquire(settingsKey(`balancer ${name}`, settings), () => {
      const closed = () => unfollow();
      const made = new Balancer(name, settings, { ...options, tls, events: { ...loggedEvents(name, log), closed } });
      const unfollow = metrics.servers.follow(name, () => made.all());
      return made;
    });
    return [
      name,
      {
        name,
        call: (request) => balancer.call(request),
        addresses: () => balancer.addresses(),
        report: () => balancer.report(),
        connect: (limitMs) => balancer.connect(limitMs),
      },
    ];
  });
  return new Map(acquired);
}

function balancerSettings(own: UpstreamConfig, maxResponseBytes: number): BalancerSettings {
  const { targets, loadBalancing, transport, tls, healthCheck, outlierDetection, panicThreshold } = own;
  const { slowStartMs, maxConnectionAgeMs } = own;
  return {
    targets: targets.map(({ address, ...rest }) => ({ ...rest, target: parseTarget(address) })),
    policy: loadBalancing,
    transport,
    tls,
    maxResponseBytes,
    health: healthCheck,
    ejection: outlierDetection,
    panicPercent: panicThreshold,
    slowStartMs,
    maxConnectionAgeMs,
  };
}

/** Returns the TLS files with these paths. Files that are already in use are checked for changes now. */
function acquireTls(paths: TlsPaths, lease: Lease, { log, clock }: UpstreamOptions): TlsFiles {
  const files = lease.acquire(settingsKey('tls files', paths), () => new TlsFiles(paths, log, clock));
  files.check();
  return files;
}
