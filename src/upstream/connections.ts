/**
 * The connections to one endpoint, as a resource that all upstreams and snapshots with this endpoint share. With a maximum
 * age they are replaced from time to time: a load balancer between gateway and servers (L4) gets to choose a server again.
 */
import type { Clock } from '../base/clock.js';
import type { Resource } from '../base/resources.js';
import type { CallRequest, CallResponse } from '../call/call.js';
import { createGrpcJsTransport } from './grpc-js/transport.js';
import { createHttp2Transport } from './http2/transport.js';
import type { Transport, TransportFactory, TransportSettings, TransportState } from './transport.js';

const TRANSPORTS = { http2: createHttp2Transport, 'grpc-js': createGrpcJsTransport } satisfies Record<
  string,
  TransportFactory
>;

export type TransportName = keyof typeof TRANSPORTS;

/** How long running calls may take after the last upstream that used the connections is gone. */
const CLOSE_GRACE_MS = 30_000;
/** Connections that were opened together are not replaced together: each lives between 80 and 100 % of the maximum age. */
const JITTER = 0.2;
/** How often it is checked whether the last call of replaced connections has ended. */
const LOOK_MS = 1000;

export interface ConnectionsOptions {
  readonly clock: Clock;
  /** The maximum age in milliseconds. Undefined when connections may have any age. */
  readonly maxAgeMs: number | undefined;
  /** Returns a random number from 0 to below 1. */
  readonly random?: () => number;
}

/** A Transport whose connections have a maximum age. It connects on the first call. */
export class Connections implements Resource {
  private current: Transport;
  /** Replaced transports whose calls have not ended. */
  private readonly replaced = new Set<Transport>();
  private maxResponseBytes = 0;
  private cancelTimer: (() => void) | undefined;
  private cancelLook: (() => void) | undefined;
  private closing: Promise<void> | undefined;
  private readonly create: () => Transport;

  constructor(
    name: TransportName,
    settings: TransportSettings,
    private readonly options: ConnectionsOptions,
  ) {
    this.create = () => TRANSPORTS[name](settings, options.clock);
    this.current = this.create();
  }

  call(request: CallRequest, maxResponseBytes: number): Promise<CallResponse> {
    this.use(maxResponseBytes);
    return this.current.call(request, maxResponseBytes);
  }

  connect(maxResponseBytes: number): Promise<void> {
    this.use(maxResponseBytes);
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
    this.cancelTimer?.();
    this.cancelLook?.();
    this.closing ??= Promise.all(
      [this.current, ...this.replaced].map((transport) => transport.close(CLOSE_GRACE_MS)),
    ).then(() => {});
    return this.closing;
  }

  /** The age counts from the first use. */
  private use(maxResponseBytes: number): void {
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

  /** Connects anew, and uses the new connection only when it is there. */
  private async replace(): Promise<void> {
    const next = this.create();
    const before = this.current;
    try {
      await next.connect(this.maxResponseBytes);
    } catch {
      // The old connection goes on, and its age begins again with the next call.
      return void next.close(0);
    }
    if (this.closing !== undefined) return void next.close(0);
    this.current = next;
    this.replaced.add(before);
    this.look();
  }

  /** Closes replaced transports whose calls have ended. Streams may go on as long as they like. */
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
