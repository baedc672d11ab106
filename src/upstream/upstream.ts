/** An upstream is a named gRPC backend: its Call, and what retries and operators need to know. It has no state of its own. */
import type { Call } from '../call/call.js';
import type { RetryBudget } from './retry.js';
import type { TransportState } from './transport.js';

export interface Upstream {
  readonly name: string;
  readonly call: Call;
  /** Returns the number of calls that run on its connections. */
  readonly running: () => number;
  /** The budget that decides how many running calls may be retries. */
  readonly retryBudget: RetryBudget;
  /** Returns the best state that one of its endpoints has. */
  readonly state: () => TransportState;
}
