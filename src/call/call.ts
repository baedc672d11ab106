import type { Deadline } from './deadline.js';
import type { Metadata } from './metadata.js';
import type { Principal } from './principal.js';

/**
 * The one shape of "ask somebody": an upstream is a Call, a cache in front of it is a Call, an aggregate over many is a
 * Call. Messages are protobuf bytes; nothing here knows JSON or HTTP.
 *
 * Unary requests and responses are one `Uint8Array`, without an iterator around it; streams are `AsyncIterable`s whose
 * consumer sets the pace (a message is asked for when the one before it was taken).
 */
export type Call = (request: CallRequest) => Promise<CallResponse>;

/** Something around a Call: deadline, telemetry, retry, cache. */
export type Interceptor = (next: Call) => Call;

/** What of a method a call needs to know. */
export interface CallMethod {
  /** `/pkg.Service/Method`, as it travels in `:path`. */
  readonly path: string;
  readonly clientStreaming: boolean;
  readonly serverStreaming: boolean;
}

export function isStreaming({ clientStreaming, serverStreaming }: Omit<CallMethod, 'path'>): boolean {
  return clientStreaming || serverStreaming;
}

export type Messages = Uint8Array | AsyncIterable<Uint8Array>;

export interface CallRequest {
  readonly method: CallMethod;
  /** One message unless the method streams from the client. Owned by the call until it settles. */
  readonly message: Messages;
  readonly metadata: Metadata;
  /** Absent when there is no deadline. */
  readonly deadline?: Deadline;
  /** Aborted when the client is gone: the call is cancelled. */
  readonly signal: AbortSignal;
  readonly context: CallContext;
}

/** What travels with a call besides its bytes. */
export interface CallContext {
  readonly surface: string;
  readonly requestId: string;
  /** The address of the client, behind any trusted proxies. */
  readonly clientAddress: string;
  /** Who calls; absent: nobody asked, or nobody said. */
  readonly principal?: Principal;
  /** Of an aggregate: the paths of its answer that are wanted, as a FieldMask in text; absent: all. */
  readonly mask?: string;
}

export interface CallResponse {
  readonly headers: Metadata;
  /** One message unless the method streams from the server. A failing stream throws a StatusError from its iterator. */
  readonly message: Messages;
  /** Of a unary answer; a stream's are known only at its end and are not kept. */
  readonly trailers: Metadata;
  readonly notes: CallNotes;
}

/** What a layer of the call wants the answer to tell. */
export interface CallNotes {
  readonly cache?: CacheNote;
  readonly parts?: readonly string[];
  /** True if an upstream marked a part of the answer as meant for this request alone. */
  readonly forOneRequest?: true;
}

/** Where an answer of a cached route came from. */
export interface CacheNote {
  /** `stale`: kept for longer than it is fresh. `bypass`: neither looked for nor kept. */
  readonly status: 'hit' | 'stale' | 'miss' | 'bypass';
  readonly ageMs: number;
  /** Another request had asked already. */
  readonly collapsed?: boolean;
}

export const NO_NOTES: CallNotes = Object.freeze({});

/** Puts interceptors around a call; the first one is the outermost. */
export function intercept(call: Call, interceptors: readonly Interceptor[]): Call {
  return interceptors.reduceRight((next, interceptor) => interceptor(next), call);
}
