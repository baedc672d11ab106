/**
 * The contract between an upstream and the code that sends its calls: a Transport opens connections to one endpoint and
 * moves bytes. It knows nothing of protos, JSON or HTTP routes. `test/upstream/transport-suite.ts` tests the contract for
 * every implementation.
 */
import type { SecureContext } from 'node:tls';
import type { Clock } from '../base/clock.js';
import type { CallRequest, CallResponse } from '../call/call.js';
import type { Endpoint } from './endpoint.js';

/**
 * The state is `ready` when there is a connection that takes calls, as far as is known. It is `failing` when the last attempt
 * to connect has failed, until another one succeeds.
 */
export type TransportState = 'idle' | 'connecting' | 'ready' | 'failing' | 'closed';

export interface TlsSettings {
  /** The CA certificates in PEM. Those of Node.js are used if it is undefined. */
  readonly ca?: Buffer;
  /** The gateway's own certificate for mutual TLS, in PEM; `key` is its private key. */
  readonly cert?: Buffer;
  readonly key?: Buffer;
  /**
   * The same settings as an object of Node, which takes some time to make for many authorities. All connections may
   * share it.
   */
  readonly context?: SecureContext;
  /** The name that the upstream's certificate must contain; the endpoint's host if absent. */
  readonly serverName?: string;
}

/** The settings that connections depend on. A change of any of them needs new connections; no other change does. */
export interface TransportSettings {
  readonly endpoint: Endpoint;
  /** The TLS settings; plaintext if absent. */
  readonly tls?: TlsSettings;
}

export interface Transport {
  /**
   * Sends one rpc. Rejects, or throws from the response's iterator, only with a StatusError, with two exceptions: an error
   * of the request's own message stream cancels the call and passes through unchanged, and illegal metadata, which the
   * layers above refuse, is a plain Error.
   *
   * `maxResponseBytes` is the most bytes that a message from the upstream may have, after decompression.
   */
  call(request: CallRequest, maxResponseBytes: number): Promise<CallResponse>;
  /**
   * Resolves when there is a connection that takes calls, and makes one if there is none. Rejects with a StatusError if the
   * attempt fails, and at once if an attempt has failed and the next one is not due yet. `maxResponseBytes` is the limit of
   * the calls that will use the connection.
   */
  connect(maxResponseBytes: number): Promise<void>;
  state(): TransportState;
  /** Returns the number of calls that are running or wait for a connection. */
  running(): number;
  /**
   * Refuses new calls, lets running calls end for at most `graceMs`, cancels the remaining ones, and closes the
   * connections.
   */
  close(graceMs: number): Promise<void>;
}

export type TransportFactory = (settings: TransportSettings, clock: Clock) => Transport;
