/** An upstream: a named gRPC backend as a Call, and what it needs beside it. It has no state of its own. */
import type { Clock } from '../base/clock.js';
import type { Resource } from '../base/resources.js';
import type { Call } from '../call/call.js';
import { createGrpcJsTransport } from './grpc-js/transport.js';
import { createHttp2Transport } from './http2/pool.js';
import type { RetryBudget } from './retry.js';
import type { Transport, TransportFactory, TransportSettings, TransportState } from './transport.js';

export interface Upstream {
  readonly name: string;
  readonly call: Call;
  /** Calls that its connections have now. */
  readonly running: () => number;
  /** How many of them may be retries. */
  readonly retryBudget: RetryBudget;
  readonly state: () => TransportState;
}

const TRANSPORTS = { http2: createHttp2Transport, 'grpc-js': createGrpcJsTransport } satisfies Record<
  string,
  TransportFactory
>;

export type TransportName = keyof typeof TRANSPORTS;

/** For calls that still run when nobody holds the connections any more. */
const CLOSE_GRACE_MS = 30_000;

/** The connections to an endpoint; the first call connects. */
export class Connections implements Resource {
  private readonly transport: Transport;

  constructor(name: TransportName, settings: TransportSettings, clock: Clock) {
    this.transport = TRANSPORTS[name](settings, clock);
  }

  /** `maxResponseBytes`: the largest message that is taken. */
  upstream(name: string, retryBudget: RetryBudget, maxResponseBytes: number): Upstream {
    const transport = this.transport;
    return {
      name,
      call: (request) => transport.call(request, maxResponseBytes),
      running: () => transport.running(),
      retryBudget,
      state: () => transport.state(),
    };
  }

  /** Refuses new calls, waits for the running ones (bounded), then closes. */
  close(): Promise<void> {
    return this.transport.close(CLOSE_GRACE_MS);
  }
}
