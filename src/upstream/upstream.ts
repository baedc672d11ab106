/** An upstream is a named gRPC backend: its Call, and what operators need to know. It has no state of its own. */
import type { Call } from '../call/call.js';
import type { UpstreamReport } from './balance/balancer.js';

export interface Upstream {
  readonly name: string;
  readonly call: Call;
  /** Returns the addresses of its endpoints, as log and metrics show them. */
  readonly addresses: () => ReadonlySet<string>;
  /** Returns what operators see of its servers. */
  readonly report: () => UpstreamReport;
  /** Connects to all servers. Resolves when each has a connection or has failed, at the latest after `limitMs`. */
  readonly connect: (limitMs: number) => Promise<void>;
}
