/**
 * An upstream: a named gRPC backend as a Call. Settings in, one Call out; the connections stand behind it and live as
 * long as the upstream does.
 */
import type { Clock } from '../base/clock.js';
import { systemClock } from '../base/clock.js';
import type { Call } from '../call/call.js';
import { createGrpcJsTransport } from './grpc-js/transport.js';
import { createHttp2Transport } from './http2/pool.js';
import { RetryBudget } from './retry.js';
import { endpointOf } from './target.js';
import type { TlsSettings, TransportFactory, TransportState } from './transport.js';

export interface UpstreamSettings {
  readonly name: string;
  /** `host:port`, `dns:///host:port`, `unix:/path`. */
  readonly target: string;
  /** Which services it serves: `shop.v1.Orders`, `billing.v1.*` (sub-packages too), `*`. */
  readonly services: readonly string[];
  /** PEM files' contents; absent: plaintext. */
  readonly tls?: TlsSettings;
  /** Default `http2`. */
  readonly transport?: TransportName;
}

export interface UpstreamOptions {
  /** Largest message that is taken from the upstream. Default 64 MiB. */
  readonly maxResponseBytes?: number;
  /** How long `close` waits for running calls, in milliseconds. Default 30 s. */
  readonly closeGraceMs?: number;
  readonly clock?: Clock;
}

export interface Upstream {
  readonly name: string;
  readonly call: Call;
  /** Of its retries. */
  readonly retryBudget: RetryBudget;
  state(): TransportState;
  /** Refuses new calls, waits for the running ones (bounded), then closes the connections. */
  close(): Promise<void>;
}

const TRANSPORTS = { http2: createHttp2Transport, 'grpc-js': createGrpcJsTransport } satisfies Record<
  string,
  TransportFactory
>;

type TransportName = keyof typeof TRANSPORTS;

/** Makes an upstream; the first call connects. */
export function createUpstream(settings: UpstreamSettings, options: UpstreamOptions = {}): Upstream {
  const { maxResponseBytes = 64 * 1024 * 1024, closeGraceMs = 30_000, clock = systemClock } = options;
  const { name, target, tls } = settings;
  const transport = TRANSPORTS[settings.transport ?? 'http2'](
    { endpoint: endpointOf(target), maxResponseBytes, ...(tls === undefined ? {} : { tls }) },
    clock,
  );
  return {
    name,
    call: transport.call,
    retryBudget: new RetryBudget(() => transport.running()),
    state: () => transport.state(),
    close: () => transport.close(closeGraceMs),
  };
}
