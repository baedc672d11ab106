/** An upstream is a named gRPC backend: its Call, and what operators need to know. It has no state of its own. */
import type { Call } from '../call/call.js';
import type { TransportState } from './transport.js';

export interface Upstream {
  readonly name: string;
  readonly call: Call;
  /** Returns the best state that one of its endpoints has. */
  readonly state: () => TransportState;
  /** Returns the addresses of its endpoints, as log and metrics show them. */
  readonly addresses: () => ReadonlySet<string>;
}
