/** This module logs changes of the servers of an upstream, one entry for each change. */
import type { Log } from '../telemetry/log.js';
import type { BalancerEvents } from '../upstream/balance/balancer.js';
import type { Change } from '../upstream/balance/member.js';
import { reasonOf } from '../upstream/outcome.js';

export function loggedEvents(upstream: string, log: Log): Omit<BalancerEvents, 'closed'> {
  return {
    memberChanged: (server, change) => logChange(upstream, server, change, log),
    addressesChanged: (added, removed) =>
      log.info({ upstream, added, removed }, 'the addresses of an upstream have changed'),
    lookupFailed: (lookup, error) =>
      log.warn({ upstream, lookup, reason: reasonOf(error) }, 'the name of an upstream cannot be looked up'),
    lookupWorks: (lookup) => log.info({ upstream, lookup }, 'the name of an upstream can be looked up again'),
    panicChanged: (isPanic) =>
      isPanic
        ? log.warn({ upstream }, 'most servers of an upstream are unhealthy or ejected: all are used again')
        : log.info({ upstream }, 'enough servers of an upstream are healthy: the others are left out again'),
  };
}

function logChange(upstream: string, server: string, change: Change, log: Log): void {
  const fields = { upstream, server };
  switch (change.kind) {
    case 'unreachable':
      return log.warn({ ...fields, reason: change.reason }, 'a server of an upstream cannot be reached');
    case 'reachable':
      return log.info(fields, 'a server of an upstream can be reached again');
    case 'unhealthy':
      return log.warn({ ...fields, reason: change.reason }, 'a server of an upstream is unhealthy');
    case 'healthy':
      return log.info(fields, 'a server of an upstream is healthy again');
    case 'without health':
      return log.info(fields, 'a server of an upstream has no health service and counts as healthy');
    case 'ejected': {
      const { reason, forMs } = change;
      return log.warn({ ...fields, reason, forMs }, 'a server of an upstream is ejected');
    }
    case 'returned':
      return log.info(fields, 'a server of an upstream is used again after its ejection');
  }
}
