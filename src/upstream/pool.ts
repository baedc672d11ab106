/**
 * The connections of one transport. There is one connection, and another one if a call comes while the upstream accepts no more
 * streams on the others. After a failed attempt to connect, calls fail at once until the next attempt, and the time between
 * attempts grows.
 */
import { backOffMs } from '../base/back-off.js';
import { Bag } from '../base/bag.js';
import type { Clock } from '../base/clock.js';
import type { CallRequest, CallResponse } from '../call/call.js';
import { StatusError } from '../status/status-error.js';
import { Deadlines } from './deadlines.js';
import { cancelled, cutByClose, DeadlineExceeded, unreachable, upstreamClosed } from './failure.js';
import { followersOf } from './followers.js';
import type { Attempt, Rpc, RpcConnection, RpcSettings } from './rpc.js';
import { isTelling } from './silence.js';
import type { Transport, TransportState } from './transport.js';

/** The most connections of a pool. When all of them are full, calls wait until other calls have ended. */
const MAX_CONNECTIONS = 8;
const BACK_OFF = { firstMs: 200, longestMs: 10_000 };

/** The part of a connection that the pool uses. After a failure or a GOAWAY of a connection, the pool makes a new one. */
export interface PooledConnection extends RpcConnection {
  readonly state: 'connecting' | 'ready' | 'ended';
  readonly wasReady: boolean;
  /** The reason why the connection ended. Undefined while the connection is open. */
  readonly failure: unknown;
  /** True if a call waited for this connection until its deadline, and no byte came. Other calls then do not wait for it. */
  isLate: boolean;
  /** True if the connection accepts calls, now or when running calls have ended. */
  readonly isAlive: boolean;
  /** True if the connection accepts one more call now. */
  readonly hasRoom: boolean;
  /** Reports that another connection to the same endpoint is suspected to be dead. */
  suspectToo(): void;
  /** Sends GOAWAY and closes the connection. No call may be running. */
  close(): void;
  destroy(): void;
}

export interface ConnectionEvents<C> {
  /** Called when the connection may accept a call that waits, and once when it accepts no more calls. */
  readonly onChange: (connection: C) => void;
  /** Called when the connection is suspected to be dead because a call received nothing, and when it is found dead. */
  readonly onSilence: (connection: C) => void;
}

/** The functions that differ between the transports which use a pool. */
export interface Carrier<C extends PooledConnection, Prepared> {
  connect(events: ConnectionEvents<C>): C;
  /**
   * Returns the encoded headers of a call. They are valid only until the next call of this function. Throws a TypeError for
   * illegal metadata.
   */
  prepare(request: CallRequest): Prepared;
  /** Begins a call on a connection for which `hasRoom` is true. */
  begin(connection: C, attempt: Attempt, prepared: Prepared, settings: RpcSettings): Rpc;
}

/** Returns a transport that connects on the first call. */
export function createPool<C extends PooledConnection, Prepared>(
  carrier: Carrier<C, Prepared>,
  clock: Clock,
): Transport {
  const pool = new Pool(carrier, clock);
  return {
    call: (request, maxResponseBytes) => pool.call(request, maxResponseBytes),
    connect: () => pool.ready(),
    running: () => pool.running.size + pool.waiting.size,
    state: () => pool.state(),
    close: (graceMs) => pool.close(graceMs),
  };
}

class Pool<C extends PooledConnection, Prepared> {
  readonly running = new Bag<Rpc>();
  private readonly connections = new Set<C>();
  /** Functions that try to begin a waiting call again, in the order in which the calls came. */
  readonly waiting = new Set<() => void>();
  /** Functions that continue `ready()` when a connection has changed. */
  private readonly watching = new Set<() => void>();
  private readonly rpcs: RpcSettings;
  /** The number of attempts to connect that have failed in a row. */
  private failures = 0;
  /** Stops the timer of the next attempt to connect. Undefined when connecting is not delayed. */
  private cancelRetry: (() => void) | undefined;
  private lastFailure: unknown;
  private closing: Promise<void> | undefined;
  private idle: (() => void) | undefined;

  constructor(
    private readonly carrier: Carrier<C, Prepared>,
    private readonly clock: Clock,
  ) {
    this.rpcs = {
      clock,
      deadlines: new Deadlines(clock),
      again: (attempt) => this.try({ ...attempt, isFirst: false }),
      onEnd: (rpc) => {
        rpc.connection.release();
        this.running.remove(rpc.place);
        this.admit();
        if (this.running.size === 0) this.idle?.();
      },
    };
  }

  call(request: CallRequest, maxResponseBytes: number): Promise<CallResponse> {
    return this.try({ request, maxResponseBytes, isFirst: true });
  }

