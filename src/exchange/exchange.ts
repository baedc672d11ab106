/**
 * The exchange is the state of one request on its way through the pipeline, in Koa's `ctx.state`. Each stage adds its results.
 * Later stages and the access log read them.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Middleware as KoaMiddleware, ParameterizedContext } from 'koa';
import type { CallRecord } from '../call/call-record.js';
import type { Principal } from '../call/principal.js';
import type { Binding } from '../routing/binding.js';
import type { NearRoute } from '../routing/near-route.js';
import type { RouteTable } from '../routing/route-table.js';
import type { StatusError } from '../status/status-error.js';
import type { LimitState } from '../store/window.js';
import type { RouteMetrics } from '../telemetry/request-metrics.js';
import type { RequestTrace, Tracing } from '../telemetry/tracing.js';
import type { ErrorSettings } from '../transcoding/error-body.js';
import type { CompiledResponseHeaders } from '../transcoding/headers.js';
import type { Upstream } from '../upstream/upstream.js';
import type { RequestState } from './request-state.js';

export interface Exchange extends RequestState {
  /** The snapshot with which the request began. A reload does not change it. */
  snapshot: Snapshot;
  /** The surface to which host, base path and headers assign the request. Before that it is the snapshot's `unclaimed`. */
  surface: Surface;
  requestId: string;
  /** The address of the client: that of the connection, or the one that trusted proxies report. */
  clientAddress: string;
  /** The start of the request in milliseconds on the monotonic clock. */
  startedAt: number;
  /** The authority of the request target or of the Host header, as it was sent. */
  authority: string;
  /** The request's path as it was sent: not decoded, without base path and query. */
  rawPath: string;
  /** The part of the request target after `?`, as it was sent. It is empty if there is none. */
  rawQuery: string;
  route: Route | undefined;
  captures: readonly string[];
  /** The caller. Undefined on public routes and for callers that are not known. */
  principal: Principal | undefined;
  /** True if the caller is known by a cookie, which a browser also sends for requests of other sites. */
  fromCookie: boolean;
  /** The state of the rate limit with the least room, among those that were checked so far. Undefined when there was none. */
  limitState: LimitState | undefined;
  /** True if a rate limit has refused the request. */
  overLimit: boolean;
  bytesIn: number;
  /** The number of bytes of bodies and messages that were written for the client. */
  bytesOut: number;
  /** The trace of the request. Undefined if no traces are exported. */
  trace: RequestTrace | undefined;
  /** The record of how the calls of this request went. */
  record: CallRecord;
  /**
   * The time on the monotonic clock at which the whole answer was passed to Node. Undefined until then, and for
   * streams, whose messages are passed on one by one.
   */
  answeredAt: number | undefined;
  /**
   * True while an endpoint waits for more of the request. The endpoint limits that time itself, so the time limit for
   * idle requests does not apply.
   */
  awaitsBody: boolean;
  /** The names of the parts that are missing in the answer of an aggregate. Undefined when none is missing. */
  partial: string | undefined;
  /**
   * Undefined if the request did not become a WebSocket. `clientGone` is true if the client left before the gateway ended the
   * WebSocket.
   */
  webSocket: { readonly clientGone: boolean } | undefined;
  /** Aborted when a stream must end, with a StatusError as its reason. Undefined for requests that do not stream. */
  ending: AbortSignal | undefined;
  /** The error that the request was answered with, for the access log. */
  error: StatusError | undefined;
}

export type Context = ParameterizedContext<Exchange>;
/** A stage of the pipeline. Every {@link RequestState} middleware of an embedder is also a stage. */
export type Middleware = KoaMiddleware<Exchange>;

/** One binding that is ready to serve. It is compiled when the first request needs it. */
export interface Route {
  readonly binding: Binding;
  /** The name of the upstream that serves the route, for the log. Undefined for an aggregate. */
  readonly upstream: string | undefined;
  /** The fields of a log line that are the same for all requests of the route, as JSON without braces. */
  readonly logFields: string;
  readonly metrics: RouteMetrics;
  /** Runs the policies of the route, and then its endpoint. */
  readonly serve: (ctx: Context) => Promise<void>;
  /** The checks that run again for open streams. Undefined for a method that does not stream. */
  readonly admission: Admission | undefined;
}

/** The checks that admit a request. After a reload they run again for open streams. */
export interface Admission {
  /** Runs the stages that decide who may call. Rejects with the StatusError of a refusal. */
  readonly guard: (ctx: Context) => Promise<void>;
  /** The texts of the `require` conditions that read messages of the client. */
  readonly demands: readonly string[];
}

