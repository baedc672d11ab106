import type { Span } from '../base/span.js';
import type { Attempt, CallRecord } from './call-record.js';
import type { Deadline } from './deadline.js';
import type { Metadata } from './metadata.js';
import type { Principal } from './principal.js';

/**
 * A Call is the one form of every call: an upstream is a Call, a cache in front of it is a Call, and an aggregate of
 * several calls is a Call. Messages are protobuf bytes. Nothing here depends on JSON or HTTP.
 *
 * The message of a unary request or response is one `Uint8Array`. A stream is an `AsyncIterable` whose consumer sets
 * the pace: the next message is requested when the one before it was taken.
 */
export type Call = (request: CallRequest) => Promise<CallResponse>;

/** A layer around a Call, such as a deadline, telemetry, retries or a cache. */
export type Interceptor = (next: Call) => Call;

/** The properties of a method that a call needs. */
export interface CallMethod {
  /** The path `/pkg.Service/Method`, as it is sent in `:path`. */
  readonly path: string;
  readonly clientStreaming: boolean;
  readonly serverStreaming: boolean;
}

export function isStreaming({ clientStreaming, serverStreaming }: Omit<CallMethod, 'path'>): boolean {
  return clientStreaming || serverStreaming;
}

/** One message, or a stream of messages, as protobuf bytes. */
export type Messages = Uint8Array | AsyncIterable<Uint8Array>;

/** The request of a call. Its objects must not be changed; an interceptor passes on a changed copy. */
export interface CallRequest {
  readonly method: CallMethod;
  /** One message, unless the client streams. The call may use its bytes until the call settles. */
  readonly message: Messages;
  /** The metadata that is sent with the request. */
  readonly metadata: Metadata;
  /** The deadline. Absent when there is none. */
  readonly deadline?: Deadline | undefined;
  /** Aborted when the client has closed its connection or stream. The call is then cancelled. */
  readonly signal: AbortSignal;
  readonly context: CallContext;
  /** This try of the call, into which the upstream writes the endpoint that it chooses. Absent when no code reads it. */
  readonly attempt?: Attempt | undefined;
  /** The endpoints that earlier attempts of this call have used. Absent when there can be only one attempt. */
  readonly tried?: TriedEndpoints | undefined;
}

/**
 * The endpoints that the attempts of one call have used. The layer that repeats a call makes the set and passes the same one
 * with each attempt. The balancer adds each endpoint that it chooses, and prefers endpoints that are not in the set.
 */
export type TriedEndpoints = Set<unknown>;

/** The properties of a call besides its bytes. */
export interface CallContext {
  readonly surface: string;
  readonly requestId: string;
  /** The address of the client, behind any trusted proxies. */
  readonly clientAddress: string;
  /** The caller. Absent when the route does not authenticate, or when the request has no credential. */
  readonly principal?: Principal | undefined;
  /**
   * The paths of the answer that the client wants, as the text of a FieldMask. Only aggregates have it. Absent when the
   * client wants all of it.
   */
  readonly mask?: string | undefined;
  /** The record of the calls, for log and metrics. Absent for calls that belong to no request, such as a refresh of the cache. */
  readonly record?: CallRecord | undefined;
  /** The span in which calls are made. Absent if the request is not recorded in a trace. */
  readonly span?: Span | undefined;
  /** The bytes that the client's connection may still hold. Absent when they have no limit. */
  readonly room?: Room | undefined;
  /**
   * The subset of servers that the request has chosen, by the name of the upstream (docs/reliability.md#canaries). Absent
   * when it has chosen none.
   */
  readonly subsets?: ReadonlyMap<string, string> | undefined;
}

/** Limits the bytes of answers that one connection of a client may hold at a time (docs/connections.md). */
export interface Room {
  /** Counts a message that has come whole. */
  hold(bytes: number): void;
  /**
   * Counts a message that begins to come. Returns undefined if there is room for it. Otherwise it must not be read on before
   * `onRoom` runs, and the returned function ends the wait.
   */
  ask(bytes: number, onRoom: () => void): (() => void) | undefined;
}

/** The answer of a call. A status other than OK is a StatusError that is thrown. */
export interface CallResponse {
  /** The metadata that came before the message. */
  readonly headers: Metadata;
  /** One message, unless the server streams. If a stream fails, its iterator throws a StatusError. */
  readonly message: Messages;
  /** The trailers of a unary answer. Those of a stream are known only at its end, and are not kept. */
  readonly trailers: Metadata;
  readonly notes: CallNotes;
}

/** The notes that the layers of the call add to an answer. */
export interface CallNotes {
  readonly cache?: CacheNote;
  readonly parts?: readonly string[];
  /** True if an upstream marked a part of the answer as meant for this request alone. */
  readonly forOneRequest?: true;
}

/** The source of an answer on a cached route. */
export interface CacheNote {
  /**
   * The result of the cache. With `stale` the answer is older than its lifetime. With `bypass` the cache was not used.
   */
  readonly status: 'hit' | 'stale' | 'miss' | 'bypass';
  readonly ageMs: number;
  /** True if another request had already started the call. */
  readonly collapsed?: boolean;
}

export const NO_NOTES: CallNotes = Object.freeze({});

/** Puts interceptors around a call; the first one is the outermost. */
export function intercept(call: Call, interceptors: readonly Interceptor[]): Call {
  return interceptors.reduceRight((next, interceptor) => interceptor(next), call);
}
