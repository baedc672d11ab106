/** A member is an endpoint of an upstream with its connections, and with what is known about it. */
import type { Clock } from '../../base/clock.js';
import { addressOf, type Endpoint } from '../endpoint.js';
import type { Transport } from '../transport.js';

/** How long no attempt to connect is made after one has failed. The transport itself waits longer after several failures. */
const REST_MS = 100;

export class Member {
  readonly address: string;
  private connecting: Promise<void> | undefined;
  /** When the next attempt may be made, on the monotonic clock. */
  private restsUntil = 0;

  constructor(
    readonly endpoint: Endpoint,
    readonly transport: Transport,
    private readonly clock: Clock,
    private readonly maxResponseBytes: number,
  ) {
    this.address = addressOf(endpoint);
  }

  get isReady(): boolean {
    return this.transport.state() === 'ready';
  }

  /** True if the last attempt to connect has failed. */
  get isFailing(): boolean {
    const state = this.transport.state();
    return state === 'failing' || state === 'closed';
  }

  /** Connects in the background, so that later calls find a connection. */
  prepare(): void {
    if (this.connecting === undefined && this.clock.monotonic() >= this.restsUntil) void this.connect().catch(() => {});
  }

  /** Resolves when there is a connection. Rejects with a StatusError when the attempt fails. */
  connect(): Promise<void> {
    this.connecting ??= this.transport.connect(this.maxResponseBytes).then(
      () => {
        this.connecting = undefined;
      },
      (error: unknown) => {
        this.connecting = undefined;
        this.restsUntil = this.clock.monotonic() + REST_MS;
        throw error;
      },
    );
    return this.connecting;
  }
}