  private try(attempt: Attempt): Promise<CallResponse> {
    try {
      return this.begin(attempt);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  private begin(attempt: Attempt): Promise<CallResponse> {
    if (this.closing !== undefined) throw upstreamClosed();
    const { request } = attempt;
    const { signal, deadline } = request;
    if (followersOf(signal).isAborted) throw cancelled();
    if (deadline !== undefined && deadline.at <= this.clock.now()) throw new DeadlineExceeded(deadline.owner);
    const prepared = this.carrier.prepare(request); // this throws for illegal metadata, before anything has begun
    const connection = this.connection();
    if (connection instanceof StatusError) throw connection;
    if (connection === undefined) return this.wait(attempt);
    const rpc = this.carrier.begin(connection, attempt, prepared, this.rpcs);
    rpc.place = this.running.add(rpc);
    return rpc.response;
  }

  /**
   * Returns a connection that accepts a call. Returns undefined if the call must wait for one. Returns a StatusError if the
   * last attempt to connect has failed and the next one must not begin yet.
   */
  private connection(): C | StatusError | undefined {
    let isOneAlive = false;
    for (const connection of this.connections) {
      if (connection.hasRoom) return connection;
      if (connection.state === 'connecting' && !connection.isLate) return undefined;
      isOneAlive ||= connection.isAlive;
    }
    if (this.connections.size >= MAX_CONNECTIONS) return undefined;
    if (this.cancelRetry === undefined) this.connect();
    else if (!isOneAlive) return unreachable(this.lastFailure, true);
    return undefined;
  }

  private connect(): void {
    const made = this.carrier.connect({
      onChange: (connection) => {
        if (connection.wasReady) this.failures = 0;
        if (connection.state === 'ended') this.forget(connection);
        this.admit();
      },
      onSilence: (connection) => {
        for (const other of this.connections) if (other !== connection) other.suspectToo();
      },
    });
    this.connections.add(made);
  }

  private forget(connection: C): void {
    if (!this.connections.delete(connection) || connection.wasReady || this.closing !== undefined) return;
    this.lastFailure = connection.failure;
    const delayMs = backOffMs(BACK_OFF, this.failures++);
    // Waiting calls must be tried again when the next attempt may begin, even if no running call ends.
    this.cancelRetry = this.clock.after(delayMs * (0.8 + 0.4 * Math.random()), () => {
      this.cancelRetry = undefined;
      this.admit();
    });
  }

  /** Lets a call wait until a connection accepts it. Rejects when the call is cancelled or its deadline passes. */
  private wait(attempt: Attempt): Promise<CallResponse> {
    const { signal, deadline } = attempt.request;
    const { deadlines } = this.rpcs;
    const followers = followersOf(signal);
    const awaited = [...this.connections].find(({ state, isLate }) => state === 'connecting' && !isLate);
    const heardBefore = awaited?.bytesRead;
    const begunAt = this.clock.now();
    return new Promise((resolve) => {
      const again = () => {
        followers.remove(place);
        if (deadline !== undefined) deadlines.delete(waiting);
        this.waiting.delete(again);
        resolve(this.try(attempt));
      };
      const expire = () => {
        again();
        if (awaited === undefined || awaited.bytesRead !== heardBefore || !isTelling(deadline!, begunAt)) return;
        awaited.isLate = true;
        this.admit();
      };
      const waiting = { abort: again, expire, dueAt: 0, placeInSlot: -1 };
      const place = followers.add(waiting);
      if (deadline !== undefined) deadlines.add(deadline.at, waiting);
      this.waiting.add(again);
    });
  }

  /**
   * Resolves when there is a connection that accepts calls, even if it is full at the moment. Rejects with a StatusError if
   * none can be made.
   */
  async ready(): Promise<void> {
    if (this.closing !== undefined) throw upstreamClosed();
    if (this.isOneAlive()) return;
    const connection = this.connection();
    if (connection instanceof StatusError) throw connection;
    if (connection !== undefined) return;
    await new Promise<void>((resolve) => void this.watching.add(resolve));
    return this.ready();
  }

  private isOneAlive(): boolean {
    for (const { isAlive } of this.connections) if (isAlive) return true;
    return false;
  }

  /** Begins the waiting calls that a connection accepts, and fails those that cannot be sent any more. */
  private admit(): void {
    for (const again of this.watching) {
      this.watching.delete(again);
      again();
    }
    for (const again of this.waiting) {
      if (this.closing === undefined && this.connection() === undefined) return;
      again();
    }
  }

  state(): TransportState {
    if (this.closing !== undefined) return 'closed';
    if (this.isOneAlive()) return 'ready';
    if (this.failures > 0) return 'failing';
    return this.connections.size > 0 ? 'connecting' : 'idle';
  }

  close(graceMs: number): Promise<void> {
    this.closing ??= this.shutDown(graceMs);
    this.admit();
    return this.closing;
  }

  private async shutDown(graceMs: number): Promise<void> {
    this.cancelRetry?.();
    if (this.running.size > 0) {
      await new Promise<void>((resolve) => {
        const cancelTimer = this.clock.after(graceMs, resolve);
        this.idle = () => {
          cancelTimer();
          resolve();
        };
      });
      for (const rpc of this.running) rpc.abort(cutByClose());
    }
    for (const connection of this.connections) {
      if (connection.state === 'ready') connection.close();
      else connection.destroy();
    }
  }
}
