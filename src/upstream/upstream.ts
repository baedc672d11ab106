/** An upstream is a named gRPC backend: the function that calls it, and what operators need to know about it. */
import type { Call } from '../call/call.js';
import type { UpstreamReport } from './balance/balancer.js';

export interface Upstream {
  readonly name: string;
  readonly call: Call;
  /** Returns the addresses of its endpoints, in the form that logs and metrics show. */
  readonly addresses: () => ReadonlySet<string>;
  /** Returns the report on the upstream and its servers for operators. */
  readonly report: () => UpstreamReport;
  /**
   * Connects to all servers. Resolves when each has failed, or has a connection and the result of its first health check, and
   * after `limitMs` at the latest.
   */
  readonly connect: (limitMs: number) => Promise<void>;
}