/** Everything that is needed to serve a request, compiled from one config and one schema. Its tables never change. */
export interface Snapshot {
  /** The surfaces in the order of the config. There is at least one. */
  readonly surfaces: readonly Surface[];
  /** The surface of all requests. Undefined when host, base path or headers decide. */
  readonly only: Surface | undefined;
  /** Finds the surface of a request. */
  readonly choose: Choose<Surface>;
  /** Answers requests that belong to no surface, and those whose target cannot be read. It has no routes. */
  readonly unclaimed: Surface;
  /** Finds the client's address. */
  readonly clientAddress: FindClientAddress;
  /** The share of successful requests that the access log contains, from 0 to 1. */
  readonly logSample: number;
  /** The time in milliseconds after which the connection of a client that reads nothing of its answer is cut. */
  readonly stallTimeoutMs: number;
  /** The most bytes of answers that a connection may hold. */
  readonly connectionBytes: number;
  /** Traces requests. Undefined if no traces are exported. */
  readonly tracing: Tracing | undefined;
  /** The upstreams by name: `report` returns their state for operators, `connect` connects to them. */
  readonly upstreams: ReadonlyMap<string, Pick<Upstream, 'report' | 'connect'>>;
  /**
   * Resolves when the snapshot can serve, or when waiting longer would not help: for example, after the first attempt
   * to fetch the issuers' keys.
   */
  readonly prepared: Promise<void>;
  /** Releases the resources. It is called once, when no request uses the snapshot any more. */
  readonly release: () => Promise<void>;
}

/**
 * Finds the surface (`T`) of a request. It calls `pick` for the group of surfaces with the most exact host and base path, then
 * for the next ones, and returns the first result that `pick` gives. Undefined when there is none.
 */
export type Choose<T> = (
  authority: string,
  rawPath: string,
  headers: IncomingHttpHeaders,
  pick: PickOf<T>,
) => T | undefined;

/** Picks a surface of a group by the headers of the request. Undefined when the request belongs to none of them. */
export type PickOf<T> = (group: ClaimGroup<T>, headers: IncomingHttpHeaders) => T | undefined;

/** The surfaces with the same host and base path. Those that demand the most headers come first. */
export type ClaimGroup<T> = readonly {
  /** The headers that a request must have to belong to the surface, as name, value, name, value. */
  readonly wanted: readonly string[];
  readonly value: T;
}[];

export interface Surface {
  readonly name: string;
  /** The path in front of all routes, such as `/mobile`. It is empty if there is none. */
  readonly basePath: string;
  /** The value of `Vary`: the request headers that decide whether a request belongs to this surface. Often empty. */
  readonly varies: string;
  /** The log's fields and the metrics of requests that match no route. */
  readonly unmatched: Pick<Route, 'logFields' | 'metrics'>;
  /** The routes. Each is compiled when the first request needs it. */
  readonly table: RouteTable<() => Route>;
  /** The methods that stream, by path alone. A WebSocket's handshake is a GET, so the method's own verb is ignored. */
  readonly webSockets: RouteTable<() => Route>;
  /**
   * Finds the route that a 404 names as the one that was probably meant. Undefined when hints are turned off.
   * `nearWebSocket` does the same for WebSockets.
   */
  readonly nearRoute: NearRoute | undefined;
  readonly nearWebSocket: NearRoute | undefined;
  /** The rules for web pages of other origins. Undefined when no such page may read an answer. */
  readonly cors: Cors | undefined;
  readonly errors: ErrorSettings;
  /** The time in milliseconds for which a stream may continue after its caller has lost access (`auth.streamGrace`). */
  readonly streamGraceMs: number;
  /** The rules that decide which metadata of an upstream a client gets as headers. */
  readonly responseHeaders: CompiledResponseHeaders;
  /** Compiles the routes that requests have used before, also in earlier snapshots. */
  compileUsed(): void;
}

/** The answers of a surface to web pages of other origins. */
export interface Cors {
  /** Answers preflight requests, and lets pages read the other answers. */
  readonly answer: Middleware;
  readonly allows: (origin: string) => boolean;
}

/** The address of the client, as far as the network shows it. */
export interface ClientAddress {
  readonly address: string;
  /** True if the connection comes from a trusted proxy. Then its `x-request-id` may be used. */
  readonly viaTrustedProxy: boolean;
}

/** Returns the client's address. `peer` is the address of the connection. */
export type FindClientAddress = (peer: string, headers: IncomingHttpHeaders) => ClientAddress;
