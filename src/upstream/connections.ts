/** The connections to one endpoint. They are shared by all upstreams and snapshots that use the endpoint. */
import type { Clock } from '../base/clock.js';
import type { Resource } from '../base/resources.js';
import { createGrpcJsTransport } from './grpc-js/transport.js';
import { createHttp2Transport } from './http2/transport.js';
import { createLeanTransport } from './lean/transport.js';
import type { Transport, TransportFactory, TransportSettings } from './transport.js';

const TRANSPORTS = {
  lean: createLeanTransport,
  http2: createHttp2Transport,
  'grpc-js': createGrpcJsTransport,
} satisfies Record<string, TransportFactory>;

export type TransportName = keyof typeof TRANSPORTS;

/** How long running calls may take after the last upstream that used the connections is gone. */
const CLOSE_GRACE_MS = 30_000;

/** A transport as a resource. It connects on the first call. */
export class Connections implements Resource {
  readonly transport: Transport;

  constructor(name: TransportName, settings: TransportSettings, clock: Clock) {
    this.transport = TRANSPORTS[name](settings, clock);
  }

  /** Refuses new calls, waits for running calls (for a limited time), then closes. */
  close(): Promise<void> {
    return this.transport.close(CLOSE_GRACE_MS);
  }
}
