/**
 * A Transport over `node:http2`: one connection, more when the upstream allows no more streams on it, each made when a
 * call needs it. While connecting fails, calls fail at once, and the next attempt waits a little longer each time.
 */
import type { OutgoingHttpHeaders } from 'node:http2';
import type { Clock } from '../base/clock.js';
import type { Call, CallRequest, CallResponse } from '../call/call.js';
import { cancelled, deadlineExceeded, unreachable, upstreamClosed } from './failure.js';
import { Connection } from './http2/connection.js';
import { Deadlines } from './http2/deadlines.js';
import { Http2Rpc, type RpcSettings, requestHeaders } from './http2/rpc.js';
import type { Transport, TransportSettings, TransportState } from './transport.js';

/** Beyond these, calls wait for a stream on one of them. */
const MAX_CONNECTIONS = 8;
const BACK_OFF = { firstMs: 200, longestMs: 10_000 };

/** Opens nothing yet: the first call connects. */
export function createHttp2Transport(settings: TransportSettings, clock: Clock): Transport {
  const pool = new Pool(settings, clock);
  return {
    call: pool.call,
    running: () => pool.running.size,
    state: () => pool.state(),
    close: (graceMs) => pool.close(graceMs),
  };
}

class Pool {
  readonly running = new Set<Http2Rpc>();
  readonly #connections: Connection[] = [];
  readonly #address: ReturnType<typeof addressOf>;
  readonly #headersOf: ReturnType<typeof requestHeaders>;
  readonly #rpcs: RpcSettings;
  /** Attempts that failed one after the other. */
  #failures = 0;
  #retryAt = 0;
  #lastFailure: unknown;
  #closing: Promise<void> | undefined;
  #idle: (() => void) | undefined;

  constructor(
    private readonly settings: TransportSettings,
    private readonly clock: Clock,
  ) {
    this.#address = addressOf(settings.target);
    const scheme = settings.tls === undefined ? 'http' : 'https';
    this.#rpcs = {
      maxResponseBytes: settings.maxResponseBytes,
      clock,
      deadlines: new Deadlines(clock),
      again: async (request) => this.#begin(request, false),
      onEnd: (rpc) => {
        rpc.connection.running--;
        this.running.delete(rpc);
        if (this.running.size === 0) this.#idle?.();
      },
    };
    this.#headersOf = requestHeaders(scheme, settings.tls?.serverName ?? authorityOf(this.#address), clock);
  }

  readonly call: Call = (request) => {
    try {
      return this.#begin(request, true);
    } catch (error) {
      return Promise.reject(error);
    }
  };

  #begin(request: CallRequest, isFirst: boolean): Promise<CallResponse> {
    if (this.#closing !== undefined) throw upstreamClosed();
    const { signal, deadline } = request;
    if (signal.aborted) throw cancelled();
    if (deadline !== undefined && deadline <= this.clock.now()) throw deadlineExceeded();
    const headers = this.#headersOf(request); // throws for what is illegal, before anything is begun
    const connection = this.#connection();
    if (connection.state === 'ready') return this.#start(connection, request, headers, isFirst);
    return this.#whenConnected(connection, request).then(() => this.#start(connection, request, headers, isFirst));
  }

  #start(
    connection: Connection,
    request: CallRequest,
    headers: OutgoingHttpHeaders,
    isFirst: boolean,
  ): Promise<CallResponse> {
    if (connection.session.destroyed || connection.session.closed) throw unreachable(connection.failure, true);
    connection.running++;
    const rpc = new Http2Rpc(
      connection,
      request,
      headers,
      this.#rpcs,
      isFirst && request.message instanceof Uint8Array,
    );
    this.running.add(rpc);
    return rpc.response;
  }

  /** One that takes calls, or is about to. Throws while the next attempt is not due. */
  #connection(): Connection {
    for (const connection of this.#connections)
      if (connection.state !== 'ended' && connection.hasRoom) return connection;
    const usable = this.#connections.filter(({ state }) => state !== 'ended');
    if (usable.length >= MAX_CONNECTIONS) return usable.reduce((a, b) => (b.running < a.running ? b : a));
    if (this.clock.monotonic() < this.#retryAt) throw unreachable(this.#lastFailure, true);
    const { tls } = this.settings;
    const made = new Connection({ address: this.#address, tls, clock: this.clock }, (connection, wasReady) => {
      this.#connections.splice(this.#connections.indexOf(connection), 1);
      if (wasReady) return;
      this.#lastFailure = connection.failure;
      const delayMs = Math.min(BACK_OFF.longestMs, BACK_OFF.firstMs * 2 ** this.#failures++);
      this.#retryAt = this.clock.monotonic() + delayMs * (0.8 + 0.4 * Math.random());
    });
    made.session.once('remoteSettings', () => {
      this.#failures = 0;
    });
    this.#connections.push(made);
    return made;
  }

  /** Rejects as the call does when it ends before. */
  #whenConnected(connection: Connection, { signal, deadline }: CallRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => settle(() => reject(cancelled()));
      const cancelTimer =
        deadline === undefined
          ? () => {}
          : this.clock.after(deadline - this.clock.now(), () => settle(() => reject(deadlineExceeded())));
      const settle = (then: () => void) => {
        cancelTimer();
        signal.removeEventListener('abort', onAbort);
        then();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      connection.connected.then(
        () => settle(resolve),
        (error: unknown) => settle(() => reject(unreachable(error, true))),
      );
    });
  }

  state(): TransportState {
    if (this.#closing !== undefined) return 'closed';
    if (this.#connections.some(({ state }) => state === 'ready')) return 'ready';
    if (this.#connections.length > 0) return 'connecting';
    return this.#failures > 0 ? 'failing' : 'idle';
  }

  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#shutDown(graceMs);
    return this.#closing;
  }

  async #shutDown(graceMs: number): Promise<void> {
    if (this.running.size > 0) {
      await new Promise<void>((resolve) => {
        const cancelTimer = this.clock.after(graceMs, resolve);
        this.#idle = () => {
          cancelTimer();
          resolve();
        };
      });
      for (const rpc of this.running) rpc.abort(upstreamClosed());
    }
    for (const connection of [...this.#connections]) {
      if (connection.state === 'ready') connection.close();
      else connection.destroy();
    }
  }
}

function addressOf(target: string): { readonly path: string } | { readonly host: string; readonly port: number } {
  if (target.startsWith('unix:')) return { path: target.slice('unix:'.length).replace(/^\/\/(?=\/)/, '') };
  const address = target.replace(/^dns:(\/\/[^/]*\/)?/, '');
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(colon + 1)) };
}

function authorityOf(address: ReturnType<typeof addressOf>): string {
  if ('path' in address) return 'localhost';
  const { host, port } = address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
