/**
 * The contract between an upstream and the code that sends its calls: a Transport opens connections to one endpoint and sends
 * bytes. It does not know protos, JSON or HTTP routes. `test/upstream/transport-suite.ts` tests the contract for every
 * implementation.
 */
import type { SecureContext } from 'node:tls';
import type { Clock } from '../base/clock.js';
import type { CallRequest, CallResponse } from '../call/call.js';
import type { Endpoint } from './endpoint.js';

/**
 * The state of a transport. `ready`: there is a connection that accepts calls, as far as is known. `failing`: the last attempt
 * to connect has failed, and none has succeeded since.
 */
export type TransportState = 'idle' | 'connecting' | 'ready' | 'failing' | 'closed';

export interface TlsSettings {
  /** The trusted CA certificates in PEM. If it is absent, Node trusts its built-in ones. */
  readonly ca?: Buffer;
  /** The gateway's own certificate for mutual TLS, in PEM. */
  readonly cert?: Buffer;
  /** The private key of `cert`, in PEM. */
  readonly key?: Buffer;
  /**
   * The same settings as a prepared object of Node. Preparing it takes some time if there are many CAs, so all connections
   * share it.
   */
  readonly context?: SecureContext;
  /** The host name that the upstream's certificate must be for. If it is absent, it is the host of the endpoint. */
  readonly serverName?: string;
}

/** The settings of connections. A change of any of them needs new connections; changes of other settings do not. */
export interface TransportSettings {
  readonly endpoint: Endpoint;
  /** The TLS settings. If they are absent, the connections are plaintext. */
  readonly tls?: TlsSettings;
}

export interface Transport {
  /**
   * Sends one rpc. The promise, and the iterator of a streamed response, reject only with a StatusError, with two exceptions:
   * an error of the request's own message stream cancels the call and is passed on unchanged, and illegal metadata, which
   * the caller should have refused, gives a plain Error.
   *
   * `maxResponseBytes` is the most bytes that a message from the upstream may have, after decompression.
   */
  call(request: CallRequest, maxResponseBytes: number): Promise<CallResponse>;
  /**
   * Resolves when there is a connection that accepts calls; makes one if there is none. Rejects with a StatusError if the
   * attempt fails, and at once if an attempt has failed and the next one must not begin yet. `maxResponseBytes` is the limit of
   * the calls that will use the connection.
   */
  connect(maxResponseBytes: number): Promise<void>;
  state(): TransportState;
  /** Returns the number of calls that are running or wait for a connection. */
  running(): number;
  /**
   * Refuses new calls, and waits at most `graceMs` for running calls. Then it cancels the remaining calls, and closes the
   * connections.
   */
  close(graceMs: number): Promise<void>;
}

export type TransportFactory = (settings: TransportSettings, clock: Clock) => Transport;
