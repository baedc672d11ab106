/**
 * The contract between an upstream and what carries its calls: a Transport opens connections and moves bytes for one
 * endpoint. It knows nothing of protos, JSON or HTTP routes. `test/upstream/transport-suite.ts` is the contract as
 * tests; every implementation runs it.
 */
import type { Clock } from '../base/clock.js';
import type { CallRequest, CallResponse } from '../call/call.js';
import type { Endpoint } from './endpoint.js';

/** `failing`: the last attempt to connect failed and the next one is not due yet. */
export type TransportState = 'idle' | 'connecting' | 'ready' | 'failing' | 'closed';

export interface TlsSettings {
  /** PEM; absent: the system's roots. */
  readonly ca?: Buffer;
  /** PEM, with `key`: the gateway's own certificate, for mutual TLS. */
  readonly cert?: Buffer;
  readonly key?: Buffer;
  /** The name that the upstream's certificate must carry, if it is not the endpoint's host. */
  readonly serverName?: string;
}

/** What its connections depend on, and nothing else: whoever changes one of these needs new ones. */
export interface TransportSettings {
  readonly endpoint: Endpoint;
  /** Absent: plaintext. */
  readonly tls?: TlsSettings;
}

export interface Transport {
  /**
   * One rpc. Rejects (or throws from the response's iterator) with a StatusError and nothing else, but for what the
   * request's own message stream throws, which cancels the call and passes through unchanged. (Metadata that is illegal,
   * which the layers above refuse, is a plain Error.)
   *
   * `maxResponseBytes`: the largest message that is taken from the upstream, in bytes, after decompression.
   */
  call(request: CallRequest, maxResponseBytes: number): Promise<CallResponse>;
  state(): TransportState;
  /** Calls that it has now. */
  running(): number;
  /** Refuses new calls, lets the running ones end for at most `graceMs`, cancels the rest, closes the connections. */
  close(graceMs: number): Promise<void>;
}

export type TransportFactory = (settings: TransportSettings, clock: Clock) => Transport;
