/**
 * The connections to one endpoint. All upstreams with this endpoint share them, also across reloads of the config. They are
 * replaced when their TLS files change. If there is a maximum age, they are also replaced when they reach it, so that a TCP
 * load balancer (L4) between gateway and servers can choose a server again.
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

/**
 * Loads the package that a transport needs. This is done at the start, because it takes a while, and no request should wait for
 * it.
 */
export function loadTransport(name: TransportName): void {
  if (name === 'grpc-js') grpcJs();
}

/** The milliseconds that running calls may still take after no upstream uses the connections any more. */
const CLOSE_GRACE_MS = 30_000;
/**
 * The largest share by which the maximum age is reduced at random: connections live for 80 to 100 % of it. So connections that
 * were opened together are not all replaced at the same time.
 */
const JITTER = 0.2;
/** The milliseconds after which a replacement that failed is tried again, if the TLS files have changed. */
const RENEW_AGAIN_MS = 30_000;
/** The milliseconds between two checks whether the last call on replaced connections has ended. */
const LOOK_MS = 1000;

export interface ConnectionsOptions {
  readonly clock: Clock;
  /** The content of the TLS files. Undefined for plaintext connections. */
  readonly tls?: TlsFiles | undefined;
  /** The maximum age in milliseconds. Undefined when connections may have any age. */
  readonly maxAgeMs: number | undefined;
  /** Returns a random number from 0 to below 1. */
  readonly random?: () => number;
}

/** A Transport that can replace its connections while calls are running. It connects on the first call. */
export class Connections implements Resource {
  private current: Transport;
  /** The replaced transports that still have running calls. */
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

  /** Refuses new calls, waits up to 30 s for running calls, and closes the connections. */
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

  /** Starts the timer for the maximum age, if it does not run. So the age is counted from the first use. */
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

  /**
   * Replaces the connections because the TLS files have changed. If the server refuses the new files, the old connections stay
   * in use, and another attempt follows.
   */
  private async renew(tls: TlsFiles): Promise<void> {
    this.cancelRenewal?.();
    if (this.closing !== undefined) return;
    // If there is no connection, none can be lost, so the next attempt to connect uses the new files at once.
    if (this.current.state() !== 'ready') return this.use(this.create());
    const failure = await this.replace();
    if (failure === undefined || this.closing !== undefined) return;
    tls.refused(failure.error);
    this.cancelRenewal = this.options.clock.after(RENEW_AGAIN_MS, () => void this.renew(tls));
  }

  /**
   * Opens a new connection, and uses it for new calls when it is established. Returns the error if that fails: then the old
   * connection stays in use, and its age is counted again from the next call.
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

  /**
   * Closes the replaced transports whose calls have all ended. The others are checked again later, so a stream may continue for
   * any time.
   */
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

/**
 * Returns the settings of a transport. `tls` is a getter, so that each new connection uses the present content of the files.
 */
function settingsOf(endpoint: Endpoint, tls: TlsFiles | undefined): TransportSettings {
  if (tls === undefined) return { endpoint };
  return {
    endpoint,
    get tls() {
      return tls.current();
    },
  };
}
