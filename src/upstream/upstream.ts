/**
 * An upstream is a named gRPC backend: its Call, and the state that health checks need. It has no state of its
 * own.
 */
import type { Clock } from '../base/clock.js';
import type { Resource } from '../base/resources.js';
import type { Call } from '../call/call.js';
import { createGrpcJsTransport } from './grpc-js/transport.js';
import { createHttp2Transport } from './http2/pool.js';
import type { Transport, TransportFactory, TransportSettings, TransportState } from './transport.js';

export interface Upstream {
  readonly name: string;
  readonly call: Call;
  readonly state: () => TransportState;
}

const TRANSPORTS = { http2: createHttp2Transport, 'grpc-js': createGrpcJsTransport } satisfies Record<
  string,
  TransportFactory
>;

export type TransportName = keyof typeof TRANSPORTS;

/** How long running calls may take after the last snapshot that used the connections is gone. */
const CLOSE_GRACE_MS = 30_000;

/** The connections to one endpoint. They connect on the first call. */
export class Connections implements Resource {
  private readonly transport: Transport;

  constructor(name: TransportName, settings: TransportSettings, clock: Clock) {
    this.transport = TRANSPORTS[name](settings, clock);
  }

  /** Returns the upstream that uses these connections. `maxResponseBytes` is the most bytes that a message from it may have. */
  upstream(name: string, maxResponseBytes: number): Upstream {
    const transport = this.transport;
    return {
      name,
      call: (request) => transport.call(request, maxResponseBytes),
      state: () => transport.state(),
    };
  }

  /** Refuses new calls, waits for running calls (for a limited time), then closes. */
  close(): Promise<void> {
    return this.transport.close(CLOSE_GRACE_MS);
  }
}
