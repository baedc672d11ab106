/**
 * The connections of one transport. There is one, and there are more if the upstream allows no more streams on it; each is
 * made when a call needs it. While connecting fails, calls fail at once, and each attempt waits a little longer than the
 * one before.
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

/** The most connections. When all are full, calls wait until another call has ended. */
const MAX_CONNECTIONS = 8;
const BACK_OFF = { firstMs: 200, longestMs: 10_000 };

/** The part of a connection that the pool needs. It connects once: after a failure or a GOAWAY, the pool makes another one. */
export interface PooledConnection extends RpcConnection {
  readonly state: 'connecting' | 'ready' | 'ended';
  readonly wasReady: boolean;
  /** The reason why the connection ended. Undefined while the connection is open. */
  readonly failure: unknown;
  /** True when a call has waited for this connection until its deadline and not a byte came: other calls do not wait for it. */
  isLate: boolean;
  /** True if the connection takes calls, now or when running calls have ended. */
  readonly isAlive: boolean;
  /** True if the connection takes one more call. */
  readonly hasRoom: boolean;
  /** Reports that another connection to the same endpoint is suspected. */
  suspectToo(): void;
  /** Sends GOAWAY and closes. No call may be running. */
  close(): void;
  destroy(): void;
}

export interface ConnectionEvents<C> {
  /** Called when the connection may have room for a call, and once when it takes no more calls. */
  readonly onChange: (connection: C) => void;
  /** Called when the connection is checked because a call received nothing, and when it is found dead. */
  readonly onSilence: (connection: C) => void;
}

/** The part of a pool that differs between the transports. */
export interface Carrier<C extends PooledConnection, Prepared> {
  connect(events: ConnectionEvents<C>): C;
  /** Makes the headers of a call. They are used at once or not at all. Throws a TypeError for illegal metadata. */
  prepare(request: CallRequest): Prepared;
  /** Begins a call on a connection that has room. */
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
  /** Functions that begin the calls for which no connection has room, in the order of the calls. */
  readonly waiting = new Set<() => void>();
  /** Functions that look again whether there is a connection. */
  private readonly watching = new Set<() => void>();
  private readonly rpcs: RpcSettings;
  /** The number of attempts to connect that have failed in a row. */
  private failures = 0;
  /** Stops the timer of the next attempt; undefined when no attempt is delayed. */
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
   * Returns a connection with room for a call. Returns undefined if the call must wait for one, and a StatusError if none
   * can be made before the next attempt is due.
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
    // Waiting calls must begin when the attempt is due, even if no running call ends.
    this.cancelRetry = this.clock.after(delayMs * (0.8 + 0.4 * Math.random()), () => {
      this.cancelRetry = undefined;
      this.admit();
    });
  }

  /** Waits until a connection has room, or until the call is cancelled or its deadline passes. */
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

  /** Resolves when a connection takes calls, even if all of its room is taken at the moment. */
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

  /** Begins the waiting calls for which there is room, and fails those that need not wait longer. */
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
