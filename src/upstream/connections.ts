/**
 * The connections to one endpoint. They are a resource that all upstreams and snapshots with this endpoint share. They
 * are replaced when their TLS files change. With a maximum age they are also replaced when they are old, so that a load
 * balancer between gateway and servers (L4) can choose a server again.
 */
import type { Clock } from '../base/clock.js';
import type { Resource } from '../base/resources.js';
import type { CallRequest, CallResponse } from '../call/call.js';
import type { Endpoint } from './endpoint.js';
import { grpcJs } from './grpc-js/package.js';
import { createGrpcJsTransport } from './grpc-js/transport.js';
import { createHttp2Transport } from './http2/transport.js';
import { createLeanTransport } from './lean/transport.js';
import type { TlsFiles } from './tls-files.js';
import type { Transport, TransportFactory, TransportSettings, TransportState } from './transport.js';

const TRANSPORTS = {
  lean: createLeanTransport,
  http2: createHttp2Transport,
  'grpc-js': createGrpcJsTransport,
} satisfies Record<string, TransportFactory>;

export type TransportName = keyof typeof TRANSPORTS;

/** Loads the package that a transport needs, which takes a while, so that no request waits for it. */
export function loadTransport(name: TransportName): void {
  if (name === 'grpc-js') grpcJs();
}

/** The time that running calls may take after the last upstream that used the connections was removed. */
const CLOSE_GRACE_MS = 30_000;
/** Connections that were opened together are not replaced together: each connection has a random age limit of 80 to 100 % of the maximum. */
const JITTER = 0.2;
/** The time after a failure until connections whose TLS files have changed are replaced again. */
const RENEW_AGAIN_MS = 30_000;
/** The time between two checks whether the last call of replaced connections has ended. */
const LOOK_MS = 1000;

export interface ConnectionsOptions {
  readonly clock: Clock;
  /** The TLS files. Undefined when the connections are plaintext. */
  readonly tls?: TlsFiles | undefined;
  /** The maximum age in milliseconds. Undefined when connections may have any age. */
  readonly maxAgeMs: number | undefined;
  /** Returns a random number from 0 to below 1. */
  readonly random?: () => number;
}

/** A Transport whose connections are replaced while calls go on. It connects on the first call. */
export class Connections implements Resource {
  private current: Transport;
  /** Replaced transports whose calls have not ended. */
  private readonly replaced = new Set<Transport>();
  private maxResponseBytes = 0;
  private cancelTimer: (() => void) | undefined;
  private cancelLook: (() => void) | undefined;
  private closing: Promise<void> | undefined;
  private cancelRenewal: (() => void) | undefined;
  private readonly unfollow: (() => void) | undefined;
  private readonly create: () => Transport;

  constructor(
    name: TransportName,
    endpoint: Endpoint,
    private readonly options: ConnectionsOptions,
  ) {
    const { clock, tls } = options;
    this.create = () => TRANSPORTS[name](settingsOf(endpoint, tls), clock);
    this.current = this.create();
    this.unfollow = tls?.follow(() => void this.renew(tls));
  }

  call(request: CallRequest, maxResponseBytes: number): Promise<CallResponse> {
    this.begin(maxResponseBytes);
    return this.current.call(request, maxResponseBytes);
  }

  connect(maxResponseBytes: number): Promise<void> {
    this.begin(maxResponseBytes);
    return this.current.connect(maxResponseBytes);
  }

  state(): TransportState {
    return this.current.state();
  }

  running(): number {
    let running = this.current.running();
    for (const transport of this.replaced) running += transport.running();
    return running;
  }

  /** Refuses new calls, waits for running calls (for a limited time), then closes. */
  close(): Promise<void> {
    this.unfollow?.();
    this.cancelTimer?.();
    this.cancelLook?.();
    this.cancelRenewal?.();
    this.closing ??= Promise.all(
      [this.current, ...this.replaced].map((transport) => transport.close(CLOSE_GRACE_MS)),
    ).then(() => {});
    return this.closing;
  }

  /** Starts to count the age, which begins with the first use. */
  private begin(maxResponseBytes: number): void {
    this.maxResponseBytes = maxResponseBytes;
    if (this.cancelTimer === undefined && this.options.maxAgeMs !== undefined) this.age(this.options.maxAgeMs);
  }

  private age(maxAgeMs: number): void {
    const { clock, random = Math.random } = this.options;
    this.cancelTimer = clock.after(maxAgeMs * (1 - JITTER * random()), () => {
      this.cancelTimer = undefined;
      if (this.current.state() === 'ready') void this.replace();
    });
  }

  /** Replaces the connections after a change of the TLS files. */
  private async renew(tls: TlsFiles): Promise<void> {
    this.cancelRenewal?.();
    if (this.closing !== undefined) return;
    // Without a connection nothing is lost, and the next attempt should use the new files.
    if (this.current.state() !== 'ready') return this.use(this.create());
    const failure = await this.replace();
    if (failure === undefined || this.closing !== undefined) return;
    tls.refused(failure.error);
    this.cancelRenewal = this.options.clock.after(RENEW_AGAIN_MS, () => void this.renew(tls));
  }

  /**
   * Opens a new connection, and uses it when it is established. Returns the error if that fails: then the old connection stays
   * in use, and its age begins again with the next call.
   */
  private async replace(): Promise<{ readonly error: unknown } | undefined> {
    const next = this.create();
    try {
      await next.connect(this.maxResponseBytes);
    } catch (error) {
      void next.close(0);
      return { error };
    }
    if (this.closing === undefined) this.use(next);
    else void next.close(0);
    return undefined;
  }

  private use(next: Transport): void {
    this.replaced.add(this.current);
    this.current = next;
    this.look();
  }

  /** Closes replaced transports whose calls have ended. Streams may continue for any time. */
  private look(): void {
    for (const transport of this.replaced) {
      if (transport.running() > 0) continue;
      this.replaced.delete(transport);
      void transport.close(0);
    }
    this.cancelLook?.();
    this.cancelLook = this.replaced.size === 0 ? undefined : this.options.clock.after(LOOK_MS, () => this.look());
  }
}

/** The TLS settings are read for each new connection, because the files may change. */
function settingsOf(endpoint: Endpoint, tls: TlsFiles | undefined): TransportSettings {
  if (tls === undefined) return { endpoint };
  return {
    endpoint,
    get tls() {
      return tls.current();
    },
  };
}
